"""The page on studies that are made up: what it says, what it leaves out and why, and that nothing in it can run."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from markupsafe import Markup

from sentiment_lab.analysis import comparison as comparison_module
from sentiment_lab.analysis.agreement import VariantPredictions, agreement, own_mistakes
from sentiment_lab.analysis.comparison import compare
from sentiment_lab.analysis.measures import by_length, by_probability, confusion_counts, pareto_front
from sentiment_lab.analysis.plots.style import DARK, LIGHT
from sentiment_lab.analysis.predictions import TestPredictions
from sentiment_lab.analysis.report.page import MOST_SHOWN, build_report
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
    """What a browser would see: elements in order, and texts by the section that holds them."""

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


def drawn(accuracy, seed, reviews, prefix="r"):
    """Return answers that are right about a share of the reviews."""
    random = np.random.default_rng(seed)
    labels = np.arange(reviews, dtype=np.int8) % 2
    right = random.random(reviews) < accuracy
    confidence = 0.5 + 0.49 * random.random(reviews)
    positive = right == (labels == 1)
    ids = np.array([f"{prefix}{number:06d}" for number in range(reviews)])
    probabilities = np.where(positive, confidence, 1 - confidence).astype(np.float32)
    return TestPredictions(ids, labels, probabilities, np.random.default_rng(0).integers(5, 200, reviews))


@pytest.fixture
def study(monkeypatch, tmp_path):
    """Return a function that compares made-up variants: names with runs each, and what tells their results apart."""

    def build(
        names, seeds=(1, 2, 3), *, reviews=400, question="Which is best?", name="made up", prefixes=None, **facts
    ):
        answers, runs = {}, []
        for number, variant in enumerate(names):
            for seed in seeds:
                short, accuracy = f"{number:06x}{seed:06x}", 0.95 - 0.04 * number
                prefix = (prefixes or {}).get(variant, "r")
                answers[short] = drawn(accuracy, 100 * number + seed, reviews, prefix)
                outcome = result(
                    float(answers[short].right.mean()), parameters=1000 + 37 * number, seconds=6.0 + number, **facts
                )
                config = {"note": variant, "seed": seed}
                folder = RunFolder(tmp_path / short)
                runs.append(StudyRun(folder, f"{variant} seed={seed}", name, "complete", config, outcome))
        monkeypatch.setattr(comparison_module, "read_test_predictions", lambda folder: answers[folder.short_hash])
        return compare(Selection(name, question, runs), across_data=bool(prefixes))

    return build


@pytest.mark.parametrize(
    ("names", "facts"),
    [
        (["gru"], {"seeds": (1,)}),
        (["gru"], {"epochs": 1, "validation": False}),
        (["gru", "lstm"], {"seeds": (1,), "epochs": 1}),
        (["gru", "lstm"], {"reviews": 2}),
    ],
)
def test_every_study_has_a_whole_page(study, names, facts):
    page = Page(build_report(study(names, **facts)).page)
    assert page.open == []
    sections = "variants pairs cost curves lengths confusion calibration agreement mistakes recipes"
    assert [attributes["id"] for attributes in page.all("h2")] == sections.split()
    if len(names) == 1:
        assert "There is no other variant" in page.text("mistakes")
        assert "There is no other variant to compare with." in page.text("pairs")


def test_nothing_is_fetched_and_nothing_runs(study):
    comparison = study(["gru", "lstm"])
    text = build_report(comparison, explanations=[Markup("<p class=mark>why</p>")], explanations_css=".mark{}").page
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
    assert (
        text
        == build_report(comparison, explanations=[Markup("<p class=mark>why</p>")], explanations_css=".mark{}").page
    )


def test_everything_can_be_read_without_seeing_it(study):
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
def test_texts_stand_out_from_what_is_behind_them(colours):
    def light(name):
        channels = np.array([int(colours[name][at : at + 2], 16) for at in (1, 3, 5)]) / 255
        return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4) @ [
            0.2126,
            0.7152,
            0.0722,
        ]

    for name in ("ink", "muted", "train", "held-out"):
        low, high = sorted((light(name), light("paper")))
        assert (high + 0.05) / (low + 0.05) >= 4.5, name


def test_hostile_names_and_texts_stay_text(study):
    comparison = study(HOSTILE, question=HOSTILE[0] + "\ud800", name=HOSTILE[1])
    report = build_report(comparison, lambda ids: dict.fromkeys(ids, HOSTILE[1] + "<br />" + HOSTILE[0]))
    page = Page(report.page)
    assert not page.all("script") + page.all("img")
    assert len(page.all("svg")) == 1 + 2 + 3 * len(HOSTILE)
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert HOSTILE[0] in page.text("mistakes")
    assert "\u202e" not in report.page
    assert f"note={HOSTILE[3]}"[5:] in page.text("variants")
    for text in report.figures.values():
        Page(text)
        assert "<script" not in text
        assert " onload" not in re.sub(r">[^<]*<|\"[^\"]*\"", "", text)


def test_hostile_names_and_texts_do_nothing_in_a_browser(study, tmp_path):
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if browser is None:
        pytest.skip("no chromium or chrome is on PATH")
    comparison = study(HOSTILE, question=HOSTILE[2], name=HOSTILE[1])
    file = tmp_path / "report.html"
    report = build_report(comparison, lambda ids: dict.fromkeys(ids, " ".join(HOSTILE)))
    narrow = "document.body.style.cssText = 'width: 390px; margin: 0'"
    probe = f"<script>{narrow}; document.body.append('script works ' + document.body.scrollWidth)</script>"
    # A script of the test's own shows that this browser runs scripts, and that the page is no wider than a phone.
    file.write_text(report.page.replace("</body>", probe + "</body>"), encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"]
    command += ["--window-size=600,900", "--virtual-time-budget=2000", "--dump-dom", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    width = re.search(r"script works (\d+)\s*</body>", done.stdout)
    assert width, "the browser ran no script at all"
    assert int(width[1]) <= 390
    assert "<title>ran</title>" not in done.stdout
    assert not Page(done.stdout).all("img")


def test_of_many_variants_the_best_are_drawn_and_that_is_said(study):
    comparison = study([f"a setting with a long name {number}" for number in range(14)], seeds=(1, 2), reviews=50)
    report = build_report(comparison)
    page = Page(report.page)
    assert f"Figures below show the best {MOST_SHOWN} of 14 variants." in page.text("variants")
    assert len([name for name in report.figures if name.startswith("curves")]) == MOST_SHOWN
    assert "Numbers are those of the table above." in page.text("cost")
    assert "#12" in page.text("agreement")
    assert "The figure shows the pairs with the best variant." in page.text("pairs")


def test_other_reviews_are_not_compared_and_that_is_said(study):
    page = Page(build_report(study(["gru", "lstm"], prefixes={"lstm": "other"})).page)
    for section in ("agreement", "mistakes"):
        assert "tested on different reviews" in page.text(section)
    assert "No difference can be tested" in page.text("pairs")
    assert len(page.all("figure")) == 2 + 3 * 2


def test_texts_that_cannot_be_read_leave_the_ids_and_the_reason(study):
    def unreadable(ids):
        raise DataError("the reviews are not here. WAYS")

    comparison = study(["gru", "lstm"], seeds=(1,))
    page = Page(build_report(comparison, unreadable).page)
    assert "Only the ids of the reviews are shown: the reviews are not here." in page.text("mistakes")
    assert re.search(r"Review r\d{6} is (positive|negative)", page.text("mistakes"))


def test_a_long_text_is_cut_to_its_middle_between_words():
    text = " ".join(f"word{number}" for number in range(1000))
    cut = cut_text(text, 600)
    assert 500 < len(cut) <= 604
    assert re.fullmatch(r"… word\d+( word\d+)* …", cut)
    assert abs(text.index(cut[2:-2]) - (len(text) - len(cut)) / 2) < 20
    assert cut_text("short<br /><br />text") == "short\ntext" or cut_text("short<br />text") == "short\ntext"
    assert len(cut_text("x" * 5000, 600)) <= 604


def test_the_front_holds_what_nothing_else_beats():
    #                   cheap and bad, dear and good, beaten, as good for more, an equal of the first
    costs, values = [1.0, 5.0, 6.0, 7.0, 1.0], [0.5, 0.9, 0.7, 0.9, 0.5]
    assert pareto_front(costs, values) == [True, True, False, False, True]


def said(*probabilities, labels=(1, 1, 0, 0)):
    ids = np.array([f"r{number}" for number in range(len(labels))])
    return TestPredictions(
        ids, np.array(labels, np.int8), np.array(probabilities, np.float32), np.arange(len(labels)) + 1
    )


def test_votes_agreement_and_mistakes_of_a_hand_example():
    one = VariantPredictions("one", [said(0.9, 0.8, 0.1, 0.7), said(0.9, 0.3, 0.1, 0.9)])  # even about the second: 0.55
    two = VariantPredictions("two", [said(0.1, 0.9, 0.2, 0.1)])
    three = VariantPredictions("three", [said(0.9, 0.9, 0.2, 0.1)])
    assert one.votes.tolist() == [True, True, False, True]
    shares = agreement([one, two, three])
    np.testing.assert_allclose(shares, [[0.75, 0.5, 0.75], [0.5, np.nan, 0.75], [0.75, 0.75, np.nan]])
    found = own_mistakes([one, two, three])
    assert [(mistake.review_id, mistake.others_correct) for mistake in found["one"]] == [("r3", 2)]
    assert [(mistake.review_id, mistake.probability) for mistake in found["two"]] == [("r0", pytest.approx(0.1))]
    assert found["three"] == []


def test_counts_and_bins_of_a_hand_example():
    answers = said(0.95, 0.35, 0.05, 0.91)
    assert confusion([answers, answers]).tolist() == [[2, 2], [2, 2]]
    bins = by_probability([answers])
    assert [(round(one.said, 3), one.found, one.answers) for one in bins] == [
        (0.05, 0.0, 1), (0.35, 1.0, 1), (0.93, 0.5, 2),
    ]  # fmt: skip
    share, low, high = share_right(np.array([[True] * 8 + [False] * 2]))
    assert (share, round(low, 4), round(high, 4)) == (0.8, 0.4902, 0.9433)  # Wilson's interval of 8 in 10
