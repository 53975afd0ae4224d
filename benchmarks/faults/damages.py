"""What can happen to a file: cut, emptied, a bit flipped, lost, replaced by the one of another run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random


@dataclass(frozen=True)
class Damage:
    """One thing that can happen to a file."""

    name: str
    change: Callable[[bytes, bytes], bytes | None]
    """Takes the file's content and that of another run's file; None where nothing is left."""

    def apply(self, path: Path, foreign: Path) -> bool:
        """Damage a file; tell whether it is another one now."""
        content = path.read_bytes()
        changed = self.change(content, foreign.read_bytes() if foreign.is_file() else content)
        if changed is None:
            path.unlink()
        else:
            path.write_bytes(changed)
        return changed != content


def damages(flips: int, random: Random) -> Iterator[Damage]:
    """Yield every kind of damage, and so many flips of one bit at places of their own."""
    yield Damage("cut by a byte", lambda content, _: content[:-1])
    yield Damage("cut to half", lambda content, _: content[: len(content) // 2])
    yield Damage("emptied", lambda _, __: b"")
    yield Damage("missing", lambda _, __: None)
    yield Damage("replaced by another run's", lambda _, foreign: foreign)
    for _ in range(flips):
        place, bit = random.random(), random.randrange(8)
        yield Damage(f"bit {bit} flipped at {place:.1%}", _flip(place, bit))


def _flip(place: float, bit: int) -> Callable[[bytes, bytes], bytes]:
    def flipped(content: bytes, _: bytes) -> bytes:
        index = int(place * len(content))
        changed = bytes([content[index] ^ 1 << bit]) if content else b""
        return content[:index] + changed + content[index + 1 :]

    return flipped
