"""`sentiment-lab reproduce --study NAME`: run a part of a published study again and check its conclusion."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sentiment_lab.analysis.conclusion import Conclusion, VariantCheck, check_conclusion
from sentiment_lab.analysis.export import markdown_table
from sentiment_lab.analysis.markdown.page import check_page, put_block
from sentiment_lab.analysis.markdown.provenance import show_code, show_machine
from sentiment_lab.analysis.reproduction import compare_runs
from sentiment_lab.analysis.statistics import Estimate
from sentiment_lab.analysis.variants import assignments, differing, model_name
from sentiment_lab.base.console import console, print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.base.files import atomic_write, storage_errors
from sentiment_lab.base.suggestions import did_you_mean
from sentiment_lab.base.tables import DASH, percent, render
from sentiment_lab.cli.download import confirm_download, minutes
from sentiment_lab.cli.reproduction import prepare_job, reproductions_folder, restore_config, store_verdict
from sentiment_lab.config.identity import flatten, variant_of, with_left_out
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.published import PublishedRun, published_runs
from sentiment_lab.runs.reproduction import Original, read_verdict
from sentiment_lab.runs.seeds import known_seeds
from sentiment_lab.sweeps.execution import execute

Study = dict[str, dict[int, PublishedRun]]
"""Published runs by variant and seed."""


@dataclass(frozen=True)
class Request:
    """Which part of a study to run again."""

    study: str
    variants: Sequence[str] = ()
    """Labels of variants or names of architectures; empty: all."""
    seeds: int | None = None
    """Number of seeds of each variant; None: all."""

    @property
    def command(self) -> str:
        """The command line of this request."""
        words = ["sentiment-lab", "reproduce", "--study", self.study]
        words += ["--seeds", str(self.seeds)] if self.seeds else []
        return shlex.join([*words, *(["--variants", ",".join(self.variants)] if self.variants else [])])


def reproduce_study(
    request: Request, overrides: Sequence[str], *, page: str | None, yes: bool
) -> tuple[Conclusion, dict[str, Any]]:
    """Run the requested part of a published study again and compare it with the original; print tables as messages.

    Runs that an interrupted reproduction of the study completed are used. Raises LabError for an unknown study or
    variant and a page that cannot be written, and the errors of `prepare_job` and `execute`.
    """
    if page:
        check_page(Path(page).absolute())
    study = select_study(request)
    again = _run_all(study, request.seeds, overrides, yes=yes)
    conclusion = check_conclusion(_accuracies(study), _accuracies(again))
    plain = {**_plain(conclusion), **_provenance(request, [run for runs in again.values() for run in runs.values()])}
    if page:
        _write_page(Path(page).absolute(), request, conclusion, plain)
    return conclusion, plain


def select_study(request: Request) -> Study:
    """Return the requested variants of a published study with all their seeds.

    Raises LabError if there are none, naming what exists.
    """
    runs = list(published_runs())
    own = {run.plain["config_hash"]: run for run in runs if run.plain["study"] == request.study}
    if not own:
        names = sorted({run.plain["study"] for run in runs})
        raise LabError(
            f"no published study {request.study!r}{did_you_mean(request.study, names)} (there are {', '.join(names)})"
        )
    variants: dict[str, dict[int, PublishedRun]] = {}
    for run in own.values():
        variants.setdefault(variant_of(run.config()), {})[int(run.config()["seed"])] = run
    labels = _labels([next(iter(seeds.values())) for seeds in variants.values()])
    study = dict(zip(labels, variants.values(), strict=True))
    if not request.variants:
        return study
    for name in request.variants:
        if not any(name in _names(label) for label in study):
            raise LabError(f"no variant {name!r} in {request.study} (there are {', '.join(study)})")
    return {label: runs for label, runs in study.items() if _names(label) & {*request.variants}}


def _names(label: str) -> set[str]:
    """Return what `--variants` may call a variant: its label, or the name of its architecture."""
    return {label, label.split(maxsplit=1)[0]}


def _labels(runs: Sequence[PublishedRun]) -> list[str]:
    """Name variants by the settings in which they differ; without those of the optimizer where these are not needed."""
    configs = [
        {key: value for key, value in with_left_out(flatten(run.config())).items() if key != "seed"} for run in runs
    ]
    short = [{key: value for key, value in one.items() if not key.startswith("optimizer.")} for one in configs]
    labels = _described(short)
    return labels if len({*labels}) == len(labels) else _described(configs)


def _described(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the differing settings of each config, after the name of its architecture."""
    labels = [" ".join(assignments(settings)) for settings in differing(configs)]
    names = [model_name(config) for config in configs]
    return [
        label if label.split(" ")[0] == name else f"{name} {label}".strip()
        for label, name in zip(labels, names, strict=True)
    ]


def _accuracies(study: Mapping[str, Mapping[int, Original]]) -> dict[str, dict[int, float]]:
    return {label: {seed: run.result().test.accuracy for seed, run in runs.items()} for label, runs in study.items()}


def _run_all(
    study: Study, seeds: int | None, overrides: Sequence[str], *, yes: bool
) -> dict[str, dict[int, RunFolder]]:
    """Repeat the first `seeds` runs of each variant; return the repeated ones."""
    chosen = {label: dict(sorted(runs.items())[:seeds]) for label, runs in study.items()}
    runs = [run for repeated in chosen.values() for run in repeated.values()]
    seconds = sum(run.result().train_seconds for run in runs)
    configs = [restore_config(run, overrides) for run in runs]
    confirm_download(configs[0], seconds, f"this part of the study, {len(runs)} runs,", yes=yes)
    print_message(f"{len(runs)} runs, {minutes(seconds)} of training on the machine of the original")
    folder = reproductions_folder(configs)
    return {
        label: {seed: _run_again(run, overrides, folder) for seed, run in repeated.items()}
        for label, repeated in chosen.items()
    }


