"""The predictions of a run on the test part, read without pandas, whose import takes a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.runs.folder import RunFolder

TYPES = {"review_id": np.str_, "part": np.str_, "label": np.int8, "probability": np.float32, "tokens": np.int64}


@dataclass(frozen=True, eq=False)
class TestPredictions:
    """The predictions on the test part, sorted by review id; every array has shape (reviews,)."""

    __test__: ClassVar[bool] = False  # or pytest collects the class as tests

    ids: NDArray[np.str_]
    labels: NDArray[np.int8]
    probabilities: NDArray[np.float32]
    """Predicted probability of a positive review."""
    tokens: NDArray[np.int64]
    """Tokens that the model read."""

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether each review is classified correctly."""
        correct: NDArray[np.bool_] = (self.probabilities > 0.5) == (self.labels == 1)
        return correct

    def same_test(self, other: TestPredictions) -> bool:
        """Return whether both cover the same reviews with the same labels."""
        return np.array_equal(self.ids, other.ids) and np.array_equal(self.labels, other.labels)


def read_test_predictions(run: RunFolder) -> TestPredictions:
    """Read the predictions of a complete run.

    Raises RunError if it is not complete, DamageError if the predictions are missing or were changed.
    """
    import pyarrow.parquet as pq

    # The whole file, converted through lists: pyarrow's datasets and its arrays of objects import pandas.
    with pq.ParquetFile(run.checked_predictions()) as file:
        table = {
            name: np.array(column.to_pylist()) for name, column in zip(TYPES, file.read([*TYPES]).columns, strict=True)
        }
    test = np.flatnonzero(table.pop("part") == "test")
    order = test[np.argsort(table["review_id"][test], kind="stable")]
    return TestPredictions(*(values[order].astype(TYPES[name]) for name, values in table.items()))
