"""Overrides of the smallest run, for tests that train."""

TINY = (
    "data.reviews=120",
    "data.length=12",
    "data.distance=2",
    "model.units=[4]",
    "model.embedding_size=4",
    "training.epochs=2",
    "training.batch_size=16",
    "launch.progress=none",
)
"""A run of a second: small enough for a test, whole in every other way."""
