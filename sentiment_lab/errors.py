"""What a user can mend, told apart from our own defects: no traceback is shown for these."""

from __future__ import annotations


class LabError(Exception):
    """An error with a text for the user; a command that meets it prints the text and exits with `exit_code`."""

    exit_code = 2
