"""The report of synthetic studies: its content, its gaps and their reasons, and that it contains nothing executable."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from markupsafe import Markup

from sentiment_lab.analysis import comparison as comparison_module
from sentiment_lab.analysis.agreement import VariantPredictions, agreement, own_mistakes
from sentiment_lab.analysis.comparison import compare
from sentiment_lab.analysis.measures import by_length, by_probability, confusion_counts, pareto_front
from sentiment_lab.analysis.plots.style import DARK, LIGHT
from sentiment_lab.analysis.predictions import TestPredictions
from sentiment_lab.analysis.report import page as page_module
from sentiment_lab.analysis.report.page import build_report
from sentiment_lab.analysis.report.sections import cut_text
from sentiment_lab.analysis.selection import Selection, StudyRun
from sentiment_lab.data.reviews import DataError
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.training.result import EpochRecord, Result, Scores

HOSTILE = (
    "<script>document.title='ran'</script>",
    "</svg></style><img src=x onerror=document.title='ran'>",
    "\"'><svg onload=document.title='ran'>",
    "$\\frac{1}{0}$ {{ 7 * 7 }} {% raw %}",
    "x" * 240,
    "\u202eright to left \u05e9\u05dc\u05d5\u05dd",
    "\u8bc4\u8bba \U0001f3ac ]]> -->",
)
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """The parsed page: elements in order, and texts by section."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts = [], [], {}
        self.section = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "section":
            self.section = dict(attrs)["aria-labelledby"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.setdefault(self.section, []).append(data)

    def text(self, section):
        return " ".join(" ".join(self.texts.get(section, [])).split())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def result(accuracy, *, epochs=3, validation=True, parameters=1000, seconds=6.0):
    records = [
        EpochRecord(
            epoch=number,
            train_loss=0.7 / number,
            train_accuracy=1 - 0.4 / number,
            validation_loss=0.8 / number if validation else None,
            validation_accuracy=1 - 0.5 / number if validation else None,
            learning_rate=1e-3,
            epoch_seconds=seconds / epochs,
            tokens_per_second=1000.0,
        )
        for number in range(1, epochs + 1)
    ]
    return Result(
        architecture="gru",
        execution_path="cpu:while_loop",
        data_hash="d" * 64,
        split_hash="e" * 64,
        weights_digest="",
        parameters=parameters,
        epochs=records,
        best_epoch=epochs,
        kept_epoch=epochs,
        best_validation_accuracy=records[-1].validation_accuracy,
        validation_is_test=False,
        test=Scores(accuracy=accuracy, loss=0.4, f1=accuracy, roc_auc=0.9, ece=0.05),
        train_seconds=seconds,
        predict_reviews_per_second=5000.0,
    )


def draw_predictions(accuracy, seed, reviews, prefix="r"):
    """Return predictions that are correct for about this share of the reviews."""
    random = np.random.default_rng(seed)
    labels = np.arange(reviews, dtype=np.int8) % 2
    correct = random.random(reviews) < accuracy
    confidence = 0.5 + 0.49 * random.random(reviews)
    positive = correct == (labels == 1)
    ids = np.array([f"{prefix}{number:06d}" for number in range(reviews)])
    probabilities = np.where(positive, confidence, 1 - confidence).astype(np.float32)
    return TestPredictions(ids, labels, probabilities, np.random.default_rng(0).integers(5, 200, reviews))


def study(names, seeds=(1, 2, 3), *, reviews=400, question="Which is best?", name="made up", prefixes=None, **values):
    """Compare synthetic variants, given their names and how their results differ; there are no run folders."""
    predictions, runs = {}, []
    for number, variant in enumerate(names):
        for seed in seeds:
            short = f"{number:06x}{seed:06x}"
            prefix = (prefixes or {}).get(variant, "r")
            predictions[short] = draw_predictions(0.95 - 0.04 * number, 100 * number + seed, reviews, prefix)
            accuracy = float(predictions[short].correct.mean())
            outcome = result(accuracy, parameters=1000 + 37 * number, seconds=6.0 + number, **values)
            folder, config = RunFolder(Path("missing") / short), {"note": variant, "seed": seed}
            runs.append(StudyRun(folder, f"{variant} seed={seed}", name, "complete", config, outcome))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison_module, "read_test_predictions", lambda folder: predictions[folder.short_hash])
        return compare(Selection(name, question, runs), across_data=bool(prefixes))


@pytest.fixture(scope="module")
def hostile():
    """The report of a study whose names and texts contain markup."""
    comparison = study(HOSTILE, question=HOSTILE[0] + HOSTILE[2] + "\ud800", name=HOSTILE[1])
    return build_report(comparison, lambda ids: dict.fromkeys(ids, "<br />".join(HOSTILE)))


