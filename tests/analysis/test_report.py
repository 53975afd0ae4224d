"""The report of a sweep: its numbers, recomputed from the runs' predictions, and where it is written."""

from __future__ import annotations

import itertools
import json
import re
from html import unescape

import numpy as np
import pandas as pd
import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.sweeps import report as report_module
from sentiment_lab.sweeps.grid import plan_jobs
from sentiment_lab.sweeps.sweep import run_sweep
from tests.analysis.studies import run_main
from tests.tiny import LINEAR, TINY, locations

MODELS = {"simple_rnn": TINY, "nb_svm": LINEAR, "tfidf_logistic": LINEAR}
SEEDS = (1, 2)


@pytest.fixture(scope="module")
def swept(tmp_path_factory, cache):
    """The folder of a sweep over a network and two linear models, with two seeds each."""
    root = tmp_path_factory.mktemp("swept")
    shared = ["tracking=none", "study.name=tiny", *locations(root, cache)]
    sweep = [
        [*tiny, *shared, f"model={model}", f"seed={seed}"]
        for (model, tiny), seed in itertools.product(MODELS.items(), SEEDS)
    ]
    jobs, _ = plan_jobs(sweep, compose_config)
    run_sweep(jobs, ["made in a test"])
    return root


@pytest.fixture(scope="module")
def page(swept):
    return next(swept.glob("sweeps/*/report.html")).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def predictions(swept):
    """Test predictions by model and seed, sorted by review."""
    tables = {}
    for file in swept.glob("runs/*/predictions.parquet"):
        config = json.loads((file.parent / "config.json").read_text(encoding="utf-8"))
        model = config["model"].get("cell") or config["model"]["family"]
        table = pd.read_parquet(file)
        tables[model, config["seed"]] = table[table.part == "test"].sort_values("review_id")
    assert len(tables) == 6
    return tables


def of_model(predictions, model):
    return [table for (name, _), table in sorted(predictions.items()) if name == model]


def section(page, name):
    return re.search(rf'<section aria-labelledby="{name}">(.*?)</section>', page, re.DOTALL)[1]


def tables(text):
    """Return the cells of each table, row by row."""
    return [
        [
            [
                unescape(re.sub(r"<[^>]+>", " ", cell)).strip()
                for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
            ]
            for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
        ]
        for table in re.findall(r"<table.*?</table>", text, re.DOTALL)
    ]


def names(page):
    return [row[1] for row in tables(section(page, "variants"))[0][1:]]


def labels(page, name):
    """Return the description of each chart of a section."""
    return [unescape(label) for label in re.findall(r'aria-label="([^"]*)" viewBox', section(page, name))]


def correct(table):
    return ((table.probability > 0.5) == (table.label == 1)).to_numpy()


def interval(scores):
    """Return the 95 % interval of a mean over (runs, reviews) by an independent, slow pigeonhole bootstrap."""
    random = np.random.default_rng(11)
    runs, reviews = scores.shape
    drawn = random.integers(0, reviews, (20_000, reviews))
    by_review = scores.mean(axis=0)
    residuals = scores - scores.mean(axis=1)[:, None] - by_review + scores.mean()
    interaction = (residuals**2).sum() / ((runs - 1) * (reviews - 1) * runs * reviews)
    of_reviews = by_review.var(ddof=1) / reviews
    share = np.sqrt(max(0, of_reviews - interaction) / of_reviews)
    deviations = share * (by_review[drawn].mean(axis=1) - by_review.mean())
    deviations += scores.mean(axis=1).std(ddof=1) / np.sqrt(runs) * random.standard_t(runs - 1, len(deviations))
    half_width = np.quantile(np.abs(deviations), 0.95)
    return max(0, scores.mean() - half_width), min(1, scores.mean() + half_width)


def test_accuracy_and_interval_are_those_of_the_predictions(page, predictions):
    headings, *rows = tables(section(page, "variants"))[0]
    assert sorted(names(page)) == sorted(MODELS)
    for row in rows:
        cells = dict(zip(headings, row, strict=True))
        scores = np.stack([correct(table) for table in of_model(predictions, cells["model"])]).astype(float)
        by_run = scores.mean(axis=1)
        assert cells["test accuracy"] == f"{100 * by_run.mean():.2f} ± {100 * by_run.std(ddof=1):.2f} %"
        assert cells["runs"] == "2"
        low, high = interval(scores)
        shown = [float(end) / 100 for end in re.findall(r"[\d.]+", cells["95 % interval"])]
        assert shown == pytest.approx([low, high], abs=0.03 * (high - low) + 1e-4)


