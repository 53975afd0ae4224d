"""Group runs into the variants that are compared, and name each by the settings in which it differs."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentiment_lab.analysis.selection import StudyRun
from sentiment_lab.base.errors import LabError
from sentiment_lab.base.suggestions import did_you_mean
from sentiment_lab.config.data_names import GENERATED, PUBLISHED, DataFile, content_hash, name_files
from sentiment_lab.config.fields import ConfigError, build, field_types
from sentiment_lab.config.settings import LinearModel, RecurrentModel, architecture

DATA, _EXPECT, _PARTS = "data", "data.expect", "data.expect_parts"
"""The column with the names of data files, in place of the setting with their hashes."""
MODEL = "model"
"""The column with the architecture's name, in place of the settings that the name is made of."""

_NAMING = ("model.family", "model.cell", "model.bidirectional")
_UNITS = "model.units"
_LINEAR_ONLY = {f"{MODEL}.{name}" for name in field_types(LinearModel).keys() - field_types(RecurrentModel).keys()}
"""Settings of the linear models, whose defaults depend on the family."""

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Variant:
    """Runs that differ only in their seed, or only in settings by which they are not grouped."""

    label: str
    settings: dict[str, Any]
    """The settings in which the variants differ, by column; one that this variant lacks is missing."""
    runs: dict[str, StudyRun]
    """Complete runs by block. Runs of two variants in the same block are paired: only the variant differs."""
    unfinished: list[StudyRun]

    @property
    def seeds(self) -> list[int]:
        """The seeds of the complete runs, sorted."""
        return sorted({int(run.config["seed"]) for run in self.runs.values()})


def group_runs(runs: Sequence[StudyRun], by: Sequence[str] = (), tuned: Collection[str] = ()) -> list[Variant]:
    """Group runs by their whole config without the seed, or by the named settings alone.

    `by` takes dotted keys such as `text.max_length`, and whole groups such as `model`. `tuned` settings, such as a
    learning rate chosen on validation, appear neither in the names of blocks nor in labels, unless the names would be
    ambiguous without them. Raises LabError for a setting in `by` that no run has.
    """
    known = [run for run in runs if run.config]
    keys = _grouping_keys(known, by)
    if by:
        keys -= {key for key in tuned if not any(key == name or key.startswith(f"{name}.") for name in by)}
    groups: dict[str, list[StudyRun]] = {}
    for run in known:
        groups.setdefault(_text(_settings(run, keys)), []).append(run)
    files = name_files({file for run in known if (file := _data_file(run))})
    configs = [_named_data(_settings(members[0], keys), files) for members in groups.values()]
    settings = differing(configs)
    blocks = _block_names(known, keys | {*tuned}, files)
    if any(len({blocks[run.short_hash] for run in members}) < len(members) for members in groups.values()):
        # A variant has runs with several values of a tuned setting, so the seed alone does not identify a run.
        blocks = _block_names(known, keys, files)
    return [
        Variant(
            label,
            differs,
            {blocks[run.short_hash]: run for run in members if run.result is not None},
            [run for run in members if run.result is None],
        )
        for label, differs, members in zip(_labels(settings, configs, tuned), settings, groups.values(), strict=True)
    ]


def differing(configs: Sequence[Settings]) -> list[dict[str, Any]]:
    """Return the settings in which each config differs from the others.

    The architecture's name replaces the settings that it is made of. A setting that some configs lack is included
    only if those that have it differ in it.
    """
    values: dict[str, set[str]] = {}
    for config in configs:
        for key, value in config.items():
            values.setdefault(key, set()).add(_text(value))
    keys = {key for key, texts in values.items() if len(texts) > 1}
    names = _names(configs) if keys & {*_NAMING, _UNITS} else None
    if names is None or len(set(names)) == 1:
        return [{key: config[key] for key in config if key in keys} for config in configs]
    keys -= {*_NAMING} | ({_UNITS} if _units_follow_from_names(configs, names) else set())
    keys -= {key for key in keys & _LINEAR_ONLY if _follows_from_names(key, configs, names)}
    return [
        {MODEL: name} | {key: config[key] for key in config if key in keys}
        for name, config in zip(names, configs, strict=True)
    ]