@pytest.mark.parametrize(
    ("names", "values"),
    [
        (["gru"], {"seeds": (1,)}),
        (["gru"], {"epochs": 1, "validation": False}),
        (["gru", "lstm"], {"seeds": (1,), "epochs": 1}),
        (["gru", "lstm"], {"reviews": 2}),
    ],
)
def test_every_study_has_a_complete_page(names, values):
    page = Page(build_report(study(names, **values)).page)
    assert page.open == []
    sections = "variants pairs cost curves lengths confusion calibration agreement mistakes recipes"
    assert [attributes["id"] for attributes in page.all("h2")] == sections.split()
    if len(names) == 1:
        for section in ("mistakes", "pairs"):
            assert "There is no other variant to compare with." in page.text(section)


def test_the_page_fetches_and_executes_nothing():
    comparison = study(["gru", "lstm"])
    explained = {"explanations": [Markup("<p class=mark>why</p>")], "explanations_css": ".mark{}"}
    text = build_report(comparison, **explained).page
    page = Page(text)
    assert not re.search(r"https?:|//|@import|\bsrc=|javascript:|\bon[a-z]+=", text)
    assert not page.all("script") + page.all("link") + page.all("img") + page.all("iframe")
    references = [value for _, attributes in page.elements for name, value in attributes.items() if "href" in name]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert references
    assert {reference.removeprefix("#") for reference in references} <= set(ids)
    assert set(re.findall(r"url\(#([^)]+)\)", text)) <= set(ids)
    assert len(ids) == len(set(ids))
    assert page.text("explanations").endswith("why")
    assert text == build_report(comparison, **explained).page


def test_the_page_is_accessible_without_seeing_it():
    page = Page(build_report(study(["gru", "lstm"])).page)
    assert page.all("html") == [{"lang": "en"}]
    charts = page.all("svg")
    assert len(charts) == 1 + 2 + 3 * 2
    assert all(chart["role"] == "img" and re.search(r"\d", chart["aria-label"]) for chart in charts)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all("scope" in attributes for attributes in page.all("th"))
    boxes = [attributes for attributes in page.all("div") if attributes.get("class") == "box"]
    assert all(box["tabindex"] == "0" and box["aria-label"] for box in boxes)
    assert all("tabindex" in attributes for attributes in page.all("pre"))


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_texts_have_enough_contrast(colours):
    def luminance(name):
        channels = np.array([int(colours[name][at : at + 2], 16) for at in (1, 3, 5)]) / 255
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    for name in ("ink", "muted", "train", "held-out"):
        low, high = sorted((luminance(name), luminance("paper")))
        assert (high + 0.05) / (low + 0.05) >= 4.5, name


def test_hostile_names_and_texts_remain_text(hostile):
    page = Page(hostile.page)
    assert not page.all("script") + page.all("img")
    assert len(page.all("svg")) == 1 + 2 + 3 * len(HOSTILE)
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert HOSTILE[0] in page.text("mistakes")
    assert "\u202e" not in hostile.page
    assert f"note={HOSTILE[3]}"[5:] in page.text("variants")
    for text in hostile.figures.values():
        Page(text)
        assert "<script" not in text
        assert " onload" not in re.sub(r">[^<]*<|\"[^\"]*\"", "", text)


