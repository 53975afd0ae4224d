"""Errors that the user can fix. Commands print their text without a traceback."""

from __future__ import annotations


class LabError(Exception):
    """An error whose text is a message to the user, one line for each problem.

    The command line prints it and ends with `exit_code`. Any other exception is a defect of this package and keeps its
    traceback.
    """

    exit_code = 2


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or the name of its class if the text is empty."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