def model_name(config: Settings) -> str:
    """Return the short name of the architecture of a config by dotted key.

    Raises ConfigError if the config lacks settings of the model.
    """
    plain = {key.removeprefix("model."): value for key, value in config.items() if key.startswith("model.")}
    recurrent = plain.get("family") == "recurrent"
    return architecture(build(RecurrentModel, plain) if recurrent else build(LinearModel, plain))


def short_names(keys: Collection[str]) -> dict[str, str]:
    """Return the last part of each dotted key, or the whole key if two have the same last part."""
    ends = [key.rpartition(".")[2] for key in keys]
    return {key: end if ends.count(end) == 1 else key for key, end in zip(keys, ends, strict=True)}


def assignments(settings: Settings) -> list[str]:
    """Return settings as text: the architecture's name alone, others as short key and value."""
    short = short_names(settings)
    return [
        str(value) if key == MODEL else f"{short[key]}={value if isinstance(value, str) else _text(value)}"
        for key, value in settings.items()
    ]


def _names(configs: Sequence[Settings]) -> list[str] | None:
    """Return the names of the architectures; None if a config lacks settings of its model."""
    try:
        return [model_name(config) for config in configs]
    except ConfigError:
        return None


def _units_follow_from_names(configs: Sequence[Settings], names: Sequence[str]) -> bool:
    units = {(name, _text(config[_UNITS])) for name, config in zip(names, configs, strict=True) if _UNITS in config}
    widths = {width for _, text in units for width in json.loads(text)}
    return len(widths) < 2 and len(units) == len({name for name, _ in units})


def _follows_from_names(key: str, configs: Sequence[Settings], names: Sequence[str]) -> bool:
    """Return whether architectures of the same name have the same value."""
    values = {(name, _text(config[key])) for name, config in zip(names, configs, strict=True) if key in config}
    return len(values) == len({name for name, _ in values})


def _grouping_keys(runs: Sequence[StudyRun], by: Sequence[str]) -> set[str]:
    known = dict.fromkeys(key for run in runs for key in run.config)
    if not by:
        return set(known) - {"seed"}
    keys: set[str] = set()
    for name in by:
        matching = {key for key in known if key == name or key.startswith(f"{name}.")}
        if not matching:
            choices = dict.fromkeys([*(key.partition(".")[0] for key in known), *known])
            raise LabError(f"--by {name}: no run has that setting{did_you_mean(name, choices)}")
        keys |= matching
    return keys


def _settings(run: StudyRun, keys: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in run.config.items() if key in keys}


def _data_file(run: StudyRun) -> DataFile | None:
    """Return the reviews of the user's own that a run used."""
    expect = run.config.get(_EXPECT)
    if not expect:
        return None
    return DataFile(content_hash(expect, run.config.get(_PARTS)), run.source, run.config.get("data.limit"))


def _named_data(settings: Settings, files: Mapping[str, str]) -> dict[str, Any]:
    """Return settings with DATA in place of the hash of the reviews, where there are files of the user's own."""
    if not files or _EXPECT not in settings or settings.get("data.source") == GENERATED:
        return dict(settings)
    content = content_hash(settings[_EXPECT], settings.get(_PARTS))
    rest = {key: value for key, value in settings.items() if key not in (_EXPECT, _PARTS)}
    return {DATA: files.get(content, PUBLISHED)} | rest


def _block_names(runs: Sequence[StudyRun], keys: Collection[str], files: Mapping[str, str]) -> dict[str, str]:
    """Return the block of each run by hash: its seed, and the settings outside of `keys` in which runs differ."""
    rest = [_named_data({key: value for key, value in run.config.items() if key not in keys}, files) for run in runs]
    differs = differing([{key: value for key, value in one.items() if key != "seed"} for one in rest])
    return {
        run.short_hash: " ".join([*assignments(different), *([f"seed={one['seed']}"] if "seed" in one else [])])
        for run, one, different in zip(runs, rest, differs, strict=True)
    }


def _labels(settings: Sequence[Settings], configs: Sequence[Settings], tuned: Collection[str]) -> list[str]:
    """Name variants by the settings in which they differ; a single variant by its architecture."""
    if len(settings) == 1:
        return _names(configs) or ["all runs"]
    short = [" ".join(assignments({key: one[key] for key in one if key not in tuned})) for one in settings]
    unambiguous = all(short) and len({*short}) == len(short)
    return short if unambiguous else [" ".join(assignments(one)) or "all runs" for one in settings]


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
