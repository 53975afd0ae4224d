import logging
import multiprocessing
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_lab.data import token_sequences as tokens
from sentiment_lab.data.token_sequences import load_tokens, tokenize_texts
from sentiment_lab.data.tokenizer import tokenize
from sentiment_lab.data.vocabulary import UNKNOWN

TEXTS = ["The film isn't bad!", "<br />", "Bad, bad, bad film ...", "Fine"]
HASH = "0" * 64

any_texts = st.lists(st.text() | st.text(st.sampled_from("ab c.!\x85\u2028"), max_size=30))


def words_of(table):
    return [[table.words[word] for word in row] for row in np.split(table.word_ids, table.offsets[1:-1])]


def refuse():
    pytest.fail("the texts were asked for")


@given(any_texts, st.booleans())
def test_a_table_holds_the_tokens_of_each_text(texts, lowercase):
    table = tokenize_texts(texts, lowercase=lowercase)
    assert table.words == sorted(set(table.words))
    assert (table.word_ids.dtype, table.offsets.dtype) == (np.int32, np.int64)
    assert len(table.offsets) == len(texts) + 1
    if texts:
        assert words_of(table) == [tokenize(text, lowercase=lowercase) or [UNKNOWN] for text in texts]


@given(st.lists(st.text(st.sampled_from("ab c"), max_size=30), min_size=1), st.data())
def test_counts_are_those_of_the_chosen_texts(texts, data):
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), unique=True).map(sorted))
    table = tokenize_texts(texts, lowercase=True)
    chosen = words_of(table)
    expected = Counter(word for row in rows for word in chosen[row])
    assert table.counts(np.array(rows, np.int64)).tolist() == [expected[word] for word in table.words]


def test_counts_do_not_depend_on_the_piece(monkeypatch):
    table = tokenize_texts(TEXTS, lowercase=True)
    whole = table.counts(np.array([0, 2]))
    monkeypatch.setattr(tokens, "_PIECE", 3)
    assert table.counts(np.array([0, 2])).tolist() == whole.tolist()


@given(
    st.lists(st.text(st.sampled_from("abc "), max_size=30), min_size=1), st.data(), st.sampled_from(["last", "first"])
)
def test_cut_keeps_one_end_of_the_chosen_texts(texts, data, keep):
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), unique=True).map(sorted))
    length = data.draw(st.integers(1, 8))
    table = tokenize_texts(texts, lowercase=True)
    word_ids, offsets = table.cut(np.array(rows, np.int64), length, keep)
    all_ids = np.split(table.word_ids, table.offsets[1:-1])
    expected = [all_ids[row][-length:] if keep == "last" else all_ids[row][:length] for row in rows]
    assert offsets.tolist() == np.cumsum([0, *map(len, expected)]).tolist()
    assert word_ids.tolist() == [word for row in expected for word in row]


def test_tokens_come_from_the_cache_the_second_time(tmp_path):
    cold = load_tokens(tmp_path, HASH, lambda: TEXTS, lowercase=True)
    warm = load_tokens(tmp_path, HASH, refuse, lowercase=True)
    assert warm.words == cold.words
    assert isinstance(warm.word_ids, np.memmap)
    np.testing.assert_array_equal(warm.word_ids, cold.word_ids)
    np.testing.assert_array_equal(warm.offsets, cold.offsets)


def test_other_texts_and_other_settings_have_a_place_of_their_own(tmp_path, monkeypatch):
    load_tokens(tmp_path, HASH, lambda: TEXTS, lowercase=True)
    assert load_tokens(tmp_path, HASH, lambda: TEXTS, lowercase=False).words[2] == "Bad"
    assert load_tokens(tmp_path, "1" * 64, lambda: ["other"], lowercase=True).words == ["other"]
    monkeypatch.setattr(tokens, "TOKENIZER_VERSION", 10**6)
    assert load_tokens(tmp_path, HASH, lambda: ["new rules"], lowercase=True).words == ["new", "rules"]
    assert len(list((tmp_path / "tokens").iterdir())) == 4


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, flip, Path.unlink])
@pytest.mark.parametrize("name", ["words.txt", "word_ids.npy", "offsets.npy", "digests.json"])
def test_damaged_tokens_are_cut_again(tmp_path, caplog, name, damage):
    whole = load_tokens(tmp_path, HASH, lambda: TEXTS, lowercase=True)
    damage(next((tmp_path / "tokens").iterdir()) / name)
    with caplog.at_level(logging.WARNING):
        mended = load_tokens(tmp_path, HASH, lambda: TEXTS, lowercase=True)
    assert "is damaged" in caplog.text
    np.testing.assert_array_equal(mended.word_ids, whole.word_ids)
    assert load_tokens(tmp_path, HASH, refuse, lowercase=True).words == whole.words


@pytest.mark.parametrize("broken", ["texts", "disk"])
def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch, broken):
    def texts():
        yield TEXTS[0]
        if broken == "texts":
            raise OSError("no more texts")

    def full_disk(*_):
        raise OSError("no space left")

    if broken == "disk":
        monkeypatch.setattr(np, "save", full_disk)
    with pytest.raises(OSError, match="no "):
        load_tokens(tmp_path, HASH, texts, lowercase=True)
    assert not [path for path in tmp_path.rglob("*") if path != tmp_path / "tokens"]


def build_with_another(cache, both_are_building, results):
    def texts():
        both_are_building.wait(60)
        return TEXTS

    table = load_tokens(cache, HASH, texts, lowercase=True)
    results.put((table.words, table.word_ids.tolist(), table.offsets.tolist()))


def test_two_processes_may_build_the_same_tokens_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    processes = [context.Process(target=build_with_another, args=(tmp_path, barrier, results)) for _ in range(2)]
    for process in processes:
        process.start()
    built = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert built[0] == built[1]
    assert len(list((tmp_path / "tokens").iterdir())) == 1
    assert load_tokens(tmp_path, HASH, refuse, lowercase=True).words == built[0][0]
