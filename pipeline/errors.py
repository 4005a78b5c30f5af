"""Errors that the user can put right are a single line; any other error is a defect and keeps its traceback."""

from __future__ import annotations

LONGEST_WORD = 400  # characters without a space: longer than the paths in use
LONGEST_LINE = 2000  # characters of a whole message


class InputError(Exception):
    """Bad input: the message is one line with the file or key, what was found and what was expected.

    ``python -m pipeline`` prints it and exits with status 1, without a traceback. Whatever the message quotes, it is
    fit for a terminal: see ``one_line``.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def one_line(text: object) -> str:
    """``text`` as one line fit for a terminal, of LONGEST_LINE characters at most.

    Names in archives and answers of servers are whatever somebody wrote: white space becomes single spaces, a
    character that a terminal obeys or does not show (control, direction of writing, half a surrogate pair) becomes
    its escape such as \\x1b, and what is too long loses its middle, since both ends tell more.
    """
    short = _cut(str(text))
    return _cut("".join(letter if letter.isprintable() else _escaped(letter) for letter in short))


def _cut(text: str) -> str:
    return _middle(" ".join(_middle(word, LONGEST_WORD) for word in text.split()), LONGEST_LINE)


def _middle(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    kept = longest // 2
    return f"{text[: kept - 1]}…{text[-kept:]}"


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")
