"""Exit codes of `sentiment-lab`."""

DONE = 0
FAILED = 1
"""A run failed, a file could not be written, or problems are left."""
BAD_USAGE = 2
"""An invalid option, config, hash or file; nothing was done."""
DIVERGED = 3
"""A reproduction diverged from its original."""
INTERRUPTED = 130
"""Ctrl-C or SIGTERM; 128 + SIGINT, as shells report it."""