def _run_again(run: PublishedRun, overrides: Sequence[str], folder: Path) -> RunFolder:
    """Repeat a run in a folder, unless it is complete there, and store its verdict."""
    job, causes = prepare_job(run, overrides, other_data=False, yes=True, runs=folder)
    execute(job)
    if read_verdict(job.folder) is None:
        known = known_seeds(run, Path(restore_config(run, overrides).paths.runs).absolute())
        deterministic = job.config.training.deterministic
        verdict = compare_runs(run, job.folder, causes, deterministic=deterministic, known=known)
        store_verdict(verdict, run, str(run.file), job)
    print_message(f"{job.name}  {run.short_hash}  {_verdict(job.folder)}")
    return job.folder


def _verdict(run: RunFolder) -> str:
    return str((read_verdict(run) or {}).get("verdict"))


def show_conclusion(conclusion: Conclusion) -> None:
    """Print the tables of variants and pairs, and the verdict."""
    terminal = console(stderr=False)
    render(terminal, VARIANT_HEADINGS, variant_rows(conclusion))
    if conclusion.pairs:
        render(terminal, PAIR_HEADINGS, pair_rows(conclusion))
    print(conclusion.sentence)


VARIANT_HEADINGS = ("variant", "original", "95 % interval", "reproduced", "95 % interval", "overlap")
PAIR_HEADINGS = ("pair", "original, points", "p (Holm)", "reproduced, points", "p (Holm)", "result")


def variant_rows(conclusion: Conclusion) -> list[list[str]]:
    """Return a row of text for each variant."""
    overlaps = {True: "yes", False: "no", None: DASH}
    return [
        [
            variant.label,
            *_accuracy_cells(variant.original, variant.original_seeds),
            *_accuracy_cells(variant.again, variant.again_seeds),
            overlaps[variant.overlap],
        ]
        for variant in conclusion.variants
    ]


def _accuracy_cells(estimate: Estimate, seeds: int) -> tuple[str, str]:
    interval = DASH if seeds < 2 else f"{100 * estimate.low:.2f} to {percent(estimate.high)}"
    return f"{percent(estimate.value)} ({seeds} seed{'s' * (seeds > 1)})", interval


def pair_rows(conclusion: Conclusion) -> list[list[str]]:
    """Return a row of text for each pair."""
    rows = []
    for pair in conclusion.pairs:
        cells = [f"{pair.first} over {pair.second}"]
        for result in (pair.original, pair.again):
            p_value = "not testable" if result.p_adjusted is None else f"{result.p_adjusted:.2g}"
            cells += [f"{100 * result.difference.value:+.2f}", p_value + " *" * result.significant]
        rows.append([*cells, pair.state])
    return rows


def _plain(conclusion: Conclusion) -> dict[str, Any]:
    pairs = [
        {**asdict(pair), "original_significant": pair.original.significant, "again_significant": pair.again.significant}
        | {"same_sign": pair.same_sign, "state": pair.state}
        for pair in conclusion.pairs
    ]

    def plain(variant: VariantCheck) -> dict[str, Any]:
        return {**asdict(variant), "overlap": variant.overlap}

    return {
        "state": conclusion.state,
        "sentence": conclusion.sentence,
        "kendall_tau": conclusion.kendall_tau,
        "variants": list(map(plain, conclusion.variants)),
        "pairs": pairs,
    }


def _provenance(request: Request, runs: Sequence[RunFolder]) -> dict[str, Any]:
    here = runs[0].environment()
    return {
        "command": request.command,
        "date": datetime.now(UTC).date().isoformat(),
        "processor": here["processor"],
        "machine": f"{here['processor'].partition(' [')[0]}, {show_machine(here)}",
        "code": show_code(here["code_version"]),
        "runs": {run.short_hash: _verdict(run) for run in runs},
    }


def _write_page(page: Path, request: Request, conclusion: Conclusion, plain: dict[str, Any]) -> None:
    """Write a block with this reproduction and all earlier ones, which a file next to the page keeps."""
    file = page.with_suffix("") / f"{request.study}-reproductions.json"
    earlier = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    history = [*earlier, {key: value for key, value in plain.items() if key not in ("variants", "pairs")}]
    with storage_errors(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(file, json.dumps(history, indent=1) + "\n")
    text = "\n\n".join(
        [
            f"**{_count(history)}** The last time: {conclusion.sentence}.",
            markdown_table([list(VARIANT_HEADINGS), *variant_rows(conclusion)], left=1),
            *([markdown_table([list(PAIR_HEADINGS), *pair_rows(conclusion)], left=1)] if conclusion.pairs else []),
            markdown_table([["date", "part", "machine", "commit", "conclusion"], *map(_history_row, history)], left=5),
        ]
    )
    put_block(
        page, f"sentiment-lab reproduce --study {shlex.quote(request.study)}", f"Reproductions of {request.study}", text
    )
    print_message(f"written: {page}")


def _count(history: Sequence[dict[str, Any]]) -> str:
    times, processors = len(history), len({one["processor"] for one in history})
    return f"Reproduced {times} time{'s' * (times > 1)} on {processors} processor{'s' * (processors > 1)}."


def _history_row(one: dict[str, Any]) -> list[str]:
    return [one["date"], f"`{one['command']}`, {len(one['runs'])} runs", one["machine"], one["code"], one["state"]]
