"""The check of the project's wording finds private terms in text, YAML and Python, and no ordinary English."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "vocabulary.py"
_spec = importlib.util.spec_from_file_location("vocabulary", SCRIPT)
vocabulary = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(vocabulary)

PRIVATE = [
    "gru and lstm are not told apart",
    "what tells two variants apart",
    "doctor says what is wrong",
    "the linear bar is higher",
    "no network is above the bar",
    "bars on word n-grams",
    "the run goes on from its checkpoint",
    "the sweep went on",
    "doctor mends what is safe",
    "the disk gives way first",
    "a file is there whole or not at all",
    "files written whole",
    "the folder is the truth",
    "the network judges the text",
    "mean and spread over seeds",
    "p = 0.0024 corrected",
    "the corrected p is shown",
    "adjusted, that is corrected for all pairs",
    "the cell that reads past a cue",
    "it holds a cue over 20 tokens",
    "nothing can be known of it",
    "the complaint names the key",
    "the remedy is printed",
    "the course of the validation loss",
    "the second lesson of the step",
    "the story of one run",
    "the house has ten rooms",
    "a run shall end",
]
ORDINARY = [
    "a bar in a terminal, progress bars, or a bar chart with error bars",
    "of course the essay is an apart-hotel's",
    "the recommended amendment is essayed",
    "the whole file is corrected",
    "names such as `told_apart`, `bars` and `--tell` in backquotes",
    "the judgement depends on a cue",
]


def findings(tmp_path, capsys, name, text):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    code = vocabulary.main([str(file)])
    lines = capsys.readouterr().out.replace(f"{file}:", "").splitlines()
    assert code == bool(lines)
    return lines


@pytest.mark.parametrize("phrase", PRIVATE)
@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("page.md", "# Title\n\n{}.\n"),
        ("preset.yaml", "seed: 0\n\nepochs: 3  # {}\n"),
        ("module.py", 'x = 1\n\ny = f"{{x}}: {}"\n'),
        ("comment.py", "x = 1\n\ny = 2  # {}\n"),
    ],
)
def test_a_private_term_is_found_with_its_line(tmp_path, capsys, name, template, phrase):
    (finding,) = findings(tmp_path, capsys, name, template.format(phrase))
    assert finding.startswith('3: "')
    assert '": use "' in finding


@pytest.mark.parametrize("phrase", ORDINARY)
@pytest.mark.parametrize("name", ["page.md", "module.py"])
def test_ordinary_english_passes(tmp_path, capsys, name, phrase):
    assert findings(tmp_path, capsys, name, f'"""{phrase}"""\n') == []


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("page.md", "A run that goes\non.\n", 1),
        ("page.md", "- First.\n- The second\n  is told\n  apart.\n", 3),
        ("preset.yaml", "# The run goes\n# on.\n", 1),
        ("module.py", "# The run goes\n# on.\n", 1),
        ("module.py", 'def f():\n    """Return.\n\n    The run goes\n    on.\n    """\n', 4),
        ("module.py", 'text = (\n    "the run goes "\n    "on"\n)\n', 2),
        ("module.py", 'text = f"{1}: the run " f"goes on"\n', 1),
    ],
)
def test_a_term_is_found_across_line_breaks(tmp_path, capsys, name, text, line):
    (finding,) = findings(tmp_path, capsys, name, text)
    assert finding.startswith(f"{line}: ")


def test_identifiers_are_not_checked(tmp_path, capsys):
    code = 'told = [judge for judge in spread]\nmend(course=told)\nprint(f"{told}")\n'
    assert findings(tmp_path, capsys, "module.py", code) == []


def test_a_paragraph_ends_at_an_empty_line(tmp_path, capsys):
    assert findings(tmp_path, capsys, "page.md", "The run goes\n\non.\n") == []


def test_the_check_covers_the_package_and_the_documentation():
    covered = {str(path.relative_to(vocabulary.ROOT)) for path in vocabulary._repository()}
    assert {
        "README.md",
        "docs/log.md",
        "conf/config.yaml",
        "experiments/claims.md",
        "sentiment_lab/serving.py",
    } <= covered
    assert "sentiment_lab/data/synthetic/grammar.py" not in covered
