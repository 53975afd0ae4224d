"""What Hydra and OmegaConf raise, as a ConfigError that names the setting."""

from __future__ import annotations

import errno
import itertools
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from sentiment_lab.base.suggestions import did_you_mean
from sentiment_lab.config.resources import resource_folder
from sentiment_lab.config.schema import ConfigError, setting_names
from sentiment_lab.config.settings import Config

_HYDRA_PACKAGES = {"hydra", "omegaconf", "antlr4", "yaml", "packaging", *sys.stdlib_module_names}
"""Packages that compose a config, and what they call."""


@contextmanager
def explain_hydra_errors(words: Sequence[str] = ()) -> Iterator[None]:
    """Turn what Hydra and OmegaConf raise into a ConfigError that says what was meant by the words they were given."""
    nameless = [word for word in words if word.lstrip("+~ ").startswith("=")]
    if nameless:
        raise ConfigError([f"{word!r} names no setting; write key=value, such as seed=3" for word in nameless])
    try:
        yield
    except MissingConfigException as error:
        raise ConfigError([_unknown_option(error)]) from error
    except OverrideParseException as error:
        raise ConfigError([_unreadable(error)]) from error
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError([_not_composed(error)]) from error
    except Exception as error:
        if not _raised_by_hydra(error):
            raise
        raise ConfigError([_unforeseen(error, words)]) from error


def _raised_by_hydra(error: Exception) -> bool:
    """Return whether an unforeseen exception was raised by Hydra itself, not by a run that Hydra called."""
    if isinstance(error, OSError) and error.errno != errno.ENAMETOOLONG:  # a key that is too long, not the disk
        return False
    modules = [str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    _, caller, *_ = modules  # this module, and the one whose `with` statement contains the call of Hydra
    below = list(itertools.takewhile(lambda module: module != caller, reversed(modules)))
    return bool(below) and all(module.partition(".")[0] in _HYDRA_PACKAGES for module in below)


def _unforeseen(error: Exception, words: Sequence[str]) -> str:
    """Find the word that Hydra stumbled over by what it does not check itself."""
    overrides = [word for word in words if not word.startswith("-")]
    for word in overrides:
        problem = _misshapen(word)
        if problem:
            return problem
    reason = "it is nested without end" if isinstance(error, RecursionError) else str(error).partition("\n")[0]
    return f"{' '.join(overrides)}: cannot be composed: {reason}"


def _misshapen(word: str) -> str:
    key, _, value = word.partition("=")
    name = key.lstrip("+~")
    if name.partition(".")[0] not in {*setting_names(Config), "hydra", "experiments"}:
        return f"{name} is not a setting{did_you_mean(name, setting_names(Config))}"
    try:
        override = OverridesParser.create().parse_override(word)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        return f"{name}: the value {value!r} cannot be read: {reason}"
    options = group_options(name)
    if options and not isinstance(override.value(), str):
        return f"{name} must be one of {', '.join(options)}, got {value}"
    return ""


def group_options(group: str) -> list[str]:
    """Return what a group of `conf/` offers; nothing for a key that is no such group."""
    files = (resource_folder("conf") / group).glob("*.yaml") if group in setting_names(Config) else ()
    return sorted(file.stem for file in files)


def _unknown_option(error: MissingConfigException) -> str:
    if not error.missing_cfg_file or not error.options:
        return str(error).splitlines()[0]
    group, _, option = error.missing_cfg_file.rpartition("/")
    choices = ", ".join(error.options)
    return f"{group} must be one of {choices}, got {option!r}{did_you_mean(option, error.options)}"


def _unreadable(error: OverrideParseException) -> str:
    key, equals, value = error.override.partition("=")
    if not equals:
        return f"{error.override!r} is not an override; write key=value, such as model=gru or seed=3"
    return f"{key}: the value {value!r} cannot be read; put it in quotes: '{key}=\"{value}\"'"


def _not_composed(error: Exception) -> str:
    text = f"{error}\n{error.__cause__ or ''}"
    several = re.match(r"(?:Ambiguous value for argument|Sweep parameters) '(.*)'", text)
    if several:
        return f"{several[1]} is more than one value; `sentiment-lab train -m` makes a sweep of them"
    found = re.search(r"Could not override '([^']+)'", text) or re.search(r"full_key: (\S+)", text)
    if not found:
        first, *rest = str(error).splitlines()
        return " ".join([first, *rest[:1]]) if first.endswith(":") else first
    key = found.group(1)
    if "not in struct" in text or "No match" in text:
        known = setting_names(Config)
        if key in known:
            group = key.partition(".")[0]
            return f"{key} is not a setting of the {group} that was chosen; `--cfg job` shows those it has"
        return f"{key} is not a setting{did_you_mean(key, known)}"
    return f"{key}: {str(error.__cause__ or error).splitlines()[0]}"
