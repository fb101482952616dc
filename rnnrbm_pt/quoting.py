"""Quote values and names from files in messages: short, on one line, without control characters."""

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
        # Python refuses to print integers of thousands of digits. Nobody reads even a hundred digits.
        return repr(x) if x.bit_length() <= 100 else f"an integer of {x.bit_length():,} bits"

    def repr_bytes(self, x: bytes, level: int) -> str:
        return repr(x[:LONGEST])


def quoted(value: Any) -> str:
    """Return the `repr` of a value, shortened for a message.

    Parameters
    ----------
    value : object

    Returns
    -------
    str
        At most 80 characters. Only the first entries of lists and dicts are shown, three levels deep.
    """
    return printable(_Bounded().repr(value), LONGEST)


def printable(text: str, most: int = 100) -> str:
    """Make text from a file printable on one line.

    Parameters
    ----------
    text : str
    most : int
        Maximum number of characters.

    Returns
    -------
    str
        The text, with a question mark for each character that cannot be printed. Text that is too long ends in "...".
    """
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[: most + 1])
    return shown if len(shown) <= most else shown[: most - 3] + "..."
