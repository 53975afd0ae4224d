"""Training and measuring one model."""
