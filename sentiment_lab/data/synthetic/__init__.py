"""The generated corpus: film reviews from a grammar."""
