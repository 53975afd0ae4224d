"""The reader of tables: what is detected from the content, and what is refused by row."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import os
import tempfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.tables.reader import open_table

COLUMNS = ["id", "review", "note"]
ROWS = [
    ["1", 'Well, it is "fine"; really', "a|b"],
    ["2", "two\nlines and\ta tab", ""],
    ["3", "Très “bien”", "x"],
]
FRAME = pd.DataFrame(ROWS, columns=COLUMNS)


def text(delimiter: str = ",", end: str = "\n", columns: list[str] = COLUMNS) -> str:
    quoting = csv.QUOTE_ALL if end == "\r" else csv.QUOTE_MINIMAL
    return FRAME.set_axis(columns, axis=1).to_csv(index=False, sep=delimiter, lineterminator=end, quoting=quoting)


def zipped(members: dict[str, bytes], **options: int) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", **options) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


def json_lines() -> str:
    return FRAME.to_json(orient="records", lines=True, force_ascii=False)


def parquet() -> bytes:
    content = io.BytesIO()
    FRAME.to_parquet(content)
    return content.getvalue()


def read(path: Path | None, needed: tuple[str, ...] = ("review",)) -> tuple[list[str], list[list[str]]]:
    with open_table(path, needed) as table:
        return table.columns, [list(row.cells) for row in table.rows]


def message(path: Path, content: bytes | str, needed: tuple[str, ...] = ("review",)) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError) as caught:
        read(path, needed)
    assert str(caught.value).startswith(str(path))
    return str(caught.value)


FORMS = {
    "commas": text().encode(),
    "tabs": text("\t").encode(),
    "semicolons": text(";").encode(),
    "pipes": text("|").encode(),
    "line ends of Windows": text(end="\r\n").encode(),
    "line ends of old Macs": text(end="\r").encode(),
    "byte-order mark": text().encode("utf-8-sig"),
    "UTF-16": text().encode("utf-16"),
    "UTF-16, big-endian, tabs": b"\xfe\xff" + text("\t").encode("utf-16-be"),
    "UTF-32": text().encode("utf-32"),
    "sep=": b"sep=;\n" + text(";").encode(),
    "sep= of Excel, UTF-16, tabs": ("sep=\t\r\n" + text("\t", "\r\n")).encode("utf-16"),
    "sep= of a separator that is not detected": b"SEP=^\n" + text("^").encode(),
    "spaces around names": text(columns=[" id", "review ", " note "]).encode(),
    "blank lines": b"\n\n" + text().replace("\n3,", "\n\n,,\n  \n3,").encode() + b"\n\n",
    "gzip": gzip.compress(text().encode()),
    "bzip2": bz2.compress(text(";").encode()),
    "xz": lzma.compress(text("\t").encode("utf-16")),
    "zip": zipped({"folder/table.csv": text().encode(), "folder/read me.txt": b"x"}),
    "zip of a file without suffix": zipped({"table": text().encode()}),
    "zip of gzip": zipped({"table.csv.gz": gzip.compress(text().encode())}),
    "parquet": parquet(),
    "zstd": pa.compress(text().encode(), "zstd", asbytes=True),
    "zip of zstd": zipped({"table.csv.zst": pa.compress(text().encode(), "zstd", asbytes=True)}),
    "JSON lines": json_lines().encode(),
    "JSON lines, byte-order mark, blank lines": json_lines().replace("\n", "\r\n\r\n").encode("utf-8-sig"),
    "JSON lines, UTF-16, gzip": gzip.compress(json_lines().encode("utf-16")),
    "JSON list": FRAME.to_json(orient="records", indent=2).encode(),
    "parquet in gzip": gzip.compress(parquet()),
    "parquet in a zip": zipped({"table.parquet": parquet()}),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_read_by_its_content_whatever_its_name(form: str, tmp_path: Path) -> None:
    for name in ("table.csv", "table"):
        (tmp_path / name).write_bytes(FORMS[form])
        assert read(tmp_path / name) == (COLUMNS, ROWS)


CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


@given(
    rows=st.lists(st.tuples(CELLS, CELLS).filter(lambda row: any(map(str.strip, row))), max_size=5),
    delimiter=st.sampled_from(",\t;|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_what_csv_writes_is_read(rows: list[tuple[str, str]], delimiter: str, encoding: str) -> None:
    content = io.StringIO(newline="")
    csv.writer(content, delimiter=delimiter).writerows([("review", "note"), *rows])
    with tempfile.NamedTemporaryFile() as file:
        file.write(content.getvalue().encode(encoding))
        file.flush()
        assert read(Path(file.name)) == (["review", "note"], [list(row) for row in rows])


@pytest.mark.parametrize("form", ["commas", "gzip", "zip", "parquet"])
def test_standard_input_is_read_as_a_file(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(FORMS[form])))
    assert read(None) == (COLUMNS, ROWS)


def test_a_pipe_is_read_as_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(FORMS["zip"],))
    writer.start()
    assert read(tmp_path / "pipe") == (COLUMNS, ROWS)
    writer.join()


@pytest.mark.parametrize(("needed", "header"), [("review", "Review"), (" REVIEW", "review"), ("Straße", "STRASSE")])
def test_the_case_of_names_and_spaces_around_them_have_no_meaning(needed: str, header: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"id, {header} \n1,fine\n", encoding="utf-8")
    with open_table(tmp_path / "a.csv", [needed]) as table:
        assert table.columns == ["id", header]
        assert [table.column(needed)(row) for row in table.rows] == ["fine"]


def test_a_space_after_each_separator_is_part_of_the_separator(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id, "review", note\n1, "Well, fine", x\n')
    assert read(tmp_path / "a.csv") == (COLUMNS, [["1", "Well, fine", "x"]])


def test_rows_are_numbered_as_in_a_spreadsheet(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('sep=,\n\nid,review\n1,"a\nb"\n\n2,c\n')
    with open_table(tmp_path / "a.csv", ["review"]) as table:
        assert [row.origin for row in table.rows] == ["row 3 (line 5)", "row 5 (line 7)"]


HEADERS = {
    "id,review,review\n": "columns 2 and 3 are both named review",
    "Review,id,review \n": "columns 1 and 3 are both named review",
    "review,x,X\n": "columns 2 and 3 are both named X",
    ",review\n": "column 1 of 2 has no name",
    "review,x,\n": "column 3 of 3 has no name",
    "review, ,x\n": "column 2 of 3 has no name",
    "id,reviews\n1,x\n": "must have the column review, got id, reviews; did you mean reviews?",
    "a;b\n1;x\n": "got a, b (separated by semicolons)",
    "a\tb\tc\n1\tx\ty\n": "got a, b, c (separated by tabs)",
    "id:review\n1:x\n": "the header 'id:review'; it is separated by none of commas, tabs",
    "id#review#x\n1:x\n": "the header 'id#review#x'; it is separated by none of commas, tabs",
    "review,a;review;b\n": "may be separated by commas or semicolons",
    "": "is empty",
    "\ufeff": "is empty",
    "\n \n": "is empty",
    "<html><body>": "is an HTML page",
    '{"review":\n"x"}\n': "is JSON",
}


@pytest.mark.parametrize("content", HEADERS)
def test_an_ambiguous_header_is_refused(content: str, tmp_path: Path) -> None:
    assert HEADERS[content] in message(tmp_path / "a.csv", content)


BAD_ROWS = {
    "review,stars\nWell, it is a triumph.,5\n": ("row 2 (line 2)", "must have 2 columns, got 3", "in quotes"),
    "id,review\n1,x\n2\n": ("row 3 (line 3)", "must have 2 columns, got 1"),
    "id;review\n1;x\n2;y;z;\n": ("row 3 (line 3)", "must have 2 columns, got 4"),
    "review\nfine\nfine, really\n": ("row 3 (line 3)", "must have 1 column, got 2"),
    'id,review\n1,"two\nlines"\n2,x,y\n': ("row 3 (line 4)", "got 3"),
    "review\nfine\n\nfine\n": ("row 3 (line 3)", "a blank line is ambiguous in a table with one column"),
    'id,review\n1,x\n2,"open\n3,y\n4,z\n': ("row 3 (line 3)", "no closing quote"),
    'id,review\n1,"a" b\n': ("row 2 (line 2)", "text follows the closing quote"),
    'id\treview\n1\t"a" b\n': ("row 2 (line 2)", "text follows the closing quote"),
    f"id,review\n1,x\n2,{'x' * 140_000}\n": ("row 3 (line 3)", "more than 131,072 characters"),
    "id,review\n1,a\0b\n": ("row 2 (line 2)", "review contains a NUL byte"),
    "id,review,note\n1,a,b\n2,c,\0\n": ("row 3 (line 3)", "note contains a NUL byte"),
}


@pytest.mark.parametrize("content", BAD_ROWS)
def test_a_row_that_does_not_fit_is_refused_by_its_number(content: str, tmp_path: Path) -> None:
    plain = message(tmp_path / "a.csv", content)
    packed = message(tmp_path / "a.csv.gz", gzip.compress(content.encode()))
    for words in BAD_ROWS[content]:
        assert words in plain
        assert words in packed


@pytest.mark.parametrize(
    ("encoding", "name", "review"),
    [
        ("cp1252", "Windows-1252 (cp1252)", "Un café très agréable : “naïf”"),
        ("latin-1", "Windows-1252 (cp1252)", "café"),
        ("cp1251", "Windows-1251 (cp1251)", "Это был очень хороший фильм"),
        ("cp932", "Shift JIS (cp932)", "これはとても良い映画でした。"),
    ],
)
def test_another_encoding_is_refused_by_row_with_a_proposal(
    encoding: str, name: str, review: str, tmp_path: Path
) -> None:
    error = message(tmp_path / "a.csv", f"id,review\n1,fine\n2,{review}\n3,x\n".encode(encoding))
    assert "row 3 (line 3): review is not UTF-8" in error
    assert name in error


def test_an_undecodable_header_is_named(tmp_path: Path) -> None:
    error = message(tmp_path / "a.csv", "review,année\nx,y\n".encode("cp1252"))
    assert "row 1 (line 1): the header is not UTF-8" in error
    assert error.isascii()


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("content", [text(), "review\n" + "これはとても良い映画でした。" * 20])
def test_utf16_without_byte_order_mark_is_named(content: str, encoding: str, tmp_path: Path) -> None:
    assert "is UTF-16 without a byte-order mark" in message(tmp_path / "a.csv", content.encode(encoding))


def test_a_binary_file_is_named(tmp_path: Path) -> None:
    assert "is a binary file" in message(tmp_path / "a.csv", b"\x7fELF\x02\x01\x01" + bytes(500))


def test_truncated_utf16_is_refused(tmp_path: Path) -> None:
    assert "row 4 or later: not UTF-16" in message(tmp_path / "a.csv", text().encode("utf-16")[:-1])


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_truncated_compressed_table_is_named(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    content = compress(text().encode())
    assert "is not a complete" in message(tmp_path / "a", content[: len(content) - 10])


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"a.csv": b"x", "b.csv": b"x"}, "must contain one table, got a.csv, b.csv"),
        ({"a.csv": b"x", "b.parquet": b"x", "c.txt": b"x"}, "must contain one table, got a.csv, b.parquet"),
        (
            {"a.txt": b"x", "b.txt": b"x"},
            "must contain one table (.csv, .tsv, .tab, .parquet, .jsonl, .ndjson, .json), got a",
        ),
        ({".DS_Store": b"x"}, "got no file"),
        ({"../a.csv": b"x"}, "../a.csv: its name is outside of"),
        ({"a.zip": zipped({"a.csv": b"x"})}, "member a.zip is compressed twice"),
    ],
)
def test_a_zip_without_exactly_one_table_is_refused(members: dict[str, bytes], words: str, tmp_path: Path) -> None:
    assert words in message(tmp_path / "a.zip", zipped(members))


def test_a_zip_with_a_password_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.csv": text().encode()}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert "is protected by a password" in message(tmp_path / "a.zip", bytes(content))


def test_an_archive_of_files_is_no_table(tmp_path: Path) -> None:
    assert "is a tar archive" in message(tmp_path / "a.csv", b"a.txt".ljust(257, b"\0") + b"ustar".ljust(255, b"\0"))


def test_values_of_parquet_become_text(tmp_path: Path) -> None:
    frame = pd.DataFrame({"review": ["fine", None], "stars": [5, 3], "seen": pd.to_datetime(["2020-01-31", None])})
    frame.to_parquet(tmp_path / "a")
    assert read(tmp_path / "a")[1] == [["fine", "5", "2020-01-31 00:00:00"], ["", "3", ""]]
    with pytest.raises(DataError, match="column stars must contain text, got int64"):
        read(tmp_path / "a", ("stars",))


def test_errors_of_the_caller_are_not_those_of_the_table(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("review\nx\n")
    with pytest.raises(BrokenPipeError), open_table(tmp_path / "a.csv", ["review"]):
        raise BrokenPipeError


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_missing_file_or_a_folder_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read|is a folder"):
        read(tmp_path / name)
