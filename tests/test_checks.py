"""Checks of settings: Python's own values come out, and each sentence says the name, what was expected and found."""

from fractions import Fraction

import numpy as np
import pytest

from rnnrbm_pt.checks import boolean, choice, integer, number, seed_number


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3), np.array(3)])
def test_integers(value):
    found = integer("k", value, 1)
    assert found == 3 and type(found) is int


@pytest.mark.parametrize("value", [0, 2.0, 2.5, "3", True, np.True_, None, np.float64(3), np.array([3]), float("nan")])
def test_what_is_no_integer_of_at_least_1(value):
    with pytest.raises(ValueError, match="^k: expected an integer of at least 1, found"):
        integer("k", value, 1)


def test_bounds_of_integers():
    assert integer("n", -5) == -5 and seed_number(0) == 0 and seed_number(2**32 - 1) == 2**32 - 1
    with pytest.raises(ValueError, match="^n: expected an integer, found 0.5$"):
        integer("n", 0.5)
    for value in (-1, 2**32):
        with pytest.raises(ValueError, match=f"^seed: expected an integer from 0 to 4294967295, found {value}$"):
            seed_number(value)


@pytest.mark.parametrize(
    "value", [0.5, np.float32(0.5), np.float16(0.5), np.longdouble(0.5), np.array(0.5), Fraction(1, 2)]
)
def test_numbers(value):
    found = number("lr", value, above=0)
    assert found == 0.5 and type(found) is float


@pytest.mark.parametrize("value", [-1, "0.1", True, None, np.nan, np.inf, -np.inf, 1j, np.complex64(1), np.zeros(2)])
def test_what_is_no_number_of_at_least_0(value):
    with pytest.raises(ValueError, match="^lr: expected a finite number of at least 0, found"):
        number("lr", value, least=0)


def test_bounds_of_numbers():
    assert number("lr", 0, least=0) == 0.0 and number("x", np.int64(-2)) == -2.0
    with pytest.raises(ValueError, match="^dt: expected a finite number above 0, found 0$"):
        number("dt", 0, above=0)
    with pytest.raises(ValueError, match="^x: expected a finite number, found inf$"):
        number("x", np.inf)


def test_words_and_switches():
    assert boolean("b", np.True_) is True and boolean("b", 0) is False and choice("c", np.str_("a"), ("a", "b")) == "a"
    assert type(choice("c", np.str_("a"), ("a", "b"))) is str
    for value in ("no", None, 2, 1.0, [True]):
        with pytest.raises(ValueError, match="^b: expected True or False, found"):
            boolean("b", value)
    for value in ("c", None, ["a"], 1):
        with pytest.raises(ValueError, match="^c: expected one of a, b, found"):
            choice("c", value, ("a", "b"))
