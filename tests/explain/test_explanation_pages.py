"""An explanation as rows, in a terminal and as a page."""

from __future__ import annotations

import dataclasses
import io
import re
from html.parser import HTMLParser

import pytest
from rich.console import Console

from sentiment_lab.base.files import StorageError
from sentiment_lab.explain.explanation import Explanation, ExplanationError, choose_method
from sentiment_lab.explain.html import explanation_css, explanation_html, write_page
from sentiment_lab.explain.terminal import print_explanation
from sentiment_lab.explain.token_rows import prediction_text, read_text, strongest, sum_text, token_rows

HOSTILE = "<script>alert('x')</script>"
EXPLANATION = Explanation(
    text="A good film, not zyzzyva",
    architecture="gru",
    method="integrated_gradients",
    tokens=("good", "film", "not", HOSTILE),
    known=(True, True, True, False),
    probabilities=(0.75, 0.7, 0.1, 0.3),
    contributions=(1.5, 0.01, -2.0, 0.0),
    logit=-0.75,
    baseline_logit=-0.26,
    unread=("<b>a</b>",),
    keep="last",
    steps=16,
    tolerance=1e-3,
)


class Elements(HTMLParser):
    """The elements of a page, their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def printed(explanation: Explanation, **settings) -> str:
    file = io.StringIO()
    print_explanation(Console(file=file, width=100, highlight=False, **settings), explanation)
    return file.getvalue()


def test_the_sum_and_its_gap():
    assert EXPLANATION.total == pytest.approx(-0.49)
    assert EXPLANATION.gap == pytest.approx(0.0, abs=1e-12)
    text = sum_text(EXPLANATION)
    assert text.startswith("contributions sum to -0.490, logit minus baseline is -0.490, gap ")
    assert text.endswith(", within the tolerance of 0.001 (16 points on the path)")
    assert "ABOVE the tolerance" in sum_text(dataclasses.replace(EXPLANATION, logit=-0.5))
    other = dataclasses.replace(EXPLANATION, method="occlusion", tolerance=None, steps=None)
    assert sum_text(other).endswith("; with occlusion the two may differ")
    assert sum_text(dataclasses.replace(other, method="weights")).endswith(" (rounding)")


def test_label_and_probability_follow_from_the_logit():
    assert prediction_text(EXPLANATION) == "negative, probability 0.3208 (logit -0.750)"
    assert dataclasses.replace(EXPLANATION, logit=0.0).label == "negative", "like `predict`: positive is above 0.5"
    assert dataclasses.replace(EXPLANATION, logit=1000.0).probability == 1.0


def test_rows_carry_strength_and_sign():
    rows = token_rows(EXPLANATION)
    assert [row.share for row in rows] == [0.75, 0.005, -1.0, 0.0]
    assert [row.level for row in rows] == [4, 0, 4, 0]
    assert [row.sign for row in rows[:3]] == ["positive", "positive", "negative"]
    assert [row.position for row in strongest(rows, 2)] == [1, 3], "the strongest, in the order of the text"


def test_read_and_unknown_tokens_are_counted():
    expected = "the last 4 of 5 tokens read (truncated by text.max_length), 1 unknown to the model"
    assert read_text(EXPLANATION) == expected
    assert (
        read_text(dataclasses.replace(EXPLANATION, unread=(), known=(True,) * 4))
        == "4 tokens read, all known to the model"
    )


def test_a_pipe_receives_no_escapes_and_every_number():
    text = printed(EXPLANATION)
    assert "\x1b" not in text
    assert f"[{HOSTILE}]" in text, "unknown words are in brackets"
    line = next(line for line in text.splitlines() if "-2.000" in line)
    assert re.fullmatch(r" +3 +not +0\.1000 +-2\.000 +██████████│ *", line)
    assert re.search(r"good +0\.7500 +\+1\.500 +│████████ *\n", text)
    assert "(1 more) good film not" in text


def test_a_terminal_receives_colour_unless_disabled():
    settings = {"force_terminal": True, "color_system": "truecolor"}
    coloured = printed(EXPLANATION, **settings)
    assert "\x1b[1;37;48;2;30;64;175mgood\x1b[0m" in coloured, "blue is positive"
    assert "\x1b[1;37;48;2;153;27;27mnot\x1b[0m" in coloured, "red is negative"
    plain = printed(EXPLANATION, **settings, no_color=True)
    assert not re.search(r"\x1b\[[\d;]*(38|48);", plain)
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == re.sub(r"\x1b\[[\d;]*m", "", plain) == printed(EXPLANATION)


def test_hostile_text_is_escaped(tmp_path):
    hostile = dataclasses.replace(EXPLANATION, architecture="</title><script>")
    write_page(tmp_path / "page.html", [hostile, hostile], '"><img src=x onerror=alert(1)>')
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    elements = Elements(page)
    assert not {"script", "img", "b", "link", "iframe"} & set(elements.names)
    assert elements.text.count(HOSTILE) >= 4
    assert not [name for name, _ in elements.attributes if name.startswith("on") or name in ("src", "href", "style")]
    assert "url(" not in page
    assert "@import" not in page


def test_a_page_is_complete_without_colour(tmp_path):
    write_page(tmp_path / "page.html", [EXPLANATION], "0123456789ab")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    elements = Elements(page)
    assert ("lang", "en") in elements.attributes
    assert "<title>Predictions of gru 0123456789ab explained</title>" in page
    for text in ("+1.500", "-2.000", "0.7500", "negative", sum_text(EXPLANATION), read_text(EXPLANATION)):
        assert text in elements.text
    assert ("points", "0.0,25.0 200.0,30.0 400.0,90.0 600.0,70.0") in elements.attributes


def test_a_page_is_written_atomically(tmp_path):
    with pytest.raises(StorageError, match=r"nowhere/page\.html cannot be written"):
        write_page(tmp_path / "nowhere" / "page.html", [EXPLANATION], "0123456789ab")
    (tmp_path / "page.html").write_text("before", encoding="utf-8")
    broken = dataclasses.replace(EXPLANATION, known=())
    with pytest.raises(ValueError, match="zip"):
        write_page(tmp_path / "page.html", [EXPLANATION, broken], "0123456789ab")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_fragment_fits_into_another_page():
    fragment = explanation_html(EXPLANATION)
    assert fragment == fragment.__html__(), "a template does not escape it again"
    assert fragment.startswith("<article")
    assert fragment.rstrip().endswith("</article>")
    assert Elements(fragment).names.count("article") == 1
    rules = re.findall(r"^\s*([^@{}\s][^{}]*)\{", re.sub(r"\([^)]*\)", "", explanation_css()), re.MULTILINE)
    assert rules
    assert all(part.strip().startswith(".explanation") for rule in rules for part in rule.split(","))


@pytest.mark.parametrize("tokens", [0, 1])
def test_the_shortest_texts_are_printed(tokens):
    columns = ("tokens", "known", "probabilities", "contributions")
    short = dataclasses.replace(EXPLANATION, **{name: getattr(EXPLANATION, name)[:tokens] for name in columns})
    assert "negative" in printed(short)
    assert Elements(explanation_html(short)).names.count("table") == tokens


def test_contributions_of_zero_are_no_division_by_zero():
    assert [row.share for row in token_rows(dataclasses.replace(EXPLANATION, contributions=(0.0,) * 4))] == [0.0] * 4


def test_json_has_one_entry_a_token():
    plain = EXPLANATION.to_plain()
    assert plain["tokens"][2] == {"token": "not", "known": True, "probability": 0.1, "contribution": -2.0}
    assert plain["gap"] == EXPLANATION.gap


def test_a_family_has_its_own_method():
    assert choose_method("recurrent", None) == "integrated_gradients"
    assert choose_method("tfidf_logistic", None) == "weights"
    with pytest.raises(ExplanationError, match="--method must be weights or occlusion for a nb_svm model"):
        choose_method("nb_svm", "integrated_gradients")
