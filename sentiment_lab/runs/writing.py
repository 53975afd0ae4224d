"""Writing a run folder: the first files before training, then the outcome, with `result.json` last."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment_lab.base.files import (
    atomic_path,
    atomic_write,
    check_files,
    file_digest,
    storage_errors,
    write_checksummed,
)
from sentiment_lab.config.identity import canonical_json
from sentiment_lab.config.settings import Config
from sentiment_lab.runs.folder import FIRST_FILES, RunFolder
from sentiment_lab.runs.provenance import CodeVersion
from sentiment_lab.training.result import result_to_plain

if TYPE_CHECKING:
    import pandas as pd

    from sentiment_lab.training.train import Outcome, Predictions


def begin_run(
    run: RunFolder, config: Config, overrides: Sequence[str], code: CodeVersion, environment: Mapping[str, str]
) -> dict[str, str]:
    """Empty a run folder and write the first files; return their digests by name.

    Raises StorageError when the folder cannot be written.
    """
    with storage_errors(run.path):
        _remove_earlier_training(run)
    return restore_first_files(run, config, overrides, code, environment)


def restore_first_files(
    run: RunFolder, config: Config, overrides: Sequence[str], code: CodeVersion, environment: Mapping[str, str]
) -> dict[str, str]:
    """Write the first files that are missing or do not match the journal; return the digests of all by name.

    Raises StorageError when they cannot be written.
    """
    record = {"code_version": code.version, **environment}
    contents = (
        canonical_json(config) + "\n",
        "".join(f"- {json.dumps(text)}\n" for text in overrides),
        "".join(f"{key}: {value}\n" for key, value in record.items()),
        code.diff,
    )
    known = run.first_files()
    written = {name: text for name, text in zip(FIRST_FILES, contents, strict=True) if name in known or not known}
    for name, text in written.items():
        if name not in known or check_files(run.path, {name: known[name]}):
            _write_or_remove(run.path / name, text)
    return {name: file_digest(run.path / name) for name in written if (run.path / name).is_file()}


def write_outcome(run: RunFolder, outcome: Outcome, draw: Callable[[Path], None] | None) -> None:
    """Write model, predictions, figures unless `draw` is None and, last, the result that makes the run complete.

    Raises StorageError when they cannot be written.
    """
    with storage_errors(run.path):
        for folder, fill in ((run.model, outcome.classifier.save), (run.figures, draw)):
            shutil.rmtree(folder, ignore_errors=True)
            if fill:
                with atomic_path(folder) as unfinished:
                    unfinished.mkdir()
                    fill(unfinished)
        with atomic_path(run.path / "predictions.parquet") as unfinished:
            _table(outcome.predictions).to_parquet(unfinished, index=False)
    files = {"predictions.parquet", "model/model.json", *(f"figures/{p.name}" for p in run.figures.glob("*"))}
    digests = {name: file_digest(run.path / name) for name in sorted(files)}
    own = {"config_hash": run.config_hash, "files": digests}
    write_checksummed(run.path / "result.json", {**result_to_plain(outcome.result), **own})
    drop_checkpoints(run)


def drop_checkpoints(run: RunFolder) -> None:
    """Remove the checkpoints, which only an incomplete run needs."""
    shutil.rmtree(run.checkpoints, ignore_errors=True)


def _remove_earlier_training(run: RunFolder) -> None:
    """Remove the files of an earlier training of this config, its result first."""
    for name in ("result.json", "journal.jsonl", "predictions.parquet", "mirror.json", *FIRST_FILES):
        (run.path / name).unlink(missing_ok=True)
    for folder in (run.model, run.figures, run.checkpoints):
        shutil.rmtree(folder, ignore_errors=True)


def _write_or_remove(path: Path, text: str) -> None:
    if text:
        atomic_write(path, text)
    else:
        with storage_errors(path):
            path.unlink(missing_ok=True)


def _table(predictions: Mapping[str, Predictions]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(
        pd.DataFrame(
            {
                "review_id": part.ids,
                "part": name,
                "label": part.labels,
                "probability": part.probabilities,
                "tokens": part.lengths,
            }
        )
        for name, part in predictions.items()
    )
