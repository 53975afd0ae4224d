"""data=table: the same texts in every form, what labels mean, and what is refused by row."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.fields import ConfigError
from sentiment_lab.data.corpus import load_corpus
from sentiment_lab.data.inspect_table import inspect_table, render_columns
from sentiment_lab.data.pinning import pin_data
from sentiment_lab.data.reviews import Corpus, DataError
from sentiment_lab.data.sources.class_labels import label_key, natural_order

TEXTS = ["très bon", "a dull; long, film", "fine", 'not "good"', "lovely", "poor"]
LABELS = ["pos", "neg"] * 3
FRAME = pd.DataFrame({"id": range(6), "text": TEXTS, "label": LABELS})
CSV = FRAME.to_csv(index=False)
COLUMNS = ("data.text_column=text", "data.label_column=label")
NUMBERS = FRAME.assign(label=[1, 0] * 3)


def parquet(frame: pd.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.to_parquet(content)
    return content.getvalue()


def zipped(content: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("texts.jsonl", content)
    return archive.getvalue()


def settings(path: Path, *overrides: str):
    columns = () if path.is_dir() else COLUMNS
    return compose_config(["data=table", f'data.path="{path}"', *columns, *overrides]).data


def load(path: Path, content: bytes | str, *overrides: str) -> Corpus:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_corpus(settings(path, *overrides), path.parent / "cache")


JSON_LINES = NUMBERS.to_json(orient="records", lines=True).encode()
FORMS = {
    "commas": (CSV.encode(), ()),
    "tabs": (FRAME.to_csv(index=False, sep="\t").encode(), ()),
    "semicolons, byte-order mark, lines of Windows": (
        FRAME.to_csv(index=False, sep=";", lineterminator="\r\n").encode("utf-8-sig"),
        ("data.encoding=utf8",),
    ),
    "another separator": (FRAME.to_csv(index=False, sep="^").encode(), ('data.delimiter="^"',)),
    "a separator by name": (FRAME.to_csv(index=False, sep="|").encode(), ("data.delimiter=pipe",)),
    "Windows-1252": (CSV.encode("cp1252"), ("data.encoding=cp1252",)),
    "with the index of pandas": (FRAME.to_csv().encode(), ()),
    "without header": (
        FRAME.to_csv(index=False, header=False).encode(),
        ("data.header=false", "data.text_column=2", "data.label_column=3"),
    ),
    "mapped": (
        FRAME.assign(label=["5", "1.0", "4", " 2", "5", "1"]).to_csv(index=False).encode(),
        ("data.labels={1: negative, 2: negative, 4: positive, 5: positive}",),
    ),
    "case and spaces": (CSV.replace("pos", " Pos").encode(), ()),
    "JSON lines": (JSON_LINES, ()),
    "JSON lines of booleans": (
        FRAME.assign(label=[True, False] * 3).to_json(orient="records", lines=True).encode(),
        ("data.labels={false: negative, true: positive}",),
    ),
    "Parquet of categories": (parquet(FRAME.astype({"label": "category"})), ()),
    "Parquet of whole numbers": (parquet(NUMBERS), ()),
    "Parquet of floats": (parquet(NUMBERS.astype({"label": "float64"})), ()),
    "Parquet of booleans": (parquet(NUMBERS.astype({"label": "bool"})), ()),
    "gzip": (gzip.compress(CSV.encode()), ()),
    "bzip2": (bz2.compress(JSON_LINES), ()),
    "xz": (lzma.compress(CSV.encode()), ()),
    "zstd": (pa.compress(JSON_LINES, "zstd", asbytes=True), ()),
    "zip": (zipped(JSON_LINES), ()),
}


@pytest.fixture(scope="module")
def published_form(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """The texts as data=imdb reads them from a table like Kaggle's."""
    folder = tmp_path_factory.mktemp("imdb")
    names = {"neg": "negative", "pos": "positive"}
    table = FRAME.replace({"label": names}).rename(columns={"text": "review", "label": "sentiment"})
    table.to_csv(folder / "a.csv", index=False)
    return load_corpus(compose_config(["data=imdb", f"data.path={folder}/a.csv"]).data, folder / "cache")


@pytest.mark.parametrize("form", FORMS)
def test_the_same_texts_in_any_form_have_one_hash(form: str, published_form: Corpus, tmp_path: Path) -> None:
    content, overrides = FORMS[form]
    found = load(tmp_path / "a", content, *overrides)
    assert found.texts == published_form.texts == TEXTS
    assert found.data_hash == published_form.data_hash
    assert found.reviews["id"].tolist() == published_form.reviews["id"].tolist()


