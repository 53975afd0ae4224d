"""A page that a study leaves: what a command writes into it, what stays, and that every number is that of the runs."""

from __future__ import annotations

import re

import numpy as np
import pytest

from benchmarks.synthetic import with_seed, write_run
from sentiment_lab.analysis.markdown.figures import FIGURES
from sentiment_lab.analysis.markdown.page import commands_in, put_block
from sentiment_lab.analysis.markdown.provenance import sweep_command
from sentiment_lab.analysis.plots.line_chart import Point, draw_lines
from sentiment_lab.analysis.plots.style import svg_style
from sentiment_lab.cli.main import main
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.identity import config_hash, machine_independent
from sentiment_lab.runs.job import Job
from sentiment_lab.runs.sweep_records import freeze

LABELS = np.arange(400, dtype=np.int8) % 2


def write(tmp_path, accuracy, seeds, *words):
    base = compose_config([*words, "study.name=cells", f"paths.runs={tmp_path}/runs", f"paths.store={tmp_path}"])
    for seed in seeds:
        right = np.random.default_rng(seed).random(len(LABELS)) < accuracy
        write_run(with_seed(base, seed), np.where(right == (LABELS == 1), 0.8, 0.3), LABELS)
    return base


@pytest.fixture
def study(tmp_path):
    """Two cells at three distances, three seeds each; the lstm forgets with the distance."""
    for distance in (5, 50, 200):
        write(tmp_path, 0.9, (1, 2, 3), "model=gru", f"data.distance={distance}")
        write(tmp_path, 0.9 - distance / 800, (1, 2, 3), "model=lstm", f"data.distance={distance}")
    return tmp_path


@pytest.fixture
def compare(tmp_path, capsys):
    def run(*words, page="answer.md"):
        with pytest.raises(SystemExit) as ended:
            main(
                [
                    "compare",
                    *words,
                    "--page",
                    f"{tmp_path}/{page}",
                    "--runs",
                    f"{tmp_path}/runs",
                    "--store",
                    str(tmp_path),
                ]
            )
        path = tmp_path / page
        return ended.value.code, capsys.readouterr().err, path.read_text(encoding="utf-8") if path.exists() else None

    return run


def test_the_options_name_what_can_be_drawn():
    assert set(FIGURES) == set(FIGURES)


def test_a_block_holds_question_answer_evidence_and_origin(study, compare):
    code, _, page = compare("--study", "cells", "--by", "model", "--by", "data.distance", "--figure", "intervals")
    assert code == 0
    assert page.startswith("# What did cells find?\n")
    assert "<!-- sentiment-lab compare --study cells --by model --by data.distance --figure intervals -->" in page
    assert "gru distance=" in page
    assert " has the best test accuracy: " in page
    assert "18 runs: " in page
    assert "sentiment-lab reproduce " in page
    hashes = {
        config_hash(with_seed(compose_config(["model=gru", "data.distance=50"]), seed))[:12] for seed in (1, 2, 3)
    }
    assert hashes <= set(re.findall(r"`([0-9a-f]{12})`", page))
    for image in re.findall(r"\]\((answer/[^)]+\.svg)\)", page):
        assert (study / image).read_text(encoding="utf-8").startswith("<svg")
    report = re.search(r"\[Report\]\((.*?\.html)\)", page)[1]
    assert "<h1>" in (study / report).read_text(encoding="utf-8")


def test_within_a_setting_only_runs_that_share_it_are_compared(study, compare):
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


def test_lengths_and_epochs_have_tables_of_their_own(study, compare):
    _, _, page = compare(
        "--study", "cells", "--by", "model", "--figure", "lengths", "--figure", "epochs", "--figure", "cost"
    )
    assert "| variant | 10 to " in page
    assert re.search(r"\| gru \| \d\d\.\d % \(\d\d\.\d to \d\d\.\d\)", page)
    assert "| epoch | held out | training | last epoch minus this one, held out (95 % interval) |" in page
    assert "| 1 | " in page


def test_what_people_wrote_stays_and_the_same_command_replaces_its_block(study, compare, tmp_path):
    words = ("--study", "cells", "--by", "model")
    compare(*words)
    page = tmp_path / "answer.md"
    mine = page.read_text(encoding="utf-8").replace("# What did cells find?", "# Mine") + "\n## Limits\n\nFew seeds.\n"
    page.write_text(mine.replace("has the best", "has, so they say, the best"), encoding="utf-8")
    _, _, again = compare(*words)
    assert again == mine, "the block is as before, and what stands around it too"
    _, _, both = compare(*words, "--metric", "test_loss")
    assert both.startswith(mine)
    assert both.count("<!-- end -->") == 2
    there = {str(file.relative_to(tmp_path)) for file in tmp_path.glob("answer/*")}
    assert set(re.findall(r"\((answer/.*?)\)", both)) == there, "nothing is left that no block shows"


def test_a_page_alone_writes_all_its_blocks_anew(study, compare, tmp_path):
    compare("--study", "cells", "--by", "model")
    _, _, before = compare("--study", "cells", "--by", "model", "--metric", "test_loss", "--figure", "pairs")
    page = tmp_path / "answer.md"
    page.write_text(re.sub(r"\d\d\.\d\d %", "0 %", before), encoding="utf-8")
    _, said, after = compare()
    assert after == before
    assert said.count("answer.md: sentiment-lab compare --study cells --by model") == 2


@pytest.mark.parametrize(
    ("words", "page", "problem"),
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
        (["--study", "cells", "--json"], "a.md", "--page excludes --report and table formats"),
        (["--by", "model"], "a.md", "--page without hashes and --study rewrites all blocks as they are"),
    ],
)
def test_what_cannot_be_written_is_said_and_leaves_no_page(study, compare, words, page, problem):
    code, said, text = compare(*words, page=page)
    assert code == 2
    assert problem in said
    assert text is None
    assert not (study / page.partition(".")[0]).exists()


