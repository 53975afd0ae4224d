"""Read files of users in every dialect, and with every mistake, that random choices make of a small table.

A case passes if `data info` prints the data_hash of the original table; for a file with a mistake, if it exits with 2,
names the file and the row or column, prints one line and no traceback, and leaves no file behind. Tables vary in
separator, encoding, compression, line ends, quotes, order of columns, capitals and spaces; folders and archives in the
files that operating systems leave in them; names in the characters that shells, URLs and Hydra treat specially.
"""

from __future__ import annotations

import bz2
import contextlib
import csv
import gzip
import io
import json
import lzma
import shutil
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

from benchmarks.faults.report import Scenario
from sentiment_lab.cli.exit_codes import BAD_USAGE
from sentiment_lab.cli.main import main

WORDS = ("a", "dull", "film", "great", "plot", "naïve", "it's", "9/10", "“joy”", "😀", "verdict: yes", "one;two")
ROWS = [
    (f"{WORDS[number % 12]} {WORDS[number * 7 % 12]} {number}", ("negative", "positive")[number % 2])
    for number in range(24)
]
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zip": lambda content: _zip({"reviews.csv": content, "__MACOSX/._reviews.csv": b"\0"}),
}
JUNK = (".DS_Store", "._0_9.txt", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints/0_9-checkpoint.txt", "__MACOSX/x")
NAMES = (*"#%&'()+,;=@[]{}!$~^", " ", "ü", "😀", "%20", "a.b", "--", "...")


def run(count: int, seed: int, root: Path) -> Scenario:
    """Read `count` files."""
    random = Random(seed)  # noqa: S311  # nothing secret
    scenario = Scenario("user_files", "`data info` on a file in another dialect, form or place, or with a mistake")
    expected = _hash(_table(root / "reference.csv", Random(0), plain=True))  # noqa: S311
    kinds: Counter[str] = Counter()
    makers = (_dialect, _mistake, _tree, _name)
    for number in range(count):
        folder = root / str(number)
        folder.mkdir(parents=True)
        kind, path, named = makers[number % len(makers)](folder, random)
        problem = _problem_of_mistake(path, named) if named else _problem_of_form(path, kind, expected)
        scenario.add_result(f"{kind}, {path.name}", [problem] if problem else [])
        kinds[kind] += 1
        shutil.rmtree(folder)
    scenario.notes.append(f"{len(kinds)} kinds of files, seed {seed}")
    return scenario


Made = tuple[str, Path, str]
"""Kind, path, and what a message must name; nothing for a file that is read."""


def _dialect(folder: Path, random: Random) -> Made:
    return "dialect", _table(folder / "reviews", random), ""


def _name(folder: Path, random: Random) -> Made:
    def name() -> str:
        return "".join(random.choice("ab") + random.choice(NAMES) for _ in range(3)) + "x"

    path = folder / name() / f"{name()}.csv"
    path.parent.mkdir()
    return "name", _table(path, random, plain=True), ""


def _mistake(folder: Path, random: Random) -> Made:
    """Break one row or the header of a table."""
    lines = _csv(ROWS, ",", "\n").splitlines()
    row = random.randrange(1, len(lines))
    mistakes: dict[str, tuple[str, bytes | str, str]] = {
        "a cell too many": (lines[row] + ",more", "", f"row {row + 1}"),
        "a cell too few": (lines[row].rpartition(",")[0], "", f"row {row + 1}"),
        "another label": (lines[row].rpartition(",")[0] + ",neutral", "", "neutral"),
        "no label": (lines[row].rpartition(",")[0] + ",", "", f"row {row + 1}"),
        "no text": (",positive", "", f"row {row + 1}"),
        "a NUL byte": ("a\0b,positive", "", f"row {row + 1}"),
        "Latin-1": (lines[row], "caf\xe9,positive".encode("latin-1"), f"row {row + 1}"),
        "an open quote": ('"open,positive', "", "quot"),
        "a repeated column": (lines[row], "header:review,sentiment,Review", "eview"),
        "a misspelt column": (lines[row], "header:reveiw,sentiment", "review"),
        "a nameless column": (lines[row], "header:,review,sentiment", "column"),
    }
    kind = random.choice(list(mistakes))
    changed, other, named = mistakes[kind]
    lines[row] = changed
    content = [line.encode() for line in lines]
    if isinstance(other, bytes):
        content[row] = other
    elif other:
        content[0] = other.removeprefix("header:").encode()
    path = folder / "reviews.csv"
    path.write_bytes(b"\n".join(content) + b"\n")
    return kind, path, named


def _tree(folder: Path, random: Random) -> Made:
    """Write the rows as the published archive has them, with files of the operating system among them."""
    members = {
        f"aclImdb/{part}/{short}/{number}_{9 if short == 'pos' else 2}.txt": text.encode()
        for number, (text, label) in enumerate(ROWS)
        for part in [("train", "test")[number // 2 % 2]]
        for short in [label[:3]]
    }
    for _ in range(random.randint(1, 4)):
        members[f"aclImdb/{random.choice(('', 'train/', 'train/pos/', 'test/neg/'))}{random.choice(JUNK)}"] = b"\0\1"
    form = random.choice(("folder", ".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".zip"))
    path = folder / (f"aclImdb_v1{form}" if form != "folder" else "")
    if form == "folder":
        for name, content in members.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    elif form == ".zip":
        path.write_bytes(_zip(members))
    else:
        with tarfile.open(path, f"w:{form.removeprefix('.tar').removeprefix('.')}") as archive:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return f"archive {form}", path, ""


def _table(path: Path, random: Random, *, plain: bool = False) -> Path:
    """Write the rows as a table, with a random dialect unless it is to be plain."""
    if plain:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_csv(ROWS, ",", "\n"), encoding="utf-8")
        return path
    separator = random.choice(",\t;|")
    text = _csv(ROWS, separator, random.choice(("\n", "\r\n")), random)
    if random.random() < 0.2:
        text = f"sep={separator}\n{text}"
    text = "\n" * random.randint(0, 2) * (not text.startswith("sep=")) + text + "\n" * random.randint(0, 2)
    content = text.encode(random.choice(("utf-8", "utf-8-sig", "utf-16")))
    ending = random.choice(list(COMPRESSIONS))
    path = path.with_name(f"{path.name}{random.choice(('.csv', '.tsv', '.txt', ''))}{ending}")
    path.write_bytes(COMPRESSIONS[ending](content))
    return path


def _csv(rows: list[tuple[str, str]], separator: str, end: str, random: Random | None = None) -> str:
    texts, labels = map(list, zip(*rows, strict=True))
    columns = [("review", texts), ("sentiment", labels)]
    quoting = csv.QUOTE_MINIMAL
    if random:
        if random.random() < 0.5:
            columns.append(("stars", [str(number) for number in range(len(rows))]))
        random.shuffle(columns)
        change = random.choice((str, str.upper, str.title, lambda name: f" {name} "))
        columns = [
            (change(name), list(map(change, cells)) if name == "sentiment" else cells) for name, cells in columns
        ]
        quoting = random.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    written = io.StringIO()
    writer = csv.writer(written, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerow([name for name, _ in columns])
    writer.writerows(zip(*(cells for _, cells in columns), strict=True))
    return written.getvalue()


def _zip(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


def _info(path: Path) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    quoted = str(path).replace("\\", "\\\\").replace("'", "\\'")
    overrides = ["data=imdb", f"data.path='{quoted}'", f"paths.cache='{_cache(path)}'"]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(["data", "info", *overrides, "--json"])
        except SystemExit as ended:
            return int(ended.code or 0), out.getvalue(), err.getvalue()
    raise AssertionError("main returned")


def _cache(path: Path) -> Path:
    """Return a folder with a plain name above the folder of the case."""
    return next(parent for parent in path.parents if parent.name == "user_files") / "cache"


def _hash(path: Path) -> str:
    code, out, err = _info(path)
    if code:
        raise ValueError(f"{path}: {err}")
    return str(json.loads(out)["data_hash"])


def _problem_of_form(path: Path, kind: str, expected: str) -> str | None:
    try:
        found = _hash(path)
    except ValueError as error:
        return str(error)
    return None if found == expected else f"{kind}: another data_hash"


def _problem_of_mistake(path: Path, named: str) -> str | None:
    before = sorted(path.parent.rglob("*"))
    code, _, err = _info(path)
    checks = {
        f"exit code {code}": code != BAD_USAGE,
        "a traceback": "Traceback" in err,
        f"{named!r} is not named": named not in err,
        "the file is not named": path.name not in err,
        "more than one line": len(err.splitlines()) != 1,
        "files written": sorted(path.parent.rglob("*")) != before,
    }
    problems = [problem for problem, failed in checks.items() if failed]
    return f"{', '.join(problems)}: {err[-400:]}" if problems else None
