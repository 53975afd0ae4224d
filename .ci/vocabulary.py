"""Check that the project's texts use standard terms instead of private ones.

    python .ci/vocabulary.py [FILE ...]

Without files, checks the documentation, configs, package and benchmarks of this repository. Checks the whole text of
Markdown, YAML and other files; of Python files the string literals, docstrings and comments. Names in `backquotes` are
not checked. Prints `file:line: "words": use ...` for each finding; the exit code is 1 if there are any.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

TERMS = {
    r"(?:tell|tells|told|telling)\b[^.;:]{0,60}?\bapart": '"significantly different" or "no significant difference"',
    r"(?:tell|tells|told|telling|say|says|said|saying)": '"report", "print", "log", "record" or "show"',
    r"(?<!progress )(?<!error )bars|linear bar|(?:above|below|clear|clears|under) the bar": '"(linear) baseline"',
    r"(?:go|goes|going|gone|went) on": '"resume" or "continue"',
    r"mend(?:s|ed|ing)?": '"fix" or "repair"',
    r"(?:give|gives|gave|giving) way": '"bottleneck"',
    r"whole or not|(?:write|writes|written) whole": '"atomic" or "atomically"',
    r"(?:is|are) the truth|second truth": '"authoritative"',
    r"judg(?:e|es|ed|ing)": '"predict" or "classify"',
    r"spreads?": '"standard deviation"',
    r"(?:un)?corrected p|p (?:= |up to )?\S+ corrected|corrected for (?:all|the) pairs": '"adjusted p (Holm)"',
    r"reads? past|(?:hold|holds|held) (?:a|the) cue": '"retains" or "depends on"',
    r"nothing (?:can|could) be (?:said|told|known)": '"not testable" or "not available"',
    r"complaints?": '"message"',
    r"remed(?:y|ies)": '"hint"',
    r"(?<!of )courses?": '"training history"',
    r"lessons?": '"loss term"',
    r"(?:story|stories) of": '"sweep" or "sequence"',
    r"the house": '"architecture"',
    r"shall": '"must" or "will"',
}
"""Private words as regular expressions, with the standard terms to use."""
PATTERNS = {re.compile(rf"\b(?:{words})\b", re.IGNORECASE): terms for words, terms in TERMS.items()}

FILES = (
    "README.md", "CHANGELOG.md", "Makefile", "pyproject.toml", "mlruns/README.md", "docs/*.md", "experiments/*.md",
    "experiments/*.yaml", "conf/**/*.yaml", "deploy/*", ".ci/run", "sentiment_lab/**/*.py", "sentiment_lab/**/*.html",
    "benchmarks/**/*.py", "benchmarks/*.md",
)  # fmt: skip
EXEMPT = {
    "deploy/requirements.lock",
    "sentiment_lab/data/synthetic/grammar.py",  # the words of the generated reviews
    "sentiment_lab/data/tokenizer.py",  # its example is a review
}

Passage = list[tuple[int, str]]
"""Consecutive lines of text, each with its line number: a term may be wrapped."""


def find_terms(name: str, text: str) -> list[str]:
    """Return a line of output for each private term in a file's text, in order."""
    passages = _python_passages(text) if name.endswith(".py") else _text_passages(text)
    findings = {finding for passage in passages for finding in _search(passage)}
    return [f'{name}:{line}: "{words}": use {terms}' for line, words, terms in sorted(findings)]


def _search(passage: Passage) -> Iterator[tuple[int, str, str]]:
    starts, joined = [], ""
    for line, text in passage:
        starts.append((len(joined), line))
        joined += f"{text.strip()} "
    joined = re.sub(r"`[^`]+`", lambda match: "`" * len(match[0]), joined)
    taken: list[range] = []
    for pattern, terms in PATTERNS.items():
        for match in pattern.finditer(joined):
            if not any(match.start() in span for span in taken):
                taken.append(range(*match.span()))
                yield max(line for start, line in starts if start <= match.start()), match[0], terms


def _text_passages(text: str) -> Iterator[Passage]:
    """Yield the paragraphs of a text, without the signs that begin a comment or a quotation."""
    passage: Passage = []
    for number, line in enumerate(text.splitlines(), 1):
        plain = re.sub(r"^[\s#;>]+|```", "", line).rstrip()
        if plain:
            passage.append((number, plain))
        else:
            yield passage
            passage = []
    yield passage


def _python_passages(text: str) -> Iterator[Passage]:
    """Yield each string literal and each block of comments."""
    nodes = list(ast.walk(ast.parse(text)))
    parts = {part for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield [(node.lineno, "".join(map(_template, node.values)))]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts:
            lines = node.value.split("\n")
            as_written = node.end_lineno == node.lineno + len(lines) - 1
            yield [(node.lineno + offset * as_written, line) for offset, line in enumerate(lines)]
    comments: Passage = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            comments.append((token.start[0], token.string.lstrip("# ")))
        elif token.type != tokenize.NL:
            yield comments
            comments = []


def _template(part: ast.expr) -> str:
    """Return a part of an f-string as text, {} for a formatted value."""
    return part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "{}"


def main(arguments: Sequence[str]) -> int:
    """Check files and print the findings; return the exit code."""
    paths = [Path(argument) for argument in arguments] or _repository()
    findings = [finding for path in paths for finding in find_terms(_name(path), path.read_text(encoding="utf-8"))]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


def _repository() -> list[Path]:
    paths = {path for pattern in FILES for path in ROOT.glob(pattern) if path.is_file()}
    return sorted(path for path in paths if _name(path) not in EXEMPT)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
