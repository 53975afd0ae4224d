"""Sweeps: executing one job, many jobs from one command, tuning, search, and the report at the end."""
