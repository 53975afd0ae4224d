"""Experiments on recurrent networks for sentiment."""

__version__ = "0.1.0"
