"""Runs in groups that are compared: what tells the groups apart, and what they are called."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentiment_lab.analysis.selection import StudyRun
from sentiment_lab.base.errors import LabError
from sentiment_lab.base.suggestions import did_you_mean
from sentiment_lab.config.schema import ConfigError, build, field_types
from sentiment_lab.config.settings import LinearModel, RecurrentModel, architecture

MODEL = "model"
"""The column that stands for what makes up an architecture's name."""

_NAMING = ("model.family", "model.cell", "model.bidirectional")
_UNITS = "model.units"
_OF_BARS = {f"{MODEL}.{name}" for name in field_types(LinearModel).keys() - field_types(RecurrentModel).keys()}
"""Settings of the linear models, each of which has values of its own."""

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Variant:
    """Runs that are the same but for their seed, or for whatever they are not grouped by."""

    label: str
    settings: dict[str, Any]
    """What differs between the variants, by column; a setting that this one does not have is missing."""
    runs: dict[str, StudyRun]
    """Complete runs by block. Runs of two variants in one block are partners: they differ in the variant alone."""
    unfinished: list[StudyRun]

    @property
    def seeds(self) -> list[int]:
        """The seeds of the complete runs, in order."""
        return sorted({int(run.config["seed"]) for run in self.runs.values()})


def group_runs(runs: Sequence[StudyRun], by: Sequence[str] = (), chosen: Collection[str] = ()) -> list[Variant]:
    """Group runs by their whole config but the seed, or by the named settings alone.

    `by` takes dotted keys such as `text.max_length` and whole groups such as `model`. What validation has `chosen` for
    each variant, such as its learning rate, tells no runs of one seed apart, and no variants where their names do
    without it. Raises LabError for a setting of `by` that no run has.
    """
    known = [run for run in runs if run.config]
    keys = _grouping_keys(known, by)
    if by:
        keys -= {key for key in chosen if not any(key == name or key.startswith(f"{name}.") for name in by)}
    groups: dict[str, list[StudyRun]] = {}
    for run in known:
        groups.setdefault(_text(_chosen(run, keys)), []).append(run)
    wholes = [_chosen(members[0], keys) for members in groups.values()]
    settings = differing(wholes)
    blocks = _block_names(known, keys | {*chosen})
    if any(len({blocks[run.short_hash] for run in members}) < len(members) for members in groups.values()):
        blocks = _block_names(
            known, keys
        )  # one variant was given several values, so that a seed does not tell them apart
    return [
        Variant(
            label,
            differs,
            {blocks[run.short_hash]: run for run in members if run.result is not None},
            [run for run in members if run.result is None],
        )
        for label, differs, members in zip(_labels(settings, wholes, chosen), settings, groups.values(), strict=True)
    ]


def differing(configs: Sequence[Settings]) -> list[dict[str, Any]]:
    """Return for each config what tells it from the others, the architecture's name in place of what makes it up.

    A setting that some of them do not have tells them apart only where the others differ in it.
    """
    values: dict[str, set[str]] = {}
    for config in configs:
        for key, value in config.items():
            values.setdefault(key, set()).add(_text(value))
    keys = {key for key, found in values.items() if len(found) > 1}
    names = _names(configs) if keys & {*_NAMING, _UNITS} else None
    if names is None or len(set(names)) == 1:
        return [{key: config[key] for key in config if key in keys} for config in configs]
    keys -= {*_NAMING} | ({_UNITS} if _names_tell_units(configs, names) else set())
    keys -= {key for key in keys & _OF_BARS if _names_tell(key, configs, names)}
    return [
        {MODEL: name} | {key: config[key] for key in config if key in keys}
        for name, config in zip(names, configs, strict=True)
    ]


def _names(configs: Sequence[Settings]) -> list[str] | None:
    """Return the names of the architectures; None where not all that makes them up is there."""
    try:
        return [model_name(config) for config in configs]
    except ConfigError:
        return None


def _names_tell_units(configs: Sequence[Settings], names: Sequence[str]) -> bool:
    units = {(name, _text(config[_UNITS])) for name, config in zip(names, configs, strict=True) if _UNITS in config}
    widths = {width for _, text in units for width in json.loads(text)}
    return len(widths) < 2 and len(units) == len({name for name, _ in units})


def _names_tell(key: str, configs: Sequence[Settings], names: Sequence[str]) -> bool:
    """Tell whether architectures of one name have one value."""
    values = {(name, _text(config[key])) for name, config in zip(names, configs, strict=True) if key in config}
    return len(values) == len({name for name, _ in values})


def model_name(config: Settings) -> str:
    """Return the short name of the architecture of a config by dotted key.

    Raises ConfigError where the config has not the whole model.
    """
    plain = {key.removeprefix("model."): value for key, value in config.items() if key.startswith("model.")}
    recurrent = plain.get("family") == "recurrent"
    return architecture(build(RecurrentModel, plain) if recurrent else build(LinearModel, plain))


def short_names(keys: Collection[str]) -> dict[str, str]:
    """Return the last part of each dotted key, the whole key where two end alike."""
    ends = [key.rpartition(".")[2] for key in keys]
    return {key: end if ends.count(end) == 1 else key for key, end in zip(keys, ends, strict=True)}


def _grouping_keys(runs: Sequence[StudyRun], by: Sequence[str]) -> set[str]:
    known = dict.fromkeys(key for run in runs for key in run.config)
    if not by:
        return set(known) - {"seed"}
    keys: set[str] = set()
    for name in by:
        chosen = {key for key in known if key == name or key.startswith(f"{name}.")}
        if not chosen:
            choices = dict.fromkeys([*(key.partition(".")[0] for key in known), *known])
            raise LabError(f"--by {name}: no run has that setting{did_you_mean(name, choices)}")
        keys |= chosen
    return keys


def _chosen(run: StudyRun, keys: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in run.config.items() if key in keys}


def _block_names(runs: Sequence[StudyRun], keys: Collection[str]) -> dict[str, str]:
    """Return what each run, by hash, has beside its variant's settings: its seed, and what else differs."""
    rest = [{key: value for key, value in run.config.items() if key not in keys} for run in runs]
    differs = differing([{key: value for key, value in one.items() if key != "seed"} for one in rest])
    return {
        run.short_hash: " ".join([*_words(different), *([f"seed={one['seed']}"] if "seed" in one else [])])
        for run, one, different in zip(runs, rest, differs, strict=True)
    }


def _labels(settings: Sequence[Settings], wholes: Sequence[Settings], chosen: Collection[str]) -> list[str]:
    """Name variants by what tells them from each other; one that stands alone by its architecture."""
    if len(settings) == 1:
        return _names(wholes) or ["all runs"]
    short = [" ".join(_words({key: one[key] for key in one if key not in chosen})) for one in settings]
    tell = all(short) and len({*short}) == len(short)
    return short if tell else [" ".join(_words(one)) or "all runs" for one in settings]


def _words(differs: Settings) -> list[str]:
    short = short_names(differs)
    return [str(value) if key == MODEL else f"{short[key]}={_plain(value)}" for key, value in differs.items()]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
