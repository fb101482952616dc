"""Values and names out of files, as messages quote them: short, on one line, without control characters."""

import reprlib
from typing import Any

LONGEST = 80  # characters


class _Bounded(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = 6
        self.maxstring = self.maxother = LONGEST

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to write out integers of thousands of digits, and nobody reads those of a hundred.
        return repr(x) if x.bit_length() <= 100 else f"an integer of {x.bit_length():,} bits"

    def repr_bytes(self, x: bytes, level: int) -> str:
        return repr(x[:LONGEST])


def quoted(value: Any) -> str:
    """The `repr` of a value, or the beginning of it.

    Parameters
    ----------
    value : object

    Returns
    -------
    str
        Of 80 characters at most. Only the first entries of lists and dicts are looked at, three levels deep.
    """
    return printable(_Bounded().repr(value), LONGEST)


def printable(text: str, most: int = 100) -> str:
    """A text out of a file, for a sentence.

    Parameters
    ----------
    text : str
    most : int
        Characters at most.

    Returns
    -------
    str
        On one line: what cannot be printed is a question mark.
    """
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[: most + 1])
    return shown if len(shown) <= most else shown[: most - 3] + "..."
