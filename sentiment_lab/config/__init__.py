"""Typed configs: their fields and rules, their hashes, and composing them with Hydra."""
