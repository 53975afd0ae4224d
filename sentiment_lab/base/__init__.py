"""Used by all other packages: errors, atomic files, signals, terminal output."""
