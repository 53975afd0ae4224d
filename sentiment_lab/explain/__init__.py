"""Explanations of predictions: the contribution of each token, and how to show it."""
