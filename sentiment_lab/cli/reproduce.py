"""`sentiment-lab reproduce`: repeat a run or a published study in a new folder and compare the results."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sentiment_lab.base.console import print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.cli.arguments import Commands, add_command, add_json, add_overrides
from sentiment_lab.cli.exit_codes import DIVERGED, DONE


def add_parser(commands: Commands) -> None:
    """Declare the options of the command."""
    details = (
        "The run is taken from the runs folder, else from the published runs of the pages in experiments/, else from "
        "the MLflow store."
    )
    parser = add_command(commands, "reproduce", run, "repeat a run in a new folder and compare the results", details)
    parser.epilog = (
        "prints: bit-identical, within tolerance, statistically equivalent (no larger difference than between two "
        "seeds), or diverged at epoch K (exit code 3)"
    )
    parser.add_argument(
        "hash", nargs="?", metavar="HASH", help="config hash of the run, or a unique prefix of it (not with --study)"
    )
    add_overrides(
        parser, "data.path=FILE", "launch.threads=2 (settings that are part of the run's hash cannot be changed)"
    )
    parser.add_argument("--other-data", action="store_true", help="use other reviews than the original run")
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="NUMBER",
        help="largest difference of a loss or an accuracy that counts as the same result (default: 0.01)",
    )
    parser.add_argument("--yes", action="store_true", help="download the IMDB reviews (84 MB) without asking")
    _add_study_options(parser)
    add_json(parser)


def _add_study_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--study", metavar="NAME", help="run a published study again and check its conclusion")
    parser.add_argument("--seeds", type=int, metavar="N", help="with --study: the first N seeds (default: all)")
    parser.add_argument(
        "--variants", metavar="LIST", help="with --study: these variants or architectures, such as gru,lstm"
    )
    parser.add_argument(
        "--page", metavar="FILE.md", help="with --study: also write the result as a block of a Markdown page"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command.

    Raises LabError for options that exclude each other.
    """
    if options.study:
        return _run_study(options)
    if options.hash is None:
        raise LabError("give the HASH of a run, or --study NAME")
    if options.seeds or options.variants or options.page:
        raise LabError("--seeds, --variants and --page need --study NAME")
    return reproduce(
        options.hash,
        options.overrides,
        other_data=options.other_data,
        tolerance=options.tolerance,
        yes=options.yes,
        as_json=options.json,
    )


def _run_study(options: argparse.Namespace) -> int:
    overrides = [*filter(None, [options.hash]), *options.overrides]
    if options.other_data or options.tolerance is not None or any("=" not in word for word in overrides):
        raise LabError("--study cannot be combined with HASH, --other-data or --tolerance")
    if options.seeds is not None and options.seeds < 1:
        raise LabError(f"--seeds must be at least 1, got {options.seeds}")
    from sentiment_lab.analysis.conclusion import CONTRADICTED
    from sentiment_lab.cli.study_reproduction import Request, reproduce_study, show_conclusion

    variants = tuple(options.variants.split(",")) if options.variants else ()
    request = Request(options.study, variants, options.seeds)
    conclusion, plain = reproduce_study(request, overrides, page=options.page, yes=options.yes)
    if options.json:
        print(json.dumps(plain, indent=2))
    else:
        show_conclusion(conclusion)
    return DIVERGED if conclusion.state == CONTRADICTED else DONE


def reproduce(
    prefix: str,
    overrides: Sequence[str],
    *,
    other_data: bool = False,
    tolerance: float | None = None,
    yes: bool = False,
    as_json: bool = False,
) -> int:
    """Repeat a run, compare it with the original, and print and store the verdict; exit code 3 if it diverged.

    Raises RunError for an unknown hash, an incomplete run or other reviews, DamageError for a damaged file, ConfigError
    for an override that would change the run, LabError for a download that is not confirmed, and the errors of
    `execute`.
    """
    from sentiment_lab.analysis.reproduction import TOLERANCE, compare_runs
    from sentiment_lab.cli.reproduction import find_original, prepare_job, store_verdict
    from sentiment_lab.config.compose import compose_config
    from sentiment_lab.runs import reproduction
    from sentiment_lab.runs.seeds import known_seeds
    from sentiment_lab.sweeps.execution import execute

    # Overrides of `data` need the data group of the stored run, which is not known yet.
    base = compose_config([word for word in overrides if not word.startswith("data.")])
    with find_original(prefix, base) as (original, location):
        job, differences = prepare_job(original, overrides, other_data=other_data, yes=yes)
        print_message(f"{job.name}  {original.short_hash}  repeated in {job.folder.path}")
        execute(job, callback=reproduction.EpochComparison(original))
        verdict = compare_runs(
            original,
            job.folder,
            differences,
            TOLERANCE if tolerance is None else tolerance,
            deterministic=job.config.training.deterministic,
            known=known_seeds(original, Path(base.paths.runs).absolute()),
        )
        plain = store_verdict(verdict, original, location, job)
        print_message(f"verdict stored in {job.folder.path / reproduction.FILE}")
    print(json.dumps(plain, indent=2) if as_json else verdict.report())
    return DIVERGED if verdict.verdict == reproduction.DIVERGED else DONE
