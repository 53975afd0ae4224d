"""The smallest runs, for tests that train."""

from __future__ import annotations

from sentiment_lab.config.compose import compose_config
from sentiment_lab.runs.job import Job

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
"""Overrides of the smallest network."""

LINEAR = ("model=nb_svm", "data.reviews=120", "data.length=12", "data.distance=2", "launch.progress=none")
"""Overrides of a linear model, which trains in a tenth of a second: for tests in which the model does not matter."""


def job_of(overrides, variant="bilstm", **more):
    """Return the job of these overrides."""
    return Job(compose_config(overrides), overrides, variant, **more)


def locations(root, cache):
    """Overrides that keep a run below `root`."""
    return [f"paths.runs={root}/runs", f"paths.store={root}", f"paths.cache={cache}"]


def write_reviews(path, start=0, count=120):
    """Write a CSV with short reviews, half of them positive; another `start` or `count` makes other reviews."""
    words = ("posit", "negat")
    lines = [f'"review {index} was {words[index % 2]}",{words[index % 2]}ive' for index in range(start, start + count)]
    path.write_text("\n".join(["review,sentiment", *lines]), encoding="utf-8")
    return path


def only_locations(overrides):
    """Return those of the overrides that name folders or the store."""
    return [word for word in overrides if word.startswith(("paths.", "tracking"))]
