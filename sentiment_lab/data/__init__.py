"""Reviews in, batches out."""
