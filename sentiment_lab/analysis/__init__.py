"""Comparing runs: selection, statistics, verdict, figures, reports. Never imports Keras."""
