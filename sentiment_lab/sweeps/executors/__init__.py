"""Where jobs run: this process, worker processes, Ray, Slurm."""
