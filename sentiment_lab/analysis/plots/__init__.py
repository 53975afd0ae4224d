"""Charts of single runs, of variants and of comparisons."""
