"""The named views of a study's runs in MLflow's UI: their columns and order.

The UI stores a shared view as JSON in a tag of the experiment and lists it under `Views`; a URL selects it by
`viewStateShareKey`. Neither is documented; the fields are those of the UI of MLflow 3.17 and 3.18. A UI that does not
know them shows its default columns.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

PREFIX = "mlflow.sharedViewState."
FIRST_VIEW = "sweeps"
"""The view that `sentiment-lab ui` opens: sweeps with their runs below them."""
OPENED = {"mlflow.runType": "evaluation"}
"""Tags of a child run. The UI collapses every parent, whose row has no numbers, unless its children are of this type;
MLflow reads this value nowhere else."""

_COLUMNS = (
    *("metrics.`test_accuracy`", "metrics.`best_validation_accuracy`", "metrics.`train_seconds`"),
    *("metrics.`parameters`", "params.`seed`", "params.`model.units`", "params.`split.method`", "tags.`config_hash`"),
    *("attributes.`Models`", "attributes.`Dataset`"),
)
_WIDTHS = {"attributes.`Run Name`": 320, "metrics.`best_validation_accuracy`": 170, "metrics.`test_accuracy`": 130}
_VIEWS: Mapping[str, tuple[str, dict[str, Any]]] = {
    # The UI shows children below their parents only in the order of creation.
    FIRST_VIEW: ("Sweeps and their runs", {"orderByKey": "attributes.start_time"}),
    "best": ("Runs, best first", {"searchFilter": "metrics.test_accuracy >= 0"}),
    "variants": (
        "Variants, mean over seeds",
        {
            "searchFilter": "metrics.test_accuracy >= 0",
            "groupBy": {
                "aggregateFunction": "average",
                "groupByKeys": [{"mode": "tag", "groupByData": "variant"}],
            },
        },
    ),
}


def view_tags() -> dict[str, str]:
    """Return the tags that define the views of an experiment."""
    return {f"{PREFIX}{key}": _tag(name, changes) for key, (name, changes) in _VIEWS.items()}


def _tag(name: str, changes: Mapping[str, Any]) -> str:
    now = round(time.time() * 1000)
    state = {
        "searchFilter": "",
        "orderByKey": "metrics.`test_accuracy`",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": _COLUMNS,
        "columnOrder": ["attributes.`Run Name`", "runDateAndNestInfo", *_COLUMNS],
        "columnWidths": _WIDTHS,
        **changes,
    }
    return json.dumps({"name": name, "createdAt": now, "updatedAt": now, "state": json.dumps(state)})