def test_calibration_errors_are_those_of_the_predictions(page, predictions):
    headings, *rows = tables(section(page, "variants"))[0]
    for row, text in zip(rows, labels(page, "calibration"), strict=True):
        cells = dict(zip(headings, row, strict=True))
        errors = []
        for table in of_model(predictions, cells["model"]):
            confidence = np.maximum(table.probability, 1 - table.probability).astype(float)
            bins = pd.cut(confidence, np.linspace(0, 1, 16), labels=False)
            gaps = pd.DataFrame({"bin": bins, "gap": correct(table) - confidence}).groupby("bin").gap.sum()
            errors.append(gaps.abs().sum() / len(table))
        assert float(cells["ECE"]) == pytest.approx(np.mean(errors), abs=6e-5)
        assert f"expected calibration error {cells['ECE']}" in text
        pooled = pd.concat(of_model(predictions, cells["model"]))
        lowest = pooled[pooled.probability < 0.1]
        if len(lowest):
            shares = f"{lowest.label.mean():.0%} at {lowest.probability.mean():.0%} predicted"
            assert f"{shares} ({len(lowest):,} predictions)" in text


def test_confusion_counts_are_those_of_the_predictions(page, predictions):
    for name, table in zip(names(page), tables(section(page, "confusion")), strict=True):
        pooled = pd.concat(of_model(predictions, name))
        counts = pd.crosstab(pooled.label, pooled.probability > 0.5).reindex(
            index=[0, 1], columns=[False, True], fill_value=0
        )
        for row, cells, label in zip(counts.to_numpy(), table[1:], ("negative", "positive"), strict=True):
            shown = [cell.split() for cell in cells[1:]]
            assert cells[0] == label
            assert [(count, share) for count, share, _ in shown] == [
                (f"{one:,}", f"{100 * one / row.sum():.1f}") for one in row
            ]


def test_accuracies_by_length_are_those_of_the_predictions(page, predictions):
    for name, text in zip(names(page), labels(page, "lengths"), strict=True):
        pooled = pd.concat(of_model(predictions, name))
        bins = re.findall(r"(\d+)(?:–(\d+))? tokens ([\d.]+)% \(.*?, (\d+) reviews\)", text)  # noqa: RUF001
        assert sum(int(reviews) for *_, reviews in bins) == len(pooled) / 2
        for shortest, longest, accuracy, reviews in bins:
            inside = pooled[pooled.tokens.between(int(shortest), int(longest or shortest))]
            assert len(inside) == 2 * int(reviews)
            assert accuracy == f"{100 * correct(inside).mean():.1f}"


def test_agreement_is_that_of_the_predictions(page, predictions):
    (table,) = tables(section(page, "agreement"))
    stacked = {name: np.stack([t.probability.to_numpy() for t in of_model(predictions, name)]) for name in names(page)}
    votes = {}
    for name, probabilities in stacked.items():
        share = (probabilities > 0.5).mean(axis=0)
        votes[name] = np.where(share == 0.5, probabilities.mean(axis=0) > 0.5, share > 0.5)
    assert table[0][1:] == names(page)
    for row, one in zip(table[1:], names(page), strict=True):
        for cell, other in zip(row[1:], names(page), strict=True):
            first, second = stacked[one] > 0.5 if one == other else (votes[one], votes[other])
            assert cell == f"{100 * (first == second).mean():.1f}"


def test_differences_of_pairs_are_those_of_the_predictions(page, predictions):
    pairs = tables(section(page, "pairs"))[0][1:]
    assert len(pairs) == 3
    for row in pairs:
        first, second = (label.split()[0] for label in row[0].split(" over "))
        scores = [
            np.stack([correct(table) for table in of_model(predictions, name)]).astype(float)
            for name in (first, second)
        ]
        difference = scores[0] - scores[1]
        assert row[2].startswith(f"{100 * difference.mean():+.2f} points")


