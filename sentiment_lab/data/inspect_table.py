"""What `data info data=table` shows before the columns are known: columns, examples, and a guess which are which."""

from __future__ import annotations

import itertools
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sentiment_lab.config.settings import TableData
from sentiment_lab.data.sources.class_labels import label_key, natural_order, proposed_mapping
from sentiment_lab.data.sources.own_files import find_files
from sentiment_lab.data.sources.own_texts import table_form
from sentiment_lab.data.sources.source_data import LABELS
from sentiment_lab.data.tables.header import missing_column, normalized, shortened
from sentiment_lab.data.tables.reader import open_table

_ROWS = 2000
"""First rows from which columns are guessed."""
_EXAMPLES = 3
_MOST_LABELS = 20
"""Different values of a column of labels."""
_LABEL_NAMES = ("label", "labels", "sentiment", "class", "target", "polarity", "stars", "rating", "score", "category")
"""Usual names of a column of labels, the most usual first."""


@dataclass(frozen=True)
class Column:
    """A column and its cells in the first rows."""

    name: str
    cells: Sequence[str]

    @property
    def words(self) -> float:
        """Mean number of words in a cell."""
        return sum(len(cell.split()) for cell in self.cells) / max(len(self.cells), 1)

    @property
    def labels(self) -> Counter[str]:
        """The different cells, as labels are compared, with their numbers."""
        return Counter(map(label_key, self.cells))


def needs_columns(data: TableData) -> bool:
    """Whether the columns of a table are still to be chosen."""
    return None in (data.text_column, data.label_column) and not find_files(data.path)[0].is_dir()


def inspect_table(data: TableData) -> list[Column]:
    """Read the columns of the first file; raises DataError where it cannot be read."""
    file = find_files(data.path)[0]
    with open_table(file, [], form=table_form(data)) as table:
        rows = list(itertools.islice(table.rows, _ROWS))
        return [Column(name, [row.cells[place] for row in rows]) for place, name in enumerate(table.columns)]


def render_columns(columns: Sequence[Column], data: TableData, overrides: Sequence[str]) -> str:
    """Return the columns with examples, and the command with the guessed ones."""
    width = max(len(column.name) for column in columns)
    lines = [f"{'column':<{width}}  examples", *(f"{one.name:<{width}}  {_examples(one)}" for one in columns)]
    text, label = guess_columns(columns, data)
    if text is None or label is None:
        missing = "texts" if text is None else "labels"
        return "\n".join([*lines, "", f"no column looks like {missing}; set data.text_column and data.label_column"])
    guessed = [] if data.text_column is not None else [f"data.text_column={_value(text.name)}"]
    guessed += [] if data.label_column is not None else [f"data.label_column={_value(label.name)}"]
    command = shlex.join(["sentiment-lab", "data", "info", *overrides, *guessed])
    keys = sorted(filter(None, label.labels), key=natural_order)
    guess = f"the texts may be in {text.name}, the labels in {label.name}"
    if keys != sorted(LABELS) and data.labels is None:
        command += f" {proposed_mapping(keys)}"
        guess += "; check which labels are negative and which positive"
    return "\n".join([*lines, "", f"{guess}:", command])


def guess_columns(columns: Sequence[Column], data: TableData) -> tuple[Column | None, Column | None]:
    """Return the columns of texts and of labels: those set, else the likeliest ones; None where none is likely.

    Texts are in the column with the most words. Labels have few different values, each of them several times; of
    several such columns, one with a usual name is taken, then the one with the fewest values.
    """
    text = _named(columns, data.text_column) or max(columns, key=lambda column: column.words)
    if text.words <= 1:
        return None, _named(columns, data.label_column)
    found = [column for column in columns if column is not text and 2 <= _different(column) <= _limit(column)]
    label = _named(columns, data.label_column) or min(found, key=_unlikeliness, default=None)
    return text, label


def _named(columns: Sequence[Column], name: int | str | None) -> Column | None:
    if name is None:
        return None
    found = next((column for column in columns if normalized(column.name) == normalized(str(name))), None)
    if found is None:
        raise missing_column("the table", [one.name for one in columns], [str(name)], "")
    return found


def _different(column: Column) -> int:
    return len(column.labels)


def _limit(column: Column) -> int:
    return min(_MOST_LABELS, max(2, len(column.cells) // 2))


def _unlikeliness(column: Column) -> tuple[int, int]:
    name = normalized(column.name)
    usual = next((place for place, word in enumerate(_LABEL_NAMES) if word in name), len(_LABEL_NAMES))
    return usual, _different(column)


def _examples(column: Column) -> str:
    shown = list(dict.fromkeys(column.cells))[:_EXAMPLES]
    return ", ".join(map(shortened, shown))


def _value(name: str) -> str:
    """Return a name as the value of an override: in quotes where Hydra would read it as something else."""
    plain = name.replace("_", "").replace("-", "")
    words = {"null", "true", "false", "nan", "inf"}
    if plain.isascii() and plain.isalnum() and name.lower() not in words and not name[0].isspace():
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
