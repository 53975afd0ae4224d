"""Kinds of file damage: truncated, emptied, one bit flipped, deleted, replaced by another run's file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random


@dataclass(frozen=True)
class Damage:
    """One kind of damage."""

    name: str
    change: Callable[[bytes, bytes], bytes | None]
    """Maps the file's content and the content of another run's file to the damaged content; None deletes the file."""

    def apply(self, path: Path, foreign: Path) -> bool:
        """Damage a file; return whether its content changed."""
        content = path.read_bytes()
        changed = self.change(content, foreign.read_bytes() if foreign.is_file() else content)
        if changed is None:
            path.unlink()
        else:
            path.write_bytes(changed)
        return changed != content


def damages(flips: int, random: Random) -> Iterator[Damage]:
    """Yield every kind of damage, with `flips` single-bit flips at random positions."""
    yield Damage("truncated by a byte", lambda content, _: content[:-1])
    yield Damage("truncated to half", lambda content, _: content[: len(content) // 2])
    yield Damage("emptied", lambda _, __: b"")
    yield Damage("missing", lambda _, __: None)
    yield Damage("replaced by another run's", lambda _, foreign: foreign)
    for _ in range(flips):
        position, bit = random.random(), random.randrange(8)
        yield Damage(f"bit {bit} flipped at {position:.1%}", _flip(position, bit))


def _flip(position: float, bit: int) -> Callable[[bytes, bytes], bytes]:
    def flipped(content: bytes, _: bytes) -> bytes:
        index = int(position * len(content))
        changed = bytes([content[index] ^ 1 << bit]) if content else b""
        return content[:index] + changed + content[index + 1 :]

    return flipped
