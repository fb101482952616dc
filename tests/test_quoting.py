"""What messages quote is short, on one line, and moves no cursor."""

import numpy as np
import pytest

from rnnrbm_pt.checks import integer, number
from rnnrbm_pt.quoting import LONGEST, printable, quoted


def test_what_is_printed_of_a_name_cannot_move_the_cursor():
    assert printable("a\x1b[2Jb\r\n") == "a?[2Jb??"
    assert len(printable("a" * 1000)) == 100


@pytest.mark.parametrize("value", [3, -0.5, None, True, "a'b", b"a", [1, "b"], (21, 109), {"a": 1}, np.float64(2), {1}])
def test_short_values_are_quoted_as_they_are(value):
    assert quoted(value) == repr(value)


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


LONG = {
    "an integer": 10**400,
    "one that Python does not write out": -(10**5000),
    "a text": "x" * 10**6,
    "bytes": b"x" * 10**6,
    "control characters": "\x1b\n" * 99,
    "a list": [0] * 10**6,
    "a deep list": nested(10**5),
    "a dict": {i: i for i in range(99)},
}


@pytest.mark.parametrize("what", LONG)
def test_others_are_cut(what):
    value = LONG[what]
    assert len(quoted(value)) <= LONGEST and quoted(value).isprintable()
    with pytest.raises(ValueError, match="^k: expected an integer from 0 to 9, found ") as caught:
        integer("k", value, 0, 9)
    assert len(str(caught.value)) < 60 + LONGEST
    with pytest.raises(ValueError, match="^x: expected a finite number, found "):
        number("x", value)
