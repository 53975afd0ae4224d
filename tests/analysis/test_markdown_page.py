"""Markdown pages: what a command writes into a block, what stays, and that its numbers are those of the runs."""

from __future__ import annotations

import re
import shutil

import pytest

from sentiment_lab.analysis.markdown.page import commands_in, put_block
from sentiment_lab.analysis.markdown.provenance import sweep_command
from sentiment_lab.analysis.plots.line_chart import Point, draw_lines
from sentiment_lab.analysis.plots.style import svg_style
from sentiment_lab.cli.main import main
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.identity import machine_independent
from sentiment_lab.runs.job import Job
from sentiment_lab.runs.sweep_records import freeze
from tests.analysis.studies import run_main, write_runs

CELLS = "study.name=cells"


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """Two cells at three distances, three seeds each; the accuracy of lstm decreases with the distance."""
    root = tmp_path_factory.mktemp("cells")
    for distance in (5, 50, 200):
        write_runs(root, 0.9, (1, 2, 3), "model=gru", f"data.distance={distance}", CELLS)
        write_runs(root, 0.9 - distance / 800, (1, 2, 3), "model=lstm", f"data.distance={distance}", CELLS)
    return root


@pytest.fixture
def study(cells, tmp_path):
    """A copy of the cells, in which pages are written."""
    shutil.copytree(cells, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def compare(tmp_path, capsys):
    """Return a function that runs `compare --page` and returns exit code, messages and the page."""

    def run(*arguments, page="answer.md"):
        path = tmp_path / page
        folders = ["--runs", tmp_path / "runs", "--store", tmp_path]
        code, output = run_main(["compare", *arguments, "--page", path, *folders], capsys)
        return code, output.err, path.read_text(encoding="utf-8") if path.exists() else None

    return run


def test_a_block_contains_verdict_evidence_and_provenance(study, compare):
    code, _, page = compare("--study", "cells", "--by", "model", "--by", "data.distance", "--figure", "intervals")
    assert code == 0
    assert page.startswith("# What did cells find?\n")
    assert "<!-- sentiment-lab compare --study cells --by model --by data.distance --figure intervals -->" in page
    assert "gru distance=" in page
    assert " has the best test accuracy: " in page
    assert "18 runs: " in page
    assert "sentiment-lab reproduce " in page
    assert {run.name for run in (study / "runs").iterdir()} <= set(re.findall(r"`([0-9a-f]{12})`", page))
    for image in re.findall(r"\]\((answer/[^)]+\.svg)\)", page):
        assert (study / image).read_text(encoding="utf-8").startswith("<svg")
    report = re.search(r"\[Report\]\((.*?\.html)\)", page)[1]
    assert "<h1>" in (study / report).read_text(encoding="utf-8")


def test_within_a_setting_runs_with_the_same_value_are_compared(study, compare):
    _, _, page = compare("--study", "cells", "--by", "model", "--within", "data.distance", "--figure", "within")
    lines = [line for line in page.splitlines() if line.startswith("- data.distance ")]
    assert [line.split(":")[0] for line in lines] == ["- data.distance 5", "- data.distance 50", "- data.distance 200"]
    assert "gru has the best test accuracy" in lines[2]
    assert "better than lstm" in lines[2]
    table = [line.split(" | ")[:3] for line in page.splitlines() if re.match(r"\| \d+ \| \w", line)]
    assert {(cells[0].strip("| "), cells[1]) for cells in table} == {
        (d, m) for d in ("5", "50", "200") for m in ("gru", "lstm")
    }
    assert re.search(r"\(answer/cells-.{4}-test_accuracy-by-data-distance\.svg\)", page)


def test_every_figure_has_its_caption_and_its_table(study, compare):
    _, _, page = compare(
        *("--study", "cells", "--by", "model"),
        *(option for figure in ("lengths", "epochs", "pairs", "cost") for option in ("--figure", figure)),
    )
    assert "| variant | 10 to " in page
    assert re.search(r"\| gru \| \d\d\.\d % \(\d\d\.\d to \d\d\.\d\)", page)
    assert "| epoch | held out | training | last epoch minus this one, held out (95 % interval) |" in page
    assert "| 1 | " in page
    assert "Differences from gru with 95 % interval; filled: significant at 5 % (Holm-adjusted)." in page
    assert "<summary>Pairwise differences</summary>" in page
    assert "\n\nTest accuracy against training time.\n\n![" in page
    assert "\n\nTest accuracy against parameters.\n\n![" in page


def test_other_text_stays_and_the_same_command_replaces_its_block(study, compare, tmp_path):
    arguments = ("--study", "cells", "--by", "model", "--figure", "pairs")
    compare(*arguments)
    page = tmp_path / "answer.md"
    mine = page.read_text(encoding="utf-8").replace("# What did cells find?", "# Mine") + "\n## Limits\n\nFew seeds.\n"
    page.write_text(mine.replace("has the best", "has possibly the best"), encoding="utf-8")
    _, _, again = compare(*arguments)
    assert again == mine, "the block is restored, and the text around it is unchanged"
    _, _, both = compare(*arguments, "--metric", "test_loss")
    assert both.startswith(mine)
    assert both.count("<!-- end -->") == 2
    existing = {str(file.relative_to(tmp_path)) for file in tmp_path.glob("answer/*")}
    assert set(re.findall(r"\((answer/.*?)\)", both)) == existing, "every file belongs to a block"


def test_a_page_without_a_study_rewrites_all_its_blocks(study, compare, tmp_path):
    compare("--study", "cells", "--by", "model", "--figure", "pairs")
    _, _, before = compare("--study", "cells", "--by", "model", "--metric", "test_loss", "--figure", "pairs")
    page = tmp_path / "answer.md"
    page.write_text(re.sub(r"\d\d\.\d\d %", "0 %", before), encoding="utf-8")
    _, messages, after = compare()
    assert after == before
    assert messages.count("answer.md: sentiment-lab compare --study cells --by model") == 2


@pytest.mark.parametrize(
    ("arguments", "page", "problem"),
    [
        ([], "none.md", "none.md cannot be read"),
        (["--study", "cells"], "answer.html", "--page must name a Markdown file"),
        (["--study", "cells", "--by", "model", "--figure", "within"], "a.md", "--figure within: needs --within KEY"),
        (["--study", "cells", "--within", "data.distanse"], "a.md", "did you mean data.distance?"),
        (
            ["--study", "cells", "--within", "data.distance", "--figure", "pairs"],
            "a.md",
            "--figure pairs cannot be drawn",
        ),
        (["--study", "cells", "--json"], "a.md", "--page cannot be combined with --report or a table format"),
        (["--by", "model"], "a.md", "--page without HASH or --study rewrites the existing blocks"),
    ],
)
def test_an_invalid_request_is_reported_and_writes_no_page(study, compare, arguments, page, problem):
    code, message, text = compare(*arguments, page=page)
    assert code == 2
    assert problem in message
    assert text is None
    assert not (study / page.partition(".")[0]).exists()


def test_options_of_pages_need_a_page(capsys):
    with pytest.raises(SystemExit):
        main(["compare", "--figure", "pairs"])
    assert "--within and --figure need --page FILE.md" in capsys.readouterr().err


def test_a_block_is_replaced_only_by_its_own_command(tmp_path):
    page = tmp_path / "page.md"
    put_block(page, "sentiment-lab compare --study a", "A", "one")
    put_block(page, "sentiment-lab compare --study ab", "A", "two")
    put_block(page, "sentiment-lab compare --study a", "A", "three")
    text = page.read_text(encoding="utf-8")
    assert text.index("three") < text.index("two")
    assert "one" not in text


def test_a_block_without_an_end_is_reported_and_nothing_is_lost(study, compare, tmp_path):
    compare("--study", "cells", "--by", "model", "--figure", "pairs")
    _, _, both = compare("--study", "cells", "--by", "model", "--metric", "test_loss")
    broken = both.replace("<!-- end -->", "MY OWN TEXT", 1)
    (tmp_path / "answer.md").write_text(broken, encoding="utf-8")
    code, message, after = compare("--study", "cells", "--by", "model", "--figure", "pairs")
    assert (code, after) == (2, broken)
    assert "compare --study cells --by model --figure pairs --> has no <!-- end -->" in message


def test_an_example_of_a_block_stays_unchanged(tmp_path):
    command, page = "sentiment-lab compare --study a", tmp_path / "page.md"
    example = f"```\n<!-- {command} -->\nshown\n<!-- end -->\n```\n\n~~~~\n<!-- {command} -->\n~~~~\n"
    page.write_text(example, encoding="utf-8")
    put_block(page, command, "A", "```\nold\n```")
    put_block(page, command, "A", "new")
    assert page.read_text(encoding="utf-8") == f"{example}\n<!-- {command} -->\nnew\n\n<!-- end -->\n"
    assert commands_in(page) == [command]


def test_windows_line_endings_are_kept(tmp_path):
    page = tmp_path / "page.md"
    page.write_bytes(b"# Mine\r\n\r\ntext\r\n")
    put_block(page, "sentiment-lab compare --study a", "A", "one\ntwo")
    put_block(page, "sentiment-lab compare --study a", "A", "three\nfour")
    assert page.read_bytes() == (
        b"# Mine\r\n\r\ntext\r\n\r\n<!-- sentiment-lab compare --study a -->\r\nthree\r\nfour\r\n\r\n<!-- end -->\r\n"
    )


def test_a_setting_that_was_added_later_is_named_in_every_row(tmp_path, compare):
    for overrides in ([], ["text.order=shuffled"], ["text.test_order=reversed"]):
        write_runs(tmp_path, 0.8, (1, 2), "model=gru", *overrides, CELLS)
    _, _, page = compare("--study", "cells", "--figure", "pairs")
    rows = [line.split(" | ")[:2] for line in page.splitlines() if re.match(r"\| (kept|shuffled)", line)]
    assert sorted(rows) == [["| kept", "null"], ["| kept", "reversed"], ["| shuffled", "null"]]
    assert "order=kept test_order=null" in page
    _, _, page = compare("--study", "cells", "--by", "model", "--within", "text.test_order", page="orders.md")
    assert [line.split(":")[0] for line in page.splitlines() if line.startswith("- text")] == [
        "- text.test_order reversed",
        "- text.test_order null",
    ]


def test_the_rows_of_all_parts_have_the_same_columns(tmp_path, compare):
    for distance, rate in ((5, "1e-3"), (50, "1e-2")):
        at, learning_rate = f"data.distance={distance}", "optimizer.learning_rate"
        write_runs(tmp_path, 0.8, (1, 2), "model=gru", at, f"{learning_rate}={rate}", CELLS)
        write_runs(tmp_path, 0.7, (1, 2), "model=lstm", at, f"{learning_rate}=1e-2", CELLS)
    _, _, page = compare("--study", "cells", "--within", "data.distance")
    table = [line.split(" | ")[:3] for line in page.splitlines() if re.match(r"\| (5|50|data.distance) \| ", line)][:5]
    assert table == [
        ["| data.distance", "model", "learning_rate"],
        ["| 5", "gru", "0.001"],
        ["| 5", "lstm", "0.01"],
        ["| 50", "gru", "0.01"],
        ["| 50", "lstm", "0.01"],
    ]


def test_the_command_of_a_sweep_is_shown_without_the_paths_of_its_machine(tmp_path):
    overrides = ["+experiments=article", "data.path=/home/Ann Smith/IMDB's Dataset.csv", "study.question=Is it better?"]
    jobs = [Job(compose_config([f"paths.store={tmp_path}", "seed=1"]), overrides, "gru")]
    record, _, _ = freeze(jobs, overrides)
    assert sweep_command(record) == "sentiment-lab train -m +experiments=article 'study.question=Is it better?'"


def test_machine_independent_overrides_have_no_paths_and_executors():
    overrides = [
        "model=gru",
        "launch=pool",
        "+experiments=a",
        "data.path=/here/it",
        "paths.cache=/there",
        "study.name=a",
    ]
    overrides += ["tracking.uri=http://x", "++launch.threads=1", "seed=3"]
    assert machine_independent(overrides) == ["model=gru", "+experiments=a", "study.name=a", "seed=3"]


def test_widely_spaced_values_have_a_logarithmic_axis():
    points = [Point(x, 0.5, 0.4, 0.6) for x in (5, 50, 200)]
    with svg_style():
        chart = draw_lines("lines", {"a": points, "b": points}, across="distance", up="accuracy", percent=True)
    assert chart.alt == "accuracy by distance. a: 5 50, 50 50, 200 50; b: 5 50, 50 50, 200 50."
    assert ">200<" in chart.standalone
