"""The options of every command but `train`, whose words are Hydra's, and the call that each leads to."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment_lab import __version__
from sentiment_lab.base.errors import LabError
from sentiment_lab.explain.explanation import METHODS

if TYPE_CHECKING:
    from sentiment_lab.cli.compare import Question

FIGURES = ("intervals", "pairs", "cost", "epochs", "lengths", "within")
"""Those of `compare --page`; named here because drawing them takes what no other command should load."""

EXAMPLES = """\
examples:
  sentiment-lab train model=gru seed=1              one run
  sentiment-lab plan model=gru,lstm seed=1,2,3      what a sweep would run, and for how long
  sentiment-lab train -m model=gru,lstm seed=1,2,3  the sweep: six runs under one MLflow parent
  sentiment-lab train --help                        every group and setting
  sentiment-lab runs                                what was run, and how it ended
  sentiment-lab show 3f2a                           one run; any prefix of its hash that is unique serves
  sentiment-lab diff 3f2a 81c0                      what sets two runs apart
  sentiment-lab compare                             which variant of the newest study is better, and how sure that is
  sentiment-lab reproduce 3f2a                      run it again elsewhere: does it come out the same?
  sentiment-lab predict 3f2a "I loved every minute" judge a text with a trained model
  sentiment-lab explain 3f2a "A dull film"          which words made it say so
  sentiment-lab promote 3f2a --as champion          register its model under a name that stays
  sentiment-lab ui                                  browse it all in MLflow
  sentiment-lab sync --to http://HOST:5000          move what was run here up to the team's server
  sentiment-lab doctor                              what is wrong here, and what mends it
  sentiment-lab data info data=imdb                 what the real reviews are

