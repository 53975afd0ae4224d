"""What a run said of each test review, read without pandas, which takes a second to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.runs.folder import RunFolder

TYPES = {"review_id": np.str_, "part": np.str_, "label": np.int8, "probability": np.float32, "tokens": np.int64}


@dataclass(frozen=True, eq=False)
class TestPredictions:
    """The predictions of the test part in the order of the review ids; every array has shape (reviews,)."""

    __test__: ClassVar[bool] = False  # or pytest takes the class for tests

    ids: NDArray[np.str_]
    labels: NDArray[np.int8]
    probabilities: NDArray[np.float32]
    tokens: NDArray[np.int64]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each review is judged rightly."""
        right: NDArray[np.bool_] = (self.probabilities > 0.5) == (self.labels == 1)
        return right

    def same_test(self, other: TestPredictions) -> bool:
        """Tell whether both are about the same reviews with the same labels."""
        return np.array_equal(self.ids, other.ids) and np.array_equal(self.labels, other.labels)


def read_test_predictions(run: RunFolder) -> TestPredictions:
    """Read the predictions of a complete run.

    Raises RunError when it is not complete, DamageError when the predictions are missing or not what was written.
    """
    import pyarrow.parquet as pq

    # Of a whole file and by way of lists, since pyarrow's datasets and its arrays of objects import pandas.
    with pq.ParquetFile(run.checked_predictions()) as file:
        table = {
            name: np.array(column.to_pylist()) for name, column in zip(TYPES, file.read([*TYPES]).columns, strict=True)
        }
    test = np.flatnonzero(table.pop("part") == "test")
    order = test[np.argsort(table["review_id"][test], kind="stable")]
    return TestPredictions(*(values[order].astype(TYPES[name]) for name, values in table.items()))