def test_hostile_names_and_texts_do_nothing_in_a_browser(hostile, tmp_path):
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if browser is None:
        pytest.skip("no chromium or chrome is on PATH")
    file = tmp_path / "report.html"
    narrow = "document.body.style.cssText = 'width: 390px; margin: 0'"
    probe = f"<script>{narrow}; document.body.append('script works ' + document.body.scrollWidth)</script>"
    # The test's own script shows that this browser executes scripts, and that the page is no wider than a phone.
    file.write_text(hostile.page.replace("</body>", probe + "</body>"), encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"]
    command += ["--window-size=600,900", "--virtual-time-budget=2000", "--dump-dom", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    width = re.search(r"script works (\d+)\s*</body>", done.stdout)
    assert width, "the browser executed no script"
    assert int(width[1]) <= 390
    assert "<title>ran</title>" not in done.stdout
    assert not Page(done.stdout).all("img")


def test_of_many_variants_only_the_best_are_drawn_which_the_page_reports(monkeypatch):
    monkeypatch.setattr(page_module, "MOST_SHOWN", 3)
    comparison = study([f"a setting with a long name {number}" for number in range(14)], seeds=(1, 2), reviews=50)
    report = build_report(comparison)
    page = Page(report.page)
    assert "The figures below show the best 3 of 14 variants." in page.text("variants")
    assert len([name for name in report.figures if name.startswith("curves")]) == 3
    assert "Numbers refer to the rows of the table above." in page.text("cost")
    assert "#3" in page.text("agreement")
    assert "The figure shows only the pairs with the best variant." in page.text("pairs")


def test_different_reviews_are_not_compared_which_the_page_reports():
    page = Page(build_report(study(["gru", "lstm"], prefixes={"lstm": "other"})).page)
    for section in ("agreement", "mistakes"):
        assert "tested on different reviews" in page.text(section)
    assert "No difference is testable" in page.text("pairs")
    assert len(page.all("figure")) == 2 + 3 * 2


def test_unreadable_texts_leave_the_ids_and_the_reason():
    def unreadable(ids):
        raise DataError("the reviews are missing.")

    comparison = study(["gru", "lstm"], seeds=(1,))
    page = Page(build_report(comparison, unreadable).page)
    assert "Only the ids of the reviews are shown: the reviews are missing." in page.text("mistakes")
    assert re.search(r"Review r\d{6} is (positive|negative)", page.text("mistakes"))


def test_the_excerpt_of_a_long_text_is_its_middle_cut_between_words():
    text = " ".join(f"word{number}" for number in range(1000))
    cut = cut_text(text, 600)
    assert 500 < len(cut) <= 604
    assert re.fullmatch(r"… word\d+( word\d+)* …", cut)
    assert abs(text.index(cut[2:-2]) - (len(text) - len(cut)) / 2) < 20
    assert cut_text("short<br />text") == "short\ntext"
    assert len(cut_text("x" * 5000, 600)) <= 604


def test_the_pareto_front_contains_the_points_that_no_other_dominates():
    # cheap and inaccurate, costly and accurate, dominated, as accurate at a higher cost, equal to the first
    costs, values = [1.0, 5.0, 6.0, 7.0, 1.0], [0.5, 0.9, 0.7, 0.9, 0.5]
    assert pareto_front(costs, values) == [True, True, False, False, True]


def predicted(*probabilities, labels=(1, 1, 0, 0)):
    ids = np.array([f"r{number}" for number in range(len(labels))])
    tokens = np.arange(len(labels)) + 1
    return TestPredictions(ids, np.array(labels, np.int8), np.array(probabilities, np.float32), tokens)


def test_votes_agreement_and_mistakes_by_hand():
    # The runs of the first variant disagree about the second review; the mean probability of 0.55 decides.
    one = VariantPredictions("one", [predicted(0.9, 0.8, 0.1, 0.7), predicted(0.9, 0.3, 0.1, 0.9)])
    two = VariantPredictions("two", [predicted(0.1, 0.9, 0.2, 0.1)])
    three = VariantPredictions("three", [predicted(0.9, 0.9, 0.2, 0.1)])
    assert one.votes.tolist() == [True, True, False, True]
    shares = agreement([one, two, three])
    np.testing.assert_allclose(shares, [[0.75, 0.5, 0.75], [0.5, np.nan, 0.75], [0.75, 0.75, np.nan]])
    mistakes = own_mistakes([one, two, three])
    assert [(mistake.review_id, mistake.others_correct) for mistake in mistakes["one"]] == [("r3", 2)]
    assert [(mistake.review_id, mistake.probability) for mistake in mistakes["two"]] == [("r0", pytest.approx(0.1))]
    assert mistakes["three"] == []


def test_confusion_counts_and_bins_by_hand():
    labels, probabilities = VariantPredictions("one", [predicted(0.95, 0.35, 0.05, 0.91)] * 2).pooled
    assert confusion_counts(labels, probabilities).tolist() == [[2, 2], [2, 2]]
    bins = by_probability(labels, probabilities)
    assert [(round(one.mean_predicted, 3), one.fraction_positive, one.size) for one in bins] == [
        (0.05, 0.0, 2), (0.35, 1.0, 2), (0.93, 0.5, 4),
    ]  # fmt: skip


def test_bins_by_length_have_about_equally_many_reviews():
    lengths, correct = np.array([1, 2, 3, 4, 9, 9, 9, 9]), np.array([[True, False] * 4])
    bins = by_length(lengths, correct, bins=4)
    assert [(one.shortest, one.longest, one.reviews, one.accuracy) for one in bins] == [
        (1, 2, 2, 0.5), (3, 4, 2, 0.5), (9, 9, 4, 0.5),
    ]  # fmt: skip
    assert [one.span for one in bins] == ["1–2", "3–4", "9"]  # noqa: RUF001