def write_folders(root: Path, *, parts: bool = False) -> Path:
    for number, (text, label) in enumerate(zip(TEXTS, LABELS, strict=True)):
        folder = root / (("train", "test")[number // 4] if parts else "") / label
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.txt").write_text(text, encoding="utf-8")
    return root


def test_a_folder_for_each_class_is_read_as_a_table(tmp_path: Path) -> None:
    folder = write_folders(tmp_path / "texts")
    (folder / "README").write_text("x")
    found = load_corpus(settings(folder), tmp_path / "cache")
    assert found.data_hash == load(tmp_path / "a.csv", CSV).data_hash
    assert any("1 other files are not texts of a class" in note for note in found.notes)
    parts = load_corpus(settings(write_folders(tmp_path / "parts", parts=True)), tmp_path / "cache")
    assert parts.data_hash == found.data_hash
    assert sorted(parts.reviews["part"]) == ["test"] * 2 + ["train"] * 4


def test_a_pattern_names_several_files_with_the_same_columns(tmp_path: Path) -> None:
    for name, rows in (("part-1.csv", FRAME[:3]), ("part-2.csv", FRAME[3:])):
        rows[["label", "text", "id"] if name == "part-2.csv" else list(FRAME)].to_csv(tmp_path / name, index=False)
    found = load_corpus(settings(tmp_path / "part-*.csv"), tmp_path / "cache")
    assert found.texts == TEXTS
    (tmp_path / "part-2.csv").write_text(CSV.replace("id", "number"))
    with pytest.raises(
        DataError, match=r"part-2.csv must have the columns of .*part-1.csv, id, text, label, got number"
    ):
        load_corpus(settings(tmp_path / "part-*.csv"), tmp_path / "cache")


MAPPED = "data.labels={neg: negative, pos: positive}"
REFUSED = {
    "a missing column": (
        CSV.replace("text", "txet"),
        (),
        "columns text and label, got id, txet, label; did you mean tx",
    ),
    "an unknown label": (
        f"{CSV}6,x,other\n",
        (MAPPED,),
        "row 8 (line 8): the label 'other' is not in data.labels (neg, p",
    ),
    "three labels": (f"{CSV}6,x,other\n", (), "has 3 labels: 'neg' (3), 'other' (1), 'pos' (3); more than two classes"),
    "one text of a class": (CSV[: CSV.index("2,fine")] + "3,x,neg\n", (), "row 2 (line 2): this is the only text with"),
    "one class": (CSV.replace("neg", "pos"), (), "has one class only: no text has a second label"),
    "one class of a mapping": (
        CSV.replace("neg", "pos"),
        (MAPPED,),
        "one class only: no text has the label 'neg' (nega",
    ),
    "a repeated header": (CSV + CSV, (), "row 8 (line 8): repeats the header"),
    "a ragged row": (f"{CSV}6,x,pos,y\n", (), "row 8 (line 8): must have 3 columns, got 4"),
    "an empty text": (f"{CSV}6, ,pos\n", (), "row 8 (line 8): the text is empty; data.empty=drop leaves out"),
    "an empty label": (f"{CSV}6,x,\n", (), "row 8 (line 8): the label is empty"),
    "another encoding": (
        CSV.encode("cp1252"),
        (),
        "row 2 (line 2): text is not UTF-8; it may be Windows-1252 (cp1252); set",
    ),
    "bytes that the encoding lacks": (
        f"{CSV}6,caf".encode("cp1252") + b"\x81,pos\n",
        ("data.encoding=cp1252",),
        "row 8 (line 8): text is not CP1252",
    ),
    "another word than a part": (
        CSV,
        ("data.part_column=id",),
        "row 2 (line 2): part must be train, validation, test or",
    ),
    "no position": (
        CSV,
        ("data.header=false", "data.text_column=2", "data.label_column=5"),
        "columns 2 and 5, got 1, 2",
    ),
    "JSON that ends early": (JSON_LINES + b'{"id":', (), "row 7 (line 7): not valid JSON"),
    "JSON with a number for a text": (JSON_LINES + b'{"text": 3}', (), "row 7 (line 7): text must be text, got '3'"),
    "Parquet with a list for a label": (
        parquet(FRAME.assign(label=[[1]] * 6)),
        (),
        "column label must contain text, num",
    ),
    "zstd that ends early": (
        pa.compress(CSV.encode() * 99, "zstd", asbytes=True)[:-6],
        (),
        "is not a complete zstd file",
    ),
    "columns that are not set": (CSV, ("data.text_column=null",), "data.text_column must be set for"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_by_file_and_row(case: str, tmp_path: Path) -> None:
    content, overrides, words = REFUSED[case]
    with pytest.raises(DataError) as caught:
        load(tmp_path / "a.csv", content, *overrides)
    assert words in str(caught.value)
    assert str(tmp_path / "a.csv") in str(caught.value)
    assert not list(tmp_path.glob("cache/corpora/*/*"))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("data.labels={0: bad, 1: good}", "data.labels must map to both negative and positive (other names"),
        ("data.labels={0: a, 1: b, 2: c}", "(more than two classes are not supported yet), got a, b, c"),
        ("data.labels={}", "data.labels must be a mapping with at least one entry"),
        ("data.unmapped=drop", "data.unmapped must be error where data.labels is null"),
        ("data.delimiter=ab", "data.delimiter must be one character, or one of comma, tab"),
        ("data.encoding=latin-99", "data.encoding must be an encoding of Python"),
        ("data.header=false", "data.text_column must be a position, from 1, where data.header is false, got 'text'"),
    ],
)
def test_invalid_settings_are_named(override: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path / "a.csv", override)
    assert words in str(caught.value)


def test_what_is_dropped_is_reported(tmp_path: Path) -> None:
    found = load(
        tmp_path / "a.csv",
        f"{CSV}6, ,pos\n7,x,other\n8,y,\n9,fine,neg\n",
        MAPPED,
        "data.unmapped=drop",
        "data.empty=drop",
    )
    assert found.notes == (
        "1 empty text dropped, the first in row 8 (line 8)",
        "2 texts with other labels dropped: '' (1), 'other' (1)",
        "negative is 'neg'; positive is 'pos'",
        "1 text with both labels: row 4 (line 4) and row 11 (line 11)",
    )
    assert len(found.reviews) == 7


def test_a_limit_keeps_the_share_of_each_class_in_any_order(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": [f"text {index}" for index in range(100)], "label": ["a"] * 80 + ["b"] * 20})
    chosen = load(tmp_path / "a.csv", frame.to_csv(), "data.limit=20")
    assert chosen.reviews["label"].value_counts().to_dict() == {0: 16, 1: 4}
    assert load(tmp_path / "b.csv", frame[::-1].to_csv(), "data.limit=20").data_hash == chosen.data_hash


def test_other_parts_or_groups_are_other_data(tmp_path: Path) -> None:
    def pinned(part: str, *overrides: str):
        content = FRAME.assign(part=part, film=["x", "x", "y", "y", "z", ""]).to_csv(index=False)
        (tmp_path / "a.csv").write_text(content, encoding="utf-8")
        return pin_data(settings(tmp_path / "a.csv", *overrides), tmp_path / "cache")

    plain, train, test = (
        pinned("train"),
        pinned("train", "data.part_column=part"),
        pinned("test", "data.part_column=part"),
    )
    groups = pinned("test", "data.group_column=film")
    assert plain.expect == train.expect == test.expect == groups.expect
    assert len({one.expect_parts for one in (plain, train, test, groups)}) == 4
    assert plain.expect_parts is None
    with pytest.raises(DataError, match="with their parts and groups"):
        pinned("train", "data.part_column=part", f"data.expect_parts={test.expect_parts}")


def test_rows_are_named_by_the_id_column(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"row 8 \(line 8\), id 6: the text is empty"):
        load(tmp_path / "a.csv", f"{CSV}6, ,pos\n", "data.id_column=id")


def test_labels_are_compared_as_numbers_or_words_and_sorted_naturally() -> None:
    assert [label_key(one) for one in ("1", " 1.0", "True", "-1", "1.5")] == ["1", "1", "true", "-1", "1.5"]
    assert sorted(["a10", "10", "a9", "-1", "9", "b"], key=natural_order) == ["-1", "9", "10", "a9", "a10", "b"]


@pytest.mark.parametrize(
    ("frame", "guessed"),
    [
        (FRAME, "data.text_column=text data.label_column=label 'data.labels={neg: negative, pos: positive}'"),
        (
            FRAME.assign(stars=[5, 1, 3, 2, 4, 1]).drop(columns="label"),
            (
                "data.text_column=text data.label_column=stars "
                "'data.labels={1: negative, 2: negative, 4: positive, 5: positive}' data.unmapped=drop"
            ),
        ),
        (
            FRAME.set_axis(["id", "the text", "Gefühl"], axis=1),
            (
                "'data.text_column=\"the text\"' 'data.label_column=\"Gefühl\"' "
                "'data.labels={neg: negative, pos: positive}'"
            ),
        ),
        (
            FRAME.replace({"label": {"pos": "Positive", "neg": "negative"}}),
            "data.text_column=text data.label_column=label",
        ),
        (FRAME[["id", "label"]], "no column looks like texts; set data.text_column and data.label_column"),
    ],
)
def test_columns_are_guessed_from_their_content(frame: pd.DataFrame, guessed: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(pd.concat([frame] * 4).to_csv(index=False), encoding="utf-8")
    overrides = ["data=table", f"data.path={tmp_path}/a.csv"]
    data = compose_config(overrides).data
    lines = render_columns(inspect_table(data), data, overrides).splitlines()
    assert [line.split("  ")[0] for line in lines[: len(frame.columns) + 1]] == ["column", *frame.columns]
    assert lines[-1].endswith(guessed)


def test_a_column_that_the_table_lacks_has_a_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV, encoding="utf-8")
    data = compose_config(["data=table", f"data.path={tmp_path}/a.csv", "data.text_column=txet"]).data
    with pytest.raises(DataError, match=r"must have the column txet, got id, text, label; did you mean text\?"):
        render_columns(inspect_table(data), data, [])
