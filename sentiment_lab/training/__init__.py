"""Training and evaluating one model."""
