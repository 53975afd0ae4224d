"""Typed configs, their rules and hashes, and composing them with Hydra."""
