"""From reviews to batches of token ids."""
