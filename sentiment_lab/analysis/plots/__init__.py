"""Charts: of one run, of a variant, of a comparison."""
