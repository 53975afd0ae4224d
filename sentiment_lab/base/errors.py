"""What a user can mend, told apart from our own defects: no traceback is shown for these."""

from __future__ import annotations


class LabError(Exception):
    """An error with a text for the user; a command that meets it prints the text and exits with `exit_code`."""

    exit_code = 2


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or the name of its class where it has none."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
