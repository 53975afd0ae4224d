"""Pinning `data.expect`: own reviews are identified by their content, published and generated ones as before."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from sentiment_lab.config.settings import ImdbData
from sentiment_lab.data import corpus as corpus_module
from sentiment_lab.data import pinning
from sentiment_lab.data.corpus import load_corpus
from sentiment_lab.data.pinning import pin_data
from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.sources import locate
from tests.data.test_corpus import generated
from tests.tiny import write_reviews


def settings(path, **changes):
    plain = ImdbData(source="imdb", path=path and str(path), unlabelled=False, limit=None, expect=None)
    return replace(plain, **changes)


@pytest.fixture
def csv(tmp_path):
    return write_reviews(tmp_path / "reviews.csv")


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.mark.parametrize("limit", [None, 20])
def test_own_reviews_are_pinned_to_the_hash_of_those_used(limit, csv, cache):
    pinned = pin_data(settings(csv, limit=limit), cache)
    assert pinned == settings(csv, limit=limit, expect=load_corpus(settings(csv, limit=limit), cache).data_hash)
    assert load_corpus(pinned, cache).data_hash == pinned.expect
    assert pin_data(pinned, cache) == pinned


def test_parts_and_films_of_own_reviews_are_pinned(tmp_path, cache):
    def pinned(name, parts):
        rows = [f"review {row} was good,{('positive', 'negative')[row % 2]},{part}" for row, part in enumerate(parts)]
        path = tmp_path / name
        path.write_text("\n".join(["review,sentiment,part", *rows]), encoding="utf-8")
        return pin_data(settings(path), cache)

    first = pinned("a.csv", ["train"] * 12 + ["test"] * 8)
    other = pinned("b.csv", ["test"] * 12 + ["train"] * 8)
    assert first.expect == other.expect
    assert first.expect_parts != other.expect_parts
    with pytest.raises(DataError, match="with their parts and films"):
        load_corpus(replace(first, path=other.path), cache)
    with pytest.raises(DataError, match="with their parts and films"):
        pin_data(replace(first, path=other.path), cache)


@pytest.mark.parametrize("limit", [None, 20])
def test_published_reviews_keep_their_settings(limit, csv, cache, monkeypatch):
    monkeypatch.setattr(pinning, "PUBLISHED", load_corpus(settings(csv), cache).data_hash)
    assert pin_data(settings(csv, limit=limit), cache) == settings(csv, limit=limit)


def test_reviews_that_would_be_downloaded_keep_their_settings(cache, monkeypatch):
    monkeypatch.setattr(locate, "download", lambda cache: pytest.fail("downloaded"))
    assert pin_data(settings(None), cache) == settings(None)
    assert not cache.exists()


def test_generated_reviews_are_generated_only_to_check_their_expected_hash(cache):
    assert pin_data(generated(), cache) == generated()
    assert not cache.exists()
    known = generated(expect=load_corpus(generated(), cache).data_hash)
    assert pin_data(known, cache) == known
    with pytest.raises(DataError, match=r"data\.expect is 0{64}, but the reviews of the generated corpus have"):
        pin_data(generated(expect="0" * 64), cache)


def test_a_known_file_is_not_read_again_until_it_changes(csv, cache, monkeypatch):
    first = pin_data(settings(csv), cache)
    with monkeypatch.context() as patch:
        patch.setattr(corpus_module, "load_corpus", lambda *_, **__: pytest.fail("read again"))
        assert pin_data(settings(csv), cache) == first
    write_reviews(csv, start=1)
    assert pin_data(settings(csv), cache).expect != first.expect


def test_a_file_that_replaces_another_is_read_even_with_its_size_and_time(csv, tmp_path, cache):
    first = pin_data(settings(csv), cache)
    other = tmp_path / "other.csv"
    other.write_text(csv.read_text(encoding="utf-8").replace("review 1 ", "review X "), encoding="utf-8")
    shutil.copystat(csv, other)
    other.replace(csv)
    pinned = pin_data(settings(csv), cache)
    assert pinned.expect != first.expect
    assert load_corpus(pinned, cache).data_hash == pinned.expect


def test_a_damaged_entry_of_the_cache_is_computed_again(csv, cache):
    first = pin_data(settings(csv), cache)
    (entry,) = cache.glob("data_hashes/*/data_hash.json")
    entry.write_text(entry.read_text(encoding="utf-8").replace(first.expect, "0" * 64), encoding="utf-8")
    assert pin_data(settings(csv), cache) == first


def test_reviews_that_cannot_be_used_are_an_error(csv, tmp_path, cache):
    with pytest.raises(DataError, match=r"data\.path names .*none\.csv, which does not exist"):
        pin_data(settings(tmp_path / "none.csv"), cache)
    with pytest.raises(DataError, match=r"data\.limit must be at most 120"):
        pin_data(settings(csv, limit=121), cache)
    with pytest.raises(DataError, match=rf"data\.expect is 0{{64}}, but the reviews of {csv} have"):
        pin_data(settings(csv, expect="0" * 64), cache)


def test_a_known_file_is_pinned_without_pandas_and_arrow(csv, cache):
    pinned = pin_data(settings(csv), cache)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from sentiment_lab.config.settings import ImdbData\nfrom sentiment_lab.data.pinning import pin_data\n"
        f"print(pin_data({settings(csv)!r}, Path({str(cache)!r})).expect)\n"
        "sys.exit(' '.join({'pandas', 'pyarrow'} & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == (pinned.expect, 0), done.stderr
