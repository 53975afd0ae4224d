"""Laws of turning plain data into typed settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from sentiment_lab.base.suggestions import did_you_mean
from sentiment_lab.config.fields import ConfigError, above, at_least, build, fraction, option, to_plain


@dataclass(kw_only=True)
class Circle:
    kind: Literal["circle"]
    radius: float = option(above(0))


@dataclass(kw_only=True)
class Square:
    kind: Literal["square"]
    side: float = option(above(0))


@dataclass(kw_only=True)
class Drawing:
    shape: Circle | Square
    sizes: list[int] = option(at_least(1))
    share: float = option(fraction())
    name: str | None
    part: int | float | None
    filled: bool


GOOD = {
    "shape": {"kind": "circle", "radius": 2},
    "sizes": [1, 2],
    "share": 0.5,
    "name": None,
    "part": 0.1,
    "filled": True,
}


def test_building_and_going_back_is_the_identity():
    made = build(Drawing, GOOD)
    assert made.shape == Circle(kind="circle", radius=2.0)
    assert build(Drawing, to_plain(made)) == made


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"shape": {"kind": "circel", "radius": 2}},
            "shape.kind must be one of circle, square, got 'circel'; did you mean circle?",
        ),
        ({"shape": {"kind": "square", "radius": 2}}, "shape.radius is not a setting"),
        ({"shape": 3}, "shape.kind must be one of circle, square, got None"),
        ({"sizes": []}, "sizes must be a list with at least one entry, such as [64], got []"),
        ({"sizes": [0]}, "sizes must be at least 1, got [0]"),
        ({"sizes": [1.5]}, "sizes[0] must be a whole number, got 1.5"),
        ({"sizes": [True]}, "sizes[0] must be a whole number, got True"),
        ({"share": 20}, "share must be in [0, 1), got 20"),
        ({"share": float("nan")}, "share must be a number, got nan"),
        ({"share": "0.5"}, "share must be a number, got '0.5'"),
        ({"name": 3}, "name must be text, got 3"),
        ({"filled": 1}, "filled must be true or false, got 1"),
        ({"nmae": "x"}, "nmae is not a setting; did you mean name?"),
    ],
)
def test_each_mistake_is_named_by_its_key(change, message):
    with pytest.raises(ConfigError) as caught:
        build(Drawing, {**GOOD, **change})
    assert message in caught.value.problems


def test_all_problems_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        build(Drawing, {**GOOD, "share": 2, "filled": None, "sizes": [0, -1]})
    assert len(caught.value.problems) == 4


def test_a_missing_key_is_named():
    with pytest.raises(ConfigError, match=r"^share is missing$"):
        build(Drawing, {key: value for key, value in GOOD.items() if key != "share"})


@pytest.mark.parametrize(("given", "read"), [(45000, 45000), (45000.0, 45000), (0.5, 0.5), (None, None)])
def test_a_count_or_fraction_is_a_count_when_it_is_whole(given, read):
    part = build(Drawing, {**GOOD, "part": given}).part
    assert part == read
    assert type(part) is type(read)


def test_nothing_is_suggested_for_a_word_that_is_near_to_none():
    assert did_you_mean("zzzz", ["lstm", "gru"]) == ""


def test_a_zero_has_no_sign():
    assert str(build(Drawing, {**GOOD, "share": -0.0}).share) == "0.0"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"share": 10**400}, "share must be within ±2^63, got 1000"),
        ({"sizes": [10**400]}, "sizes[0] must be within ±2^63, got 1000"),
        ({"sizes": [1e300]}, "sizes[0] must be a whole number, got 1e+300"),
        ({"part": 10**400}, "part must be within ±2^63, got 1000"),
        ({3: 1}, "3 is not a setting"),
        ({"": 1}, "'' is not a setting"),
    ],
)
def test_a_number_beyond_64_bits_and_a_key_that_is_no_name_are_refused(change, message):
    with pytest.raises(ConfigError) as caught:
        build(Drawing, {**GOOD, **change})
    assert message in str(caught.value)


def test_a_problem_is_one_line_whatever_the_value_holds():
    problem = ConfigError([f"name must be short, got a\nb\x1b[31m\u202e\udcff{'x' * 100_000}y"]).problems[0]
    assert problem.isprintable()
    assert len(problem) < 1000
    assert problem.startswith(r"name must be short, got a\nb\x1b[31m\u202e\udcffxxx")
    assert problem.endswith("xxxy")
