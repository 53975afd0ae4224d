"""The encoding of a text file: from its byte-order mark, else UTF-8; proposals for a file in another one."""

from __future__ import annotations

import codecs

from sentiment_lab.data.reviews import DataError

UTF8 = "utf-8"
_MARKS = {  # the mark of UTF-32 begins with the one of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_PROPOSALS = {
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
    "cp1253": "Windows-1253",
    "cp1254": "Windows-1254",
    "koi8_r": "KOI8-R",
    "mac_roman": "Mac Roman",
    "cp932": "Shift JIS",
    "euc_jp": "EUC-JP",
    "gb18030": "GB18030",
    "big5": "Big5",
    "cp949": "EUC-KR",
}
"""Encodings that are proposed, by their names in Python."""
_BEGINNING = 24
"""Bytes that the names of columns take at least in UTF-16, where every second byte of an ASCII letter is NUL."""


def encoding_of(head: bytes, source: str) -> str:
    """Return the encoding of a file that begins with `head`; raises DataError where it is no text, or has no mark."""
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    beginning = head[:_BEGINNING]
    even, odd = beginning[::2].count(0), beginning[1::2].count(0)
    if max(even, odd) > len(beginning) / 4:
        kind = "UTF-16 without a byte-order mark" if min(even, odd) == 0 else "a binary file, not a table"
        raise DataError(f"{source} is {kind}; save it as UTF-8")
    return UTF8


def decoding_errors(encoding: str) -> str:
    """Return the error handler to open a text file with.

    It keeps undecodable bytes, so that the reader reaches their row and the error can name it, except for UTF-16 and
    UTF-32, whose errors are no bytes of a cell.
    """
    return "strict" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"


def is_decoded(cell: str) -> bool:
    """Whether a cell holds no byte that could not be decoded."""
    if cell.isascii():
        return True
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def proposal(cells: list[str], encoding: str = UTF8) -> str:
    """Return a hint which encoding fits cells with undecodable bytes, such as "; it may be Windows-1252 (cp1252)"."""
    from charset_normalizer import from_bytes

    content = "\n".join(cells).encode(encoding, "surrogateescape")
    matches = list(from_bytes(content, cp_isolation=list(_PROPOSALS)))
    if not matches:
        return ""
    # Many encodings fit a few accented letters equally well; the most common one of them is proposed.
    fits = {name for match in matches if match.chaos <= matches[0].chaos for name in match.could_be_from_charset}
    name = next(name for name in _PROPOSALS if name in fits)
    return f"; it may be {_PROPOSALS[name]} ({name})"