def test_mistakes_are_wrong_in_all_runs_of_a_variant(page, predictions):
    text = section(page, "mistakes")
    for name, part in re.findall(r"<summary><bdi>(\w+)[^<]*</bdi>.*?</summary>(.*?)</details>", text, re.DOTALL):
        for review in re.findall(r"Review <code>([\w.]+)</code>", part):
            for table in of_model(predictions, name):
                assert not correct(table[table.review_id == review]).any()
    assert text.count("<p dir=") == text.count("<blockquote>")


def test_the_page_has_the_commands_of_every_run(page, swept):
    text = section(page, "recipes")
    for folder in (swept / "runs").iterdir():
        assert f"sentiment-lab reproduce {folder.name}\nsentiment-lab show {folder.name}\nsentiment-lab train " in text
    assert f"paths.runs={swept}/runs" in text


def test_compare_writes_the_same_page(page, swept, capsys):
    sweep = next(swept.glob("sweeps/*"))
    target = swept / "again.html"
    folders = ["--runs", swept / "runs", "--store", swept]
    code, output = run_main(["compare", sweep.name, *folders, "--json", "--report", target], capsys)
    assert code == 0
    assert target.read_text(encoding="utf-8") == page
    assert json.loads(output.out)["study"] == "tiny"
    assert f"report: {target}" in output.err.replace("\n", "")


@pytest.mark.parametrize(("target", "expected"), [("missing/report.html", 1), ("file/report.html", 1), (".", 2)])
def test_an_unwritable_report_is_reported_before_anything_is_read(tmp_path, capsys, target, expected):
    (tmp_path / "file").touch()
    code, output = run_main(["compare", "--runs", "nowhere", "--report", tmp_path / target], capsys)
    assert code == expected
    assert "--report" in output.err
    assert "no runs" not in output.err


def test_a_failing_report_does_not_fail_its_sweep(linear, monkeypatch, capsys):
    def fail(*_):
        raise RuntimeError("no ink")

    monkeypatch.setattr(report_module, "_write", fail)
    jobs, _ = plan_jobs([linear], compose_config)
    outcomes = run_sweep(jobs, ["one"])
    assert outcomes[0].result
    message = capsys.readouterr().err.replace("\n", " ")
    assert "no report (RuntimeError: no ink); `sentiment-lab compare" in message


def test_the_parent_run_has_page_and_figures(tracked_linear, tmp_path):
    overrides = [*tracked_linear, "study.name=paged"]
    jobs, _ = plan_jobs([[*overrides, f"seed={seed}"] for seed in (1, 2)], compose_config)
    run_sweep(jobs, ["two"])
    written = next(tmp_path.glob("sweeps/*"))
    stored = next(tmp_path.glob("artifacts/**/report.html")).parent
    assert (stored / "report.html").read_bytes() == (written / "report.html").read_bytes()
    figures = sorted(path.name for path in (written / "figures").glob("*.svg"))
    assert {"cost-parameters.svg", "curves-01.svg"} <= set(figures)
    assert sorted(path.name for path in (stored / "figures").iterdir()) == figures


def test_the_worst_mistakes_of_the_best_variant_are_explained(page, predictions):
    shown = re.findall(r"Review (\w+) is labelled (\w+); (\w+)[^.]* seed=(\d) \((\w{12})\) predicts (\w+)\.", page)
    assert len(shown) == 3
    best, seed = shown[0][2], int(shown[0][3])
    table = next(table for (model, number), table in predictions.items() if (model, number) == (best, seed))
    wrong = table[(table["probability"] > 0.5) != (table["label"] == 1)]
    surest = (wrong["probability"] - 0.5).abs().sort_values(ascending=False).head(3)
    expected = wrong.loc[surest.index, "probability"].sub(0.5).abs().tolist()
    confidences = (
        wrong.set_index("review_id").loc[[review for review, *_ in shown], "probability"].sub(0.5).abs().tolist()
    )
    assert confidences == pytest.approx(expected)
    for _, label, _, _, _, predicted in shown:
        assert {label, predicted} == {"positive", "negative"}
    assert page.count('<article class="explanation') == 3
