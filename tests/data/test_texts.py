"""Texts for display are read from local data: nothing is downloaded for them."""

from __future__ import annotations

import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.data.corpus import load_corpus
from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.sources import locate as fetch
from sentiment_lab.data.texts import read_texts


def test_the_texts_are_those_of_the_ids(tmp_path):
    data = compose_config(["data=generated", "data.reviews=20"]).data
    corpus = load_corpus(data, tmp_path)
    ids = corpus.reviews["id"].tolist()
    assert read_texts(data, tmp_path, [ids[3], ids[7], "unknown"]) == {ids[at]: corpus.texts[at] for at in (3, 7)}


def test_missing_reviews_are_not_downloaded(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "download", lambda cache: pytest.fail("nothing may be downloaded"))
    with pytest.raises(DataError, match=r"the reviews are not in .*; `sentiment-lab data fetch` downloads them"):
        read_texts(compose_config(["data=imdb"]).data, tmp_path, ["id"])
