"""Many runs from one command: which jobs, in what order, and what became of them."""
