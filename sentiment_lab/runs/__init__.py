"""The run folder and what keeps it correct."""
