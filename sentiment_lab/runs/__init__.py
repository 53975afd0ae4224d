"""Run folders: reading, writing, locking, checking, publishing and reproducing them."""