def test_what_is_about_a_page_needs_one(capsys):
    with pytest.raises(SystemExit):
        main(["compare", "--figure", "pairs"])
    assert "--within and --figure need --page FILE.md" in capsys.readouterr().err


def test_a_table_that_holds_a_block_of_another_command_is_left_alone(tmp_path):
    page = tmp_path / "page.md"
    put_block(page, "sentiment-lab compare --study a", "A", "one")
    put_block(page, "sentiment-lab compare --study ab", "A", "two")
    put_block(page, "sentiment-lab compare --study a", "A", "three")
    text = page.read_text(encoding="utf-8")
    assert text.index("three") < text.index("two")
    assert "one" not in text


def test_a_block_without_its_end_is_said_and_nothing_is_lost(study, compare, tmp_path):
    compare("--study", "cells", "--by", "model")
    _, _, both = compare("--study", "cells", "--by", "model", "--metric", "test_loss")
    torn = both.replace("<!-- end -->", "MY OWN TEXT", 1)
    (tmp_path / "answer.md").write_text(torn, encoding="utf-8")
    code, said, after = compare("--study", "cells", "--by", "model")
    assert (code, after) == (2, torn)
    assert "compare --study cells --by model --> has no <!-- end -->" in said


def test_an_example_of_a_block_stays_as_it_is(tmp_path):
    command, page = "sentiment-lab compare --study a", tmp_path / "page.md"
    example = f"```\n<!-- {command} -->\nshown\n<!-- end -->\n```\n\n~~~~\n<!-- {command} -->\n~~~~\n"
    page.write_text(example, encoding="utf-8")
    put_block(page, command, "A", "```\nold\n```")
    put_block(page, command, "A", "new")
    assert page.read_text(encoding="utf-8") == f"{example}\n<!-- {command} -->\nnew\n\n<!-- end -->\n"
    assert commands_in(page) == [command]


def test_a_page_of_windows_stays_one(tmp_path):
    page = tmp_path / "page.md"
    page.write_bytes(b"# Mine\r\n\r\ntext\r\n")
    put_block(page, "sentiment-lab compare --study a", "A", "one\ntwo")
    put_block(page, "sentiment-lab compare --study a", "A", "three\nfour")
    assert page.read_bytes() == (
        b"# Mine\r\n\r\ntext\r\n\r\n<!-- sentiment-lab compare --study a -->\r\nthree\r\nfour\r\n\r\n<!-- end -->\r\n"
    )


def test_a_setting_that_joined_later_is_named_in_every_row(tmp_path, compare):
    for words in ([], ["text.order=shuffled"], ["text.test_order=reversed"]):
        write(tmp_path, 0.8, (1, 2), "model=gru", *words)
    _, _, page = compare("--study", "cells")
    rows = [line.split(" | ")[:2] for line in page.splitlines() if re.match(r"\| (kept|shuffled)", line)]
    assert sorted(rows) == [["| kept", "null"], ["| kept", "reversed"], ["| shuffled", "null"]]
    assert "order=kept test_order=null" in page
    _, _, page = compare("--study", "cells", "--by", "model", "--within", "text.test_order", page="orders.md")
    assert [line.split(":")[0] for line in page.splitlines() if line.startswith("- text")] == [
        "- text.test_order reversed",
        "- text.test_order null",
    ]


def test_rows_of_all_parts_have_the_same_columns(tmp_path, compare):
    for distance, rate in ((5, "1e-3"), (50, "1e-2")):
        write(tmp_path, 0.8, (1, 2), "model=gru", f"data.distance={distance}", f"optimizer.learning_rate={rate}")
        write(tmp_path, 0.7, (1, 2), "model=lstm", f"data.distance={distance}", "optimizer.learning_rate=1e-2")
    _, _, page = compare("--study", "cells", "--within", "data.distance")
    table = [line.split(" | ")[:3] for line in page.splitlines() if re.match(r"\| (5|50|data.distance) \| ", line)][:5]
    assert table == [
        ["| data.distance", "model", "learning_rate"],
        ["| 5", "gru", "0.001"],
        ["| 5", "lstm", "0.01"],
        ["| 50", "gru", "0.01"],
        ["| 50", "lstm", "0.01"],
    ]


def test_the_command_of_a_sweep_is_told_as_it_was_given_without_the_places(tmp_path):
    words = ["+experiments=article", "data.path=/home/Ann Smith/IMDB's Dataset.csv", "study.question=Is it better?"]
    jobs = [Job(compose_config([f"paths.store={tmp_path}", "seed=1"]), words, "gru")]
    record, _, _ = freeze(jobs, words)
    assert sweep_command(record) == "sentiment-lab train -m +experiments=article 'study.question=Is it better?'"


def test_a_command_for_readers_has_no_place_of_this_machine():
    words = ["model=gru", "launch=pool", "+experiments=a", "data.path=/here/it", "paths.cache=/there", "study.name=a"]
    words += ["tracking.uri=http://x", "++launch.threads=1", "seed=3"]
    assert machine_independent(words) == ["model=gru", "+experiments=a", "study.name=a", "seed=3"]


def test_far_places_are_drawn_by_their_logarithm_and_side_by_side():
    points = [Point(where, 0.5, 0.4, 0.6) for where in (5, 50, 200)]
    with svg_style():
        chart = draw_lines("lines", {"a": points, "b": points}, across="distance", up="accuracy", percent=True)
    assert chart.alt == "accuracy by distance. a: 5 50, 50 50, 200 50; b: 5 50, 50 50, 200 50."
    assert ">200<" in chart.standalone