`sentiment-lab COMMAND --help` says more about each.
"""

PREFIX = "config hash, or a prefix of it that is unique"


def run_command(words: Sequence[str]) -> int:
    """Run one command and return its exit code.

    Raises SystemExit (2) for bad usage, LabError for what the user can mend.
    """
    parser = _parser()
    options, rest = parser.parse_known_args(words)
    # argparse takes no overrides or texts after an option: `plan model=gru --json seed=1`.
    free: list[str] | None = getattr(options, "overrides", getattr(options, "text", None))
    if rest and (free is None or any(word.startswith("-") and word != "-" for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if free is not None:
        free += rest
    run: Callable[[argparse.Namespace], int] = options.run
    return run(options)


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    description = "Experiments on recurrent networks for sentiment."
    parser = argparse.ArgumentParser("sentiment-lab", description=description, epilog=EXAMPLES, formatter_class=layout)
    parser.add_argument("--version", action="version", version=f"sentiment-lab {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    commands.add_parser("train", help="train one run, or a sweep with -m (its --help is Hydra's)", add_help=False)
    for add in (
        _add_plan,
        _add_runs,
        _add_show,
        _add_diff,
        _add_compare,
        _add_reproduce,
        _add_predict,
        _add_explain,
        _add_promote,
        _add_ui,
        _add_data,
        _add_care,
    ):
        add(commands)
    return parser


def _add(commands: Any, name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(run=run)
    return parser


def _add_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runs", metavar="DIR", default="mlruns/runs", help="folder of the runs (default: %(default)s)"
    )
    _add_json(parser)


def _add_folders(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runs", metavar="DIR", default="mlruns/runs", help="folder of the runs (default: %(default)s)"
    )
    parser.add_argument("--store", metavar="DIR", default="mlruns", help="folder of the sweeps (default: %(default)s)")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _add_overrides(parser: argparse.ArgumentParser, such_as: str) -> None:
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help=f"such as {such_as}")


def _add_plan(commands: Any) -> None:
    parser = _add(commands, "plan", _plan, "list what train -m would run: hash, state, seconds. Trains nothing")
    _add_overrides(parser, "model=gru,lstm seed=1,2,3 or +experiments=quickstart")
    parser.add_argument("-m", "--multirun", action="store_true", help="accepted, so that train's words serve here")
    _add_json(parser)


def _add_runs(commands: Any) -> None:
    parser = _add(commands, "runs", _runs, "list the runs of this folder, oldest first")
    parser.add_argument("--study", help="only runs of this study")
    parser.add_argument("--watch", action="store_true", help="keep showing what runs, until Ctrl-C")
    _add_root(parser)


def _add_show(commands: Any) -> None:
    parser = _add(commands, "show", _show, "show one run: its state, scores, epochs, config and files")
    parser.add_argument("hash", help=PREFIX)
    _add_root(parser)


def _add_diff(commands: Any) -> None:
    parser = _add(commands, "diff", _diff, "show every setting, layer and number that differs between two runs")
    parser.add_argument("hash", help=PREFIX)
    parser.add_argument("other", metavar="hash", help="the other run")
    _add_root(parser)


def _add_compare(commands: Any) -> None:
    parser = _add(commands, "compare", _compare, "say which variant is better, by how much, and how sure that is")
    parser.add_argument(
        "hash", nargs="*", help="hashes of runs, sweeps or variants, or unique prefixes (default: a study)"
    )
    parser.add_argument("--study", help="all runs of this study (default: that of the newest run)")
    parser.add_argument(
        "--by",
        action="append",
        default=[],
        metavar="KEY",
        help="group by this setting or group of settings alone, such as model",
    )
    parser.add_argument("--metric", default="test_accuracy", help="what is ranked and tested (default: %(default)s)")
    parser.add_argument(
        "--sort", metavar="METRIC", help="order of the rows, the best first (default: that of --metric)"
    )
    parser.add_argument(
        "--across-data", action="store_true", help="rank runs although their data or test reviews differ"
    )
    forms = parser.add_mutually_exclusive_group()
    for form in ("csv", "latex", "markdown"):
        forms.add_argument(
            f"--{form}", dest="form", action="store_const", const=form, help=f"print the table as {form}"
        )
    forms.add_argument("--json", dest="form", action="store_const", const="json", help="print one JSON document")
    parser.add_argument("--report", metavar="FILE.html", help="also write the answer as one self-contained page")
    parser.add_argument(
        "--page",
        metavar="FILE.md",
        help="write the answer into a Markdown page, in place of what this command wrote there before, with figures "
        "and a report in the folder FILE; without hash and study: all that such commands wrote into it, anew",
    )
    parser.add_argument("--within", metavar="KEY", help="of a page: compare runs with one value of this setting alone")
    parser.add_argument(
        "--figure", action="append", default=[], choices=FIGURES, help="of a page (default: intervals); may be repeated"
    )
    _add_folders(parser)


def _add_reproduce(commands: Any) -> None:
    parser = _add(commands, "reproduce", _reproduce, "run a run again elsewhere and say whether it came out the same")
    parser.epilog = "prints: bit-identical, within tolerance, or diverged at epoch K (exit code 3)"
    parser.add_argument("hash", help=PREFIX + "; taken from the runs folder, else from the MLflow store")
    _add_overrides(parser, "data.path=FILE paths.store=DIR tracking.uri=URI: what leaves the run what it is")
    parser.add_argument("--other-data", action="store_true", help="run it on other reviews than its own")
    parser.add_argument(
        "--tolerance",
        type=float,
        help="largest difference of a loss or an accuracy that still counts as the same (default: 0.01)",
    )
    _add_json(parser)


def _add_predict(commands: Any) -> None:
    parser = _add(commands, "predict", _predict, "judge texts with the model of a run")
    parser.add_argument("hash", help=PREFIX)
    parser.add_argument("text", nargs="*", help="texts to judge")
    parser.add_argument("--csv", metavar="FILE", help="judge a CSV's rows and print it with two columns more")
    parser.add_argument("--column", default="review", help="the CSV's column of texts (default: %(default)s)")
    parser.add_argument("--output", metavar="FILE", help="write the CSV here, whole or not at all")
    _add_root(parser)


def _add_explain(commands: Any) -> None:
    parser = _add(commands, "explain", _explain, "show why a run's model judges a text so: token by token")
    parser.add_argument("hash", help=PREFIX)
    parser.add_argument("text", nargs="*", help="texts to explain; - reads one from standard input")
    parser.add_argument("--file", metavar="FILE", action="append", default=[], help="explain what a file holds")
    parser.add_argument(
        "--method",
        choices=METHODS,
        help="how the logit is divided among the tokens (default: integrated_gradients of a network, "
        "weights of a linear model)",
    )
    parser.add_argument("--html", metavar="FILE", help="write a page too, whole or not at all")
    _add_root(parser)


def _add_care(commands: Any) -> None:
    text = "name what is wrong: versions, places, data, run folders, the store; 1 where any is left"
    parser = _add(commands, "doctor", _doctor, text)
    _add_overrides(parser, "paths.store=DIR tracking.uri=URI")
    parser.add_argument("--fix", action="store_true", help="mend what can be mended without losing anything")
    _add_json(parser)
    parser = _add(commands, "sync", _sync, "bring the MLflow store up to date with the runs on disk, doubling nothing")
    _add_overrides(parser, "paths.runs=DIR paths.store=DIR")
    text = "another store, such as a team's server: runs, sweeps, figures, models and what is registered go there"
    parser.add_argument("--to", metavar="URI", help=text)


def _add_promote(commands: Any) -> None:
    text = "register the model of a run in the MLflow store and give it an alias"
    parser = _add(commands, "promote", _promote, text)
    parser.add_argument("hash", help=PREFIX)
    _add_overrides(parser, "paths.runs=DIR paths.store=DIR tracking.uri=URI")
    parser.add_argument("--as", dest="alias", required=True, metavar="ALIAS", help="such as champion or challenger")
    # One name for all studies, so that its champion is the one to load, whichever study it came from.
    parser.add_argument("--name", default="sentiment", help="the registered model (default: %(default)s)")
    _add_json(parser)


def _add_ui(commands: Any) -> None:
    parser = _add(commands, "ui", _ui, "open the MLflow UI at a study")
    parser.add_argument("--store", metavar="DIR", default="mlruns", help="folder of the store (default: %(default)s)")
    parser.add_argument("--port", type=int, default=5000, help="port on this machine (default: %(default)s)")
    parser.add_argument("--study", metavar="NAME", help="the study to open (default: that of the newest run)")


def _add_data(commands: Any) -> None:
    parser = commands.add_parser("data", help="fetch the real reviews, or say what some data is")
    kinds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    fetch = _add(kinds, "fetch", _data_fetch, "download the IMDB reviews into the cache, unless they are there")
    _add_overrides(fetch, "paths.cache=DIR")
    info = _add(kinds, "info", _data_info, "count reviews, lengths, duplicates; print the data_hash")
    _add_overrides(info, "data=imdb data.path=FILE (default: the generated corpus)")
    _add_json(info)


def _plan(options: argparse.Namespace) -> int:
    from sentiment_lab.cli.plan import plan

    return plan(options.overrides, as_json=options.json)


def _diff(options: argparse.Namespace) -> int:
    from sentiment_lab.cli.diff import diff

    return diff(options.runs, options.hash, options.other, as_json=options.json)


def _compare(options: argparse.Namespace) -> int:
    from sentiment_lab.cli.compare import Question, compare_runs

    question = _question(options)
    if not options.page:
        if question.within or question.figures:
            raise LabError("--within and --figure are about a page: --page FILE.md")
        return compare_runs(options.runs, options.store, question, form=options.form, report=options.report)
    from sentiment_lab.analysis.markdown.page import commands_in
    from sentiment_lab.cli.page import write_pages

    if options.form or options.report:
        raise LabError("--page stands alone: it has tables and a report of its own")
    named = question.hashes or question.study
    if not named and question != Question():
        raise LabError("--page alone writes all blocks anew as they are; name hashes or --study to write one")
    words = [] if named else [shlex.split(command)[1:] for command in commands_in(Path(options.page))]
    questions = [question] if named else [_question(_parser().parse_args(one)) for one in words]
    return write_pages(options.runs, options.store, options.page, questions)


def _question(options: argparse.Namespace) -> Question:
    from sentiment_lab.cli.compare import Question

    return Question(
        tuple(options.hash),
        options.study,
        by=tuple(options.by),
        metric=options.metric,
        sort=options.sort,
        across_data=options.across_data,
        within=options.within,
        figures=tuple(options.figure),
    )


def _reproduce(options: argparse.Namespace) -> int:
    from sentiment_lab.cli.reproduce import reproduce

    return reproduce(
        options.hash,
        options.overrides,
        other_data=options.other_data,
        tolerance=options.tolerance,
        as_json=options.json,
    )


def _doctor(options: argparse.Namespace) -> int:
    from sentiment_lab.cli.doctor import doctor

    return doctor(options.overrides, fix=options.fix, as_json=options.json)


def _sync(options: argparse.Namespace) -> int:
    from sentiment_lab.cli.sync import sync

    return sync(options.overrides, options.to)


def _runs(options: argparse.Namespace) -> int:
    if options.watch:
        from sentiment_lab.cli.watch import watch

        return watch(options.runs, options.study)
    from sentiment_lab.cli.runs import runs

    return runs(options.runs, options.study, as_json=options.json)


def _show(options: argparse.Namespace) -> int:
    from sentiment_lab.cli.show import show

    return show(options.runs, options.hash, as_json=options.json)


def _predict(options: argparse.Namespace) -> int:
    from sentiment_lab.cli.predict import predict_csv, predict_texts

    if bool(options.csv) == bool(options.text):
        raise LabError("give texts to judge, or --csv FILE: one of the two")
    if options.csv:
        return predict_csv(options.runs, options.hash, options.csv, options.column, options.output)
    return predict_texts(options.runs, options.hash, options.text, as_json=options.json)


def _explain(options: argparse.Namespace) -> int:
    if not options.text and not options.file:
        raise LabError("give texts to explain, - for standard input, or --file FILE")
    from sentiment_lab.cli.explain import explain

    return explain(
        options.runs,
        options.hash,
        options.text,
        options.file,
        method=options.method,
        html=options.html,
        as_json=options.json,
    )


def _promote(options: argparse.Namespace) -> int:
    from sentiment_lab.cli.promote import promote

    return promote(options.hash, options.alias, options.name, options.overrides, as_json=options.json)


def _ui(options: argparse.Namespace) -> int:
    from sentiment_lab.cli.ui import ui

    return ui(options.store, options.port, options.study)


def _data_fetch(options: argparse.Namespace) -> int:
    from sentiment_lab.cli.data import data_fetch

    return data_fetch(options.overrides)


def _data_info(options: argparse.Namespace) -> int:
    from sentiment_lab.cli.data import data_info

    return data_info(options.overrides, as_json=options.json)
