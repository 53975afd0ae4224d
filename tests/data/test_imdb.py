"""Reading the reviews in every form: the same content gives the same corpus, and invalid content is named."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentiment_lab.data.reviews import DataError, data_hash, text_digest
from sentiment_lab.data.sources.imdb import PUBLISHED, fingerprint, read_imdb
from sentiment_lab.data.sources.source_data import SourceData

REVIEWS = {
    "train/pos/0_9.txt": "A harbour, a letter, a fine evening.<br /><br />I'd go again! ",
    "train/pos/1_10.txt": "Très bien, in every sense.",
    "train/neg/0_2.txt": 'They call it "funny", and it isn\'t.',
    "test/pos/0_8.txt": "Moving,\x85 and never too long.",
    "test/neg/0_1.txt": "An hour of fog.",
    "test/neg/1_3.txt": "Did nobody read the script?",
}
FILMS = {
    "train/urls_pos.txt": ["tt0000001", "tt0000002"],
    "train/urls_neg.txt": ["tt0000002"],
    "test/urls_pos.txt": ["tt0000003"],
    "test/urls_neg.txt": ["tt0000004", "tt0000003"],
    "train/urls_unsup.txt": ["tt0000005", "tt0000005"],
}
UNLABELLED = {"train/unsup/0_0.txt": "Seen on a ferry.", "train/unsup/1_0.txt": "Seen on a train."}


def upstream_files() -> dict[str, bytes]:
    urls = {
        name: "".join(f"http://www.imdb.com/title/{film}/usercomments\n" for film in films)
        for name, films in FILMS.items()
    }
    return {f"aclImdb/{name}": text.encode() for name, text in {**REVIEWS, **UNLABELLED, **urls}.items()}


def write_archive(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def write_folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def table() -> pd.DataFrame:
    labels = {"pos": "positive", "neg": "negative"}
    rows = [(text, labels[name.split("/")[1]]) for name, text in REVIEWS.items()]
    return pd.DataFrame(rows, columns=["review", "sentiment"])


def write_zip(path: Path, members: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def forms(tmp_path: Path) -> dict[str, Path]:
    """The same reviews in each form."""
    paths = {
        "archive": write_archive(tmp_path / "aclImdb_v1.tar.gz", upstream_files()),
        "parent": write_folder(tmp_path / "unpacked", upstream_files()),
        "folder": tmp_path / "unpacked" / "aclImdb",
        "csv": tmp_path / "IMDB Dataset.csv",
        "zip": write_zip(tmp_path / "IMDB Dataset.csv.zip", {"IMDB Dataset.csv": table().to_csv(index=False)}),
        "parquet": tmp_path / "reviews.parquet",
    }
    table().to_csv(paths["csv"], index=False)
    table().to_parquet(paths["parquet"])
    return paths


def hash_of(source: SourceData) -> str:
    reviews = source.reviews
    return data_hash([text_digest(review.text) for review in reviews], [review.label for review in reviews])


def fails(path: Path, *words: str, unlabelled: bool = False) -> None:
    """Check that reading raises an error that contains the file and these words."""
    with pytest.raises(DataError) as caught:
        read_imdb(path, unlabelled=unlabelled)
    for word in (str(path), *words):
        assert word in str(caught.value)


def test_every_form_gives_the_same_reviews(forms: dict[str, Path]) -> None:
    digests = [text_digest(text) for text in REVIEWS.values()]
    expected = data_hash(digests, [int("/pos/" in name) for name in REVIEWS])
    for name, path in forms.items():
        assert hash_of(read_imdb(path, unlabelled=False)) == expected, name


def test_the_archive_and_its_folder_give_the_same_order_films_and_parts(forms: dict[str, Path]) -> None:
    archive, folder = (read_imdb(forms[name], unlabelled=True) for name in ("archive", "folder"))
    assert archive == folder
    assert sorted(archive.unlabelled) == sorted(UNLABELLED.values())
    assert [text_digest(review.text) for review in archive.reviews] == sorted(map(text_digest, REVIEWS.values()))
    review = next(review for review in archive.reviews if review.origin == "test/neg/1_3.txt")
    assert review[1:] == (0, "test/neg/1_3.txt", "tt0000003", "test")


def test_the_order_of_an_archives_members_does_not_matter(tmp_path: Path) -> None:
    files = upstream_files()
    one = write_archive(tmp_path / "one.tar.gz", files)
    other = write_archive(tmp_path / "other.tar.gz", dict(reversed(files.items())))
    assert read_imdb(one, unlabelled=True) == read_imdb(other, unlabelled=True)


def test_films_are_missing_where_the_archive_has_no_addresses(tmp_path: Path) -> None:
    files = {name: content for name, content in upstream_files().items() if "urls_" not in name}
    reviews = read_imdb(write_archive(tmp_path / "a.tar.gz", files), unlabelled=False).reviews
    assert {review.film for review in reviews} == {None}


def test_tables_keep_their_order_and_count_rows_as_a_spreadsheet_does(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('sentiment,extra,review\npositive,x,"two\nlines"\nnegative,y,one\n')
    reviews = read_imdb(path, unlabelled=False).reviews
    assert [review[:3] for review in reviews] == [("two\nlines", 1, "row 2 (line 3)"), ("one", 0, "row 3 (line 4)")]


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_tables_may_have_films_and_parts(tmp_path: Path, name: str) -> None:
    frame = table().head(3).assign(film=["tt1", "tt2", None], part=["train", None, "test"])
    frame.to_csv(tmp_path / name, index=False) if name.endswith("csv") else frame.to_parquet(tmp_path / name)
    reviews = read_imdb(tmp_path / name, unlabelled=False).reviews
    assert [(review.film, review.part) for review in reviews] == [("tt1", "train"), ("tt2", None), (None, "test")]


def test_the_case_of_labels_and_spaces_around_them_have_no_meaning(tmp_path: Path) -> None:
    rows = "x|review|sentiment|Part\n1|fine| POSITIVE|Train\n2|dull|Negative |test \n"
    (tmp_path / "a.csv").write_text(rows)
    reviews = read_imdb(tmp_path / "a.csv", unlabelled=False).reviews
    assert [(review.text, review.label, review.part) for review in reviews] == [
        ("fine", 1, "train"),
        ("dull", 0, "test"),
    ]


def test_a_byte_order_mark_is_not_part_of_the_first_column(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(table().to_csv(index=False), encoding="utf-8-sig")
    assert len(read_imdb(path, unlabelled=False).reviews) == len(REVIEWS)


@pytest.mark.parametrize("name", ["../outside.txt", "aclImdb/../../outside.txt", "/etc/outside.txt"])
def test_an_archive_member_outside_of_its_folder_is_named(tmp_path: Path, name: str) -> None:
    fails(write_archive(tmp_path / "a.tar.gz", {**upstream_files(), name: b"x"}), name, "outside of")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_an_archive_with_a_link_or_a_device_is_an_error(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("aclImdb/train/pos/0_9.txt")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    fails(path, "aclImdb/train/pos/0_9.txt", "must be a file or a folder")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_archive_is_an_error(tmp_path: Path, share: float) -> None:
    path = write_archive(tmp_path / "a.tar.gz", upstream_files())
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    fails(path, "not a complete .tar.gz archive")


def test_every_damaged_byte_of_an_archives_content_is_detected(tmp_path: Path) -> None:
    content = write_archive(tmp_path / "intact.tar.gz", upstream_files()).read_bytes()
    path = tmp_path / "a.tar.gz"
    for index in range(20, len(content), 97):
        path.write_bytes(content[:index] + bytes([content[index] ^ 0x55]) + content[index + 1 :])
        fails(path)


def test_a_file_that_is_no_archive_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(b"not a gzip at all")
    fails(path, "not a complete .tar.gz archive")
    path.write_bytes(gzip.compress(b"not a tar at all" * 100))
    fails(path, "not a complete .tar.gz archive")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("train/pos/7_9.txt", b"", ("train/pos/7_9.txt", "empty")),
        ("train/pos/7_9.txt", b" \n", ("train/pos/7_9.txt", "empty")),
        ("train/pos/1_9.txt", b"caf\xe9", ("train/pos/1_9.txt", "not UTF-8 at byte 3")),
        ("train/pos/notes.txt", b"x", ("train/pos/notes.txt", "<id>_<rating>.txt")),
        ("train/pos/7_9.txt", b"x", ("train/pos/7_9.txt", "train/urls_pos.txt has 2 lines")),
        ("train/urls_neg.txt", b"http://example.org/\n", ("train/urls_neg.txt, line 1", "'http://example.org/'")),
    ],
)
def test_a_bad_file_of_the_upstream_layout_is_named(
    tmp_path: Path, name: str, content: bytes, words: tuple[str, ...]
) -> None:
    files = {**upstream_files(), f"aclImdb/{name}": content}
    fails(write_archive(tmp_path / "a.tar.gz", files), *words)
    with pytest.raises(DataError, match=words[0]):
        read_imdb(write_folder(tmp_path, files), unlabelled=False)


def test_an_archive_without_reviews_is_an_error(tmp_path: Path) -> None:
    fails(write_archive(tmp_path / "a.tar.gz", {"aclImdb/README": b"read me"}), "no labelled reviews")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["is empty"]),
        ("review,sentiment\n", ["no labelled reviews"]),
        ("review,sentiment\ngood,positive\nfine,positive\n", ["only positive"]),
        ("text,sentiment\ngood,positive\n", ["must have the columns review and sentiment", "got text, sentiment"]),
        ("reviews,sentiment\ngood,positive\n", ["got reviews, sentiment", "did you mean reviews?"]),
        ("review,sentiment\ngood,positive\nbad,negativ\n", ["row 3 (line 3)", "positive or negative", "'negativ'"]),
        ("review,sentiment\ngood,1\nbad,0\n", ["row 2 (line 2)", "positive or negative", "'1'"]),
        ('review,sentiment\n"a\nb",positive\n  ,negative\n', ["row 3 (line 4)", "the review is empty"]),
        ("review,sentiment\ngood,positive\nbad\n", ["row 3 (line 3)", "must have 2 columns, got 1"]),
        ('review,sentiment\ngood,positive\n"bad,negative\n', ["row 3 (line 3)", "no closing quote"]),
        ("review,sentiment,part\ngood,positive,dev\n", ["row 2", "part must be train or test or empty", "'dev'"]),
    ],
)
def test_a_bad_csv_is_an_error_with_its_row(tmp_path: Path, content: str, words: list[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content)
    fails(path, *words)
    fails(write_zip(tmp_path / "a.zip", {"a.csv": content}), *words)


def test_a_csv_that_is_not_utf8_is_an_error_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("review,sentiment\ngood,positive\ncafé,negative\n".encode("latin-1"))
    fails(path, "row 3 (line 3)", "review is not UTF-8")


@pytest.mark.parametrize("names", [[], ["a.csv", "b.csv"], ["a.csv", "b.tsv.gz"], ["a.parquet", "b.csv"]])
def test_a_zip_must_contain_one_table(tmp_path: Path, names: list[str]) -> None:
    files = [*names, "readme.txt", "LICENSE"]
    fails(write_zip(tmp_path / "a.zip", dict.fromkeys(files, "x")), "must contain one table", *names)


def test_a_zip_member_outside_of_its_folder_is_named(tmp_path: Path) -> None:
    fails(write_zip(tmp_path / "a.zip", {"../a.csv": "x"}), "../a.csv", "outside of")


def test_a_damaged_zip_is_an_error(tmp_path: Path, forms: dict[str, Path]) -> None:
    content = forms["zip"].read_bytes()
    path = tmp_path / "a.zip"
    path.write_bytes(content[: len(content) // 2])
    fails(path, "not a complete zip file")
    path.write_bytes(content[:100] + bytes([content[100] ^ 0x55]) + content[101:])
    fails(path)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({"review": ["good", None], "sentiment": ["positive", "negative"]}, ["row 2", "the review is empty"]),
        ({"review": ["good", "bad"], "sentiment": ["positive", None]}, ["row 2", "sentiment must be", "got ''"]),
        ({"review": ["good", "bad"], "sentiment": [1, 0]}, ["column sentiment must contain text, got int64"]),
        ({"review": ["good", "bad"], "label": ["positive", "negative"]}, ["got review, label"]),
        ({"review": ["bad"], "sentiment": ["negative"]}, ["only negative"]),
    ],
)
def test_a_bad_parquet_file_is_an_error(tmp_path: Path, frame: dict[str, list[object]], words: list[str]) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame(frame).to_parquet(path)
    fails(path, *words)


def test_a_parquet_text_that_is_not_utf8_is_an_error_with_its_row(tmp_path: Path) -> None:
    ends, letters = np.array([0, 4, 8], np.int32), b"goodcaf\xe9"
    reviews = pa.Array.from_buffers(pa.string(), 2, [None, pa.py_buffer(ends.tobytes()), pa.py_buffer(letters)])
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"review": reviews, "sentiment": ["positive", "negative"]}), path)
    fails(path, "row 2", "review is not UTF-8")


def test_a_truncated_parquet_file_is_an_error(tmp_path: Path, forms: dict[str, Path]) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(forms["parquet"].read_bytes()[:-20])
    fails(path, "not a complete parquet file")
    path.write_bytes(b"")
    fails(path, "is empty")


def test_unlabelled_texts_are_in_the_archive_and_the_folder_alone(forms: dict[str, Path]) -> None:
    for form in ("csv", "zip", "parquet"):
        fails(forms[form], "data.unlabelled", "aclImdb_v1.tar.gz and its unpacked folder", unlabelled=True)


def test_an_archive_without_unlabelled_texts_is_an_error_where_they_are_asked_for(tmp_path: Path) -> None:
    files = {name: content for name, content in upstream_files().items() if "unsup" not in name}
    fails(write_archive(tmp_path / "a.tar.gz", files), "data.unlabelled", "train/unsup", unlabelled=True)


SYSTEM_FILES = {
    "aclImdb/.DS_Store": b"Bud1",
    "aclImdb/train/pos/._0_9.txt": b"\0\x05\x16\x07",
    "aclImdb/train/neg/desktop.ini": b"[.ShellClassInfo]",
    "aclImdb/test/pos/Thumbs.db": b"\xd0\xcf",
    "aclImdb/test/neg/.ipynb_checkpoints/0_1-checkpoint.txt": b"An hour of fog.",
    "aclImdb/test/neg/~$0_1.txt": b"lock",
    "aclImdb/test/neg/#0_1.txt#": b"autosave",
    "aclImdb/test/neg/.~lock.0_1.txt#": b"lock",
    "aclImdb/train/unsup/0_0.txt~": b"backup",
    "aclImdb/train/pos/0_9.txt:Zone.Identifier": b"[ZoneTransfer]",
    "aclImdb/train/$RECYCLE.BIN/0_9.txt": b"x",
}


def write_tar(path: Path, mode: str, files: dict[str, bytes]) -> Path:
    plain = write_archive(path.with_name("unpacked.tar.gz"), files)
    with tarfile.open(plain) as source, tarfile.open(path, mode) as target:  # type: ignore[call-overload]
        for member in source:
            target.addfile(member, source.extractfile(member))
    return path


def repacked(folder: Path, files: dict[str, bytes]) -> list[Path]:
    """The same files in every form of the archive, the last one the folder."""
    within = {name.removeprefix("aclImdb/"): content for name, content in files.items()}
    windows = {name.replace("/", "\\"): content for name, content in files.items()}
    return [
        write_archive(folder / "a.tar.gz", files),
        write_tar(folder / "a.tar", "w", files),
        write_tar(folder / "a.tar.bz2", "w:bz2", files),
        write_tar(folder / "a.tar.xz", "w:xz", files),
        write_tar(folder / "named otherwise", "w:xz", {f"./{name}": content for name, content in files.items()}),
        write_zip(folder / "aclImdb.zip", files),
        write_zip(folder / "inner.zip", within),
        write_zip(folder / "windows.zip", windows),
        write_folder(folder / "folder", files),
    ]


def test_a_repacked_archive_is_the_same(tmp_path: Path) -> None:
    *packed, folder = repacked(tmp_path, upstream_files())
    expected = read_imdb(folder, unlabelled=True)
    for path in packed:
        read = read_imdb(path, unlabelled=True)
        assert (hash_of(read), len(read.unlabelled)) == (hash_of(expected), 2), path.name
        assert [review.film for review in read.reviews] == [review.film for review in expected.reviews], path.name


def test_files_of_the_operating_system_are_ignored_and_counted(tmp_path: Path) -> None:
    clean = read_imdb(write_archive(tmp_path / "clean.tar.gz", upstream_files()), unlabelled=True)
    assert clean.ignored_files == 0
    (tmp_path / "junk").mkdir()
    for path in repacked(tmp_path / "junk", {**upstream_files(), **SYSTEM_FILES}):
        read = read_imdb(path, unlabelled=True)
        assert (hash_of(read), len(read.unlabelled)) == (hash_of(clean), 2), path.name
        assert read.ignored_files == len(SYSTEM_FILES), path.name


def test_files_of_the_operating_system_beside_the_table_of_a_zip_are_ignored(tmp_path: Path) -> None:
    table_ = table().to_csv(index=False)
    members = {"data/a.csv": table_, "__MACOSX/data/._a.csv": "x", "data/.DS_Store": "x", "data/._b.csv": "x"}
    read = read_imdb(write_zip(tmp_path / "a.zip", members), unlabelled=False)
    assert (len(read.reviews), read.ignored_files) == (len(REVIEWS), 3)
    fails(write_zip(tmp_path / "b.zip", {"__MACOSX/._a.csv": "x"}), "got no file")


def test_a_zipped_link_is_an_error(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", upstream_files())
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("aclImdb/train/pos/5_9.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    fails(path, "aclImdb/train/pos/5_9.txt", "not a link")


@pytest.mark.parametrize("name", ["a.tar", "a.tar.bz2", "a.tar.xz", "aclImdb.zip"])
def test_a_truncated_repacked_archive_is_an_error(tmp_path: Path, name: str) -> None:
    repacked(tmp_path, upstream_files())
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    fails(path, "is not a complete")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook"),
        (b"\x28\xb5\x2f\xfd", "is not a complete zstd file"),
        (b"%PDF-1.7", "a PDF"),
        (b"<!DOCTYPE html>\n<html>", "an HTML page"),
        (b'[{"review": "x"}]', "must have the columns review and sentiment, got review"),
        (b'{"review": "x", "sentiment": "positive"}\n', "has only positive reviews"),
        (gzip.compress(gzip.compress(b"x", mtime=0), mtime=0), "compressed twice"),
    ],
)
def test_a_file_in_another_format_is_named_for_what_it_is(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "reviews.csv"
    path.write_bytes(content)
    fails(path, words)


def test_a_workbook_is_named_for_what_it_is(tmp_path: Path) -> None:
    fails(write_zip(tmp_path / "reviews.xlsx", {"xl/workbook.xml": "x"}), "is a spreadsheet")


def test_a_fingerprint_changes_with_any_file(forms: dict[str, Path]) -> None:
    for form, file in (("csv", forms["csv"]), ("folder", forms["folder"] / "test/neg/1_3.txt")):
        before = fingerprint(forms[form])
        assert fingerprint(forms[form]) == before
        os.utime(file, ns=(1, 1))
        touched = fingerprint(forms[form])
        file.write_bytes(file.read_bytes() + b" ")
        os.utime(file, ns=(1, 1))
        longer = fingerprint(forms[form])
        copy = shutil.copy2(file, file.with_name("copy"))
        os.utime(copy, ns=(1, 1))
        copy.replace(file)  # the same size and time, but another file
        assert len({before, touched, longer, fingerprint(forms[form])}) == 4


@pytest.mark.slow
@pytest.mark.real_data
def test_the_real_reviews_are_the_same_in_every_form(imdb_archive: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, imdb_archive.with_name("make_kaggle_csv.py"), tmp_path], check=True)
    csv = tmp_path / "IMDB Dataset.csv"
    zipped = tmp_path / "IMDB Dataset.csv.zip"
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.write(csv, csv.name)
    parquet = tmp_path / "reviews.parquet"
    pd.read_csv(csv).to_parquet(parquet)
    tabs = tmp_path / "reviews.txt"
    pd.read_csv(csv).to_csv(tabs, sep="\t", encoding="utf-16", index=False)
    with tarfile.open(imdb_archive) as archive:
        archive.extractall(tmp_path, [member for member in archive if "/unsup/" not in member.name], filter="data")
    sources = [read_imdb(path, unlabelled=False) for path in (imdb_archive, tmp_path, csv, zipped, parquet, tabs)]
    assert {hash_of(source) for source in sources} == {PUBLISHED}
    assert sources[0] == sources[1]
    assert len(sources[0].reviews) == 50_000
