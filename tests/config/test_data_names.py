"""Names of data files: as short as they can be, and different for different reviews."""

from __future__ import annotations

from sentiment_lab.config.data_names import DataFile, content_hash, name_files

A, B, C = ("abc"[index] * 64 for index in range(3))


def test_a_file_has_the_shortest_end_of_its_path_that_no_other_has():
    files = {DataFile(A, "/data/old/reviews.csv", None), DataFile(B, "/data/new/reviews.csv", None)}
    assert name_files(files) == {A: "old/reviews.csv", B: "new/reviews.csv"}
    assert name_files({*files, DataFile(C, "tweets.csv", None)})[C] == "tweets.csv"
    assert name_files({DataFile(A, "/data/old/reviews.csv", None)}) == {A: "reviews.csv"}


def test_contents_of_one_file_differ_by_digits_of_their_hash():
    files = {DataFile(A, "reviews.csv", None), DataFile(B, "reviews.csv", None)}
    assert name_files(files) == {A: "reviews.csv@aaaaaaaa", B: "reviews.csv@bbbbbbbb"}


def test_parts_of_one_file_have_its_name():
    files = {DataFile(A, "reviews.csv", None), DataFile(B, "reviews.csv", 100)}
    assert name_files(files) == {A: "reviews.csv", B: "reviews.csv"}


def test_own_reviews_without_a_path_are_not_named_like_the_published_ones():
    assert name_files({DataFile(A, "imdb", None)}) == {A: "imdb@aaaaaaaa"}


def test_the_same_reviews_in_other_parts_are_another_content():
    assert content_hash(A, None) == A
    assert len({content_hash(A, None), content_hash(A, B), content_hash(A, C), content_hash(B, C)}) == 4
