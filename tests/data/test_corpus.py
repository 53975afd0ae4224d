"""Loading a corpus: cached, limited and checked the same way for every kind of file."""

from __future__ import annotations

import dataclasses
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sentiment_lab.config.settings import GeneratedData, ImdbData
from sentiment_lab.data import corpus as corpus_module
from sentiment_lab.data.corpus import load_corpus
from sentiment_lab.data.reviews import DataError, data_hash, review_ids, text_digest
from sentiment_lab.data.sources.locate import locate

ROWS = [(f"Film number {number} of the week.", ("negative", "positive")[number % 3 == 0]) for number in range(60)]
ROWS += [ROWS[0], ROWS[1]]  # two texts occur twice


def write_csv(path: Path, rows: list[tuple[str, str]] = ROWS) -> Path:
    pd.DataFrame(rows, columns=["review", "sentiment"]).to_csv(path, index=False)
    return path


def settings(path: Path | None, **changes: object) -> ImdbData:
    plain = ImdbData(source="imdb", path=str(path), unlabelled=False, limit=None, expect=None)
    return dataclasses.replace(plain, **changes)


def generated(**changes: object) -> GeneratedData:
    plain = GeneratedData(
        source="generated", reviews=20, unlabelled=5, length=30, distance=5, turned=0.5, seed=0, expect=None
    )
    return dataclasses.replace(plain, **changes)


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "reviews.csv")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The sources that are read, in order."""
    paths: list[Path] = []
    read = corpus_module.read_imdb

    def counted(path: Path, *, unlabelled: bool) -> object:
        paths.append(path)
        return read(path, unlabelled=unlabelled)

    monkeypatch.setattr(corpus_module, "read_imdb", counted)
    return paths


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_a_corpus_has_the_reviews_of_its_file_in_order(csv: Path, cache: Path) -> None:
    corpus = load_corpus(settings(csv), cache)
    digests = [text_digest(text) for text, _ in ROWS]
    labels = [int(word == "positive") for _, word in ROWS]
    assert corpus.name == "imdb"
    assert corpus.texts == [text for text, _ in ROWS]
    assert corpus.unlabelled == []
    assert corpus.data_hash == data_hash(digests, labels)
    assert list(corpus.reviews.columns) == ["id", "label", "film", "part", "origin"]
    assert corpus.reviews["id"].tolist() == review_ids(digests)
    assert corpus.reviews["label"].dtype == np.int8
    assert corpus.reviews["label"].tolist() == labels
    assert corpus.reviews[["film", "part"]].isna().all(axis=None)
    assert corpus.reviews["origin"].iloc[3] == "row 5 (line 5)"


def test_a_source_is_read_once(csv: Path, cache: Path, reads: list[Path]) -> None:
    first, second = load_corpus(settings(csv), cache), load_corpus(settings(csv, limit=20), cache)
    assert (first.texts[7], len(second.texts)) == (ROWS[7][0], 20)
    assert reads == [csv]


def test_the_number_of_ignored_files_is_cached(tmp_path: Path, csv: Path, cache: Path, reads: list[Path]) -> None:
    with zipfile.ZipFile(tmp_path / "reviews.zip", "w") as archive:
        archive.write(csv, "reviews.csv")
        archive.writestr("__MACOSX/._reviews.csv", "x")
        archive.writestr("Thumbs.db", "x")
    read = [load_corpus(settings(tmp_path / "reviews.zip"), cache) for _ in range(2)]
    assert [corpus.ignored_files for corpus in read] == [2, 2]
    assert len(reads) == 1


@pytest.mark.parametrize("name", ["aclImdb.zip", "IMDB Dataset.csv.gz", "reviews.parquet"])
def test_a_folder_may_hold_any_form_beside_files_of_the_operating_system(tmp_path: Path, name: str) -> None:
    for other in (name, f"._{name}", ".DS_Store", "._other.parquet", "desktop.ini"):
        (tmp_path / other).write_bytes(b"x")
    assert locate(str(tmp_path), tmp_path / "cache") == tmp_path / name


def test_a_changed_file_is_read_again(csv: Path, cache: Path, reads: list[Path]) -> None:
    before = load_corpus(settings(csv), cache)
    write_csv(csv, ROWS[:40])
    after = load_corpus(settings(csv), cache)
    assert len(reads) == 2
    assert (len(before.reviews), len(after.reviews)) == (62, 40)


@pytest.mark.parametrize("name", ["reviews.parquet", "texts.parquet", "unlabelled.parquet", "index.json"])
def test_a_damaged_cache_is_built_again(csv: Path, cache: Path, name: str) -> None:
    intact = load_corpus(settings(csv), cache)
    assert intact.texts
    (file,) = (path for path in files_below(cache) if path.name == name)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    again = load_corpus(settings(csv), cache)
    assert (again.data_hash, again.texts, again.unlabelled) == (intact.data_hash, intact.texts, intact.unlabelled)
    pd.testing.assert_frame_equal(again.reviews, intact.reviews)


def test_several_at_once_read_the_source_once(csv: Path, cache: Path, reads: list[Path]) -> None:
    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(load_corpus, settings(csv), cache) for _ in range(6)]
        assert len({job.result().data_hash for job in jobs}) == 1
    assert reads == [csv]
    assert sorted(path.name for path in files_below(cache)) == [
        "index.json",
        "reviews.parquet",
        "texts.parquet",
        "unlabelled.parquet",
    ]


def test_bad_reviews_leave_nothing_behind(tmp_path: Path, cache: Path) -> None:
    path = write_csv(tmp_path / "bad.csv", [*ROWS, ("fine", "neutral")])
    with pytest.raises(DataError, match=r"bad\.csv, row 64 .*'neutral'"):
        load_corpus(settings(path), cache)
    assert not files_below(cache)


def test_a_file_that_changes_while_it_is_read_is_not_kept(
    csv: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = corpus_module.read_imdb

    def read_and_change(path: Path, *, unlabelled: bool) -> object:
        source = read(path, unlabelled=unlabelled)
        write_csv(path, ROWS[:50])
        return source

    monkeypatch.setattr(corpus_module, "read_imdb", read_and_change)
    with pytest.raises(DataError, match="changed while it was being read"):
        load_corpus(settings(csv), cache)
    assert not files_below(cache)


def test_a_cache_that_cannot_be_written_is_named(csv: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError, match=r"file/corpora/\w+ cannot be written \(paths\.cache\)"):
        load_corpus(settings(csv), tmp_path / "file")


@pytest.mark.parametrize("limit", [10, 11, 40, 41, 55, 62])
def test_a_limit_keeps_the_same_reviews_in_any_order(tmp_path: Path, cache: Path, limit: int) -> None:
    shuffled = [ROWS[row] for row in np.random.default_rng(0).permutation(len(ROWS))]
    one, other = (
        load_corpus(settings(write_csv(tmp_path / name, rows), limit=limit), cache)
        for name, rows in (("one.csv", ROWS), ("other.csv", shuffled))
    )
    assert len(one.reviews) == len(one.texts) == limit
    assert one.data_hash == other.data_hash
    assert sorted(one.reviews["id"]) == sorted(other.reviews["id"])
    for corpus, rows in ((one, ROWS), (other, shuffled)):
        remaining = iter(text for text, _ in rows)
        assert all(text in remaining for text in corpus.texts), "the source's order is kept"


@pytest.mark.parametrize(("limit", "positive"), [(10, 5), (11, 6), (40, 20), (42, 21), (50, 21), (62, 21)])
def test_a_limit_balances_labels_as_far_as_there_are(csv: Path, cache: Path, limit: int, positive: int) -> None:
    corpus = load_corpus(settings(csv, limit=limit), cache)
    assert corpus.reviews["label"].sum() == positive
    assert corpus.data_hash == data_hash(map(text_digest, corpus.texts), corpus.reviews["label"])


def test_a_limit_above_the_number_of_reviews_is_an_error(csv: Path, cache: Path) -> None:
    with pytest.raises(DataError, match=r"data\.limit must be at most 62, the labelled reviews of .*csv, got 63"):
        load_corpus(settings(csv, limit=63), cache)


def test_expect_holds_the_data_hash(csv: Path, cache: Path) -> None:
    found = load_corpus(settings(csv), cache).data_hash
    assert load_corpus(settings(csv, expect=found), cache).data_hash == found
    with pytest.raises(DataError, match=f"data.expect is {'0' * 64}.*{found}"):
        load_corpus(settings(csv, expect="0" * 64), cache)


def test_a_generated_corpus_comes_back_from_the_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_corpus(generated(), cache)
    assert (first.name, len(first.texts), len(first.unlabelled)) == ("generated", 20, 5)
    assert set(first.reviews["part"]) == {"train", "test"}
    monkeypatch.setattr(corpus_module, "read_generated", None)
    second = load_corpus(generated(), cache)
    assert (second.texts, second.unlabelled, second.data_hash) == (first.texts, first.unlabelled, first.data_hash)
    pd.testing.assert_frame_equal(first.reviews, second.reviews)


@pytest.mark.parametrize(
    "change", [{"reviews": 30}, {"length": 50}, {"distance": 6}, {"turned": 0.6}, {"seed": 1}, {"unlabelled": 6}]
)
def test_every_setting_of_a_generated_corpus_counts(cache: Path, change: dict[str, float]) -> None:
    one, other = load_corpus(generated(), cache), load_corpus(generated(**change), cache)
    assert (one.texts, one.unlabelled) != (other.texts, other.unlabelled)


def test_expect_holds_the_data_hash_of_a_generated_corpus(cache: Path) -> None:
    with pytest.raises(DataError, match=r"data\.expect"):
        load_corpus(generated(expect="0" * 64), cache)
