"""How the Numba backend samples a row of units fast: by a comparison that vector instructions can do.

A bit is u < sigmoid(x), and sigmoid(x) = (1 + tanh(x / 2)) / 2 where tanh(y) is nearly y P(y^2) / Q(y^2) with Q > 0.
So the bit is (2u - 1) Q < y P: two polynomials, no division, no exponential, no branch, all in float32. Where the two
come closer than `MARGIN` Q, about two draws in a million, float32 cannot tell: such draws are counted as undecided,
and asked for again, one by one, with the sigmoid and the uniform number to their last digits.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from pytensor.link.numba.dispatch.basic import numba_njit

P = 4.89352455891786e-03, 6.37261928875436e-04, 1.48572235717979e-05, 5.12229709037114e-08
P += -8.60467152213735e-11, 2.00018790482477e-13, -2.76076847742355e-16
Q = 4.89352518554385e-03, 2.26843463243900e-03, 1.18534705686654e-04, 1.19825839466702e-06
"""tanh(y) = y P(y^2) / Q(y^2) for |y| < 9, coefficients from the constant one up: a rational minimax approximation."""

END = 9.0
"""Where 1 - tanh(y) is 3e-8, half the distance of the float32 numbers there."""

MARGIN = 2e-6
"""More than (2u - 1) - tanh(y) errs by in float32: 5e-7 measured."""

FASTMATH = {"contract", "reassoc", "nsz"}

# The constants above and a few more in float32, as the functions below take them.
f = np.float32
p0, p1, p2, p3, p4, p5, p6 = map(f, P)
q0, q1, q2, q3 = map(f, Q)
zero, half, one, two = f(0), f(0.5), f(1), f(2)
end, margin, least_x, scale = f(END), f(MARGIN), f(2 * MARGIN), f(2**-31)


@numba_njit(fastmath=FASTMATH, inline="always")
def compare(x, c):
    """distance, least: for c = 2u - 1, u < sigmoid(x) where distance < 0, if |distance| >= least."""
    y = half * x
    y = y if y > -end else -end  # also where x is not a number
    y = y if y < end else end
    s = y * y
    p = y * (p0 + s * (p1 + s * (p2 + s * (p3 + s * (p4 + s * (p5 + s * p6))))))
    q = q0 + s * (q1 + s * (q2 + s * q3))
    return c * q - p, margin * q


@cache
def compare_row(mirrored: bool = False) -> Callable:
    """A Numba function compare_row(x, u, bits) -> undecided, for one row.

    Parameters
    ----------
    mirrored : bool
        Whether bits are compared as NumPy's binomial does, 1 - u < sigmoid(x) where x <= 0, or all as u < sigmoid(x).
    """

    @numba_njit(fastmath=FASTMATH)
    def compare_row(x, u, bits):
        undecided = zero
        for j in range(bits.shape[0]):
            x_j, c = f(x[j]), two * f(u[j]) - one
            if mirrored:
                c = c if x_j > zero else -c
            distance, least = compare(x_j, c)
            bits[j] = one if distance < zero else zero
            near = abs(distance) < least
            if mirrored:
                near = near or abs(x_j) < least_x
            undecided += one if near else zero
        return undecided

    return compare_row


@numba_njit(fastmath=FASTMATH)
def compare_words(words, b, at_b, x, bits, at, n):
    """Compare n draws whose uniform numbers are words of 32 bits, u = word / 2^32; return how many are undecided.

    The bits, from the place `at` on, hold products x W on entry. x becomes these plus b, from the place `at_b` on, and
    the bits become those of the words.
    """
    # Unsigned places: those that may be negative keep LLVM from taking many at once.
    at_, at_b_ = np.uint64(at), np.uint64(at_b)
    undecided = zero
    for j in range(np.uint64(n)):
        x_j = bits[at_ + j] + b[at_b_ + j]
        x[j] = x_j
        distance, least = compare(f(x_j), f(words[j]) * scale - one)
        bits[at_ + j] = one if distance < zero else zero
        undecided += one if abs(distance) < least else zero
    return undecided


@numba_njit(fastmath=FASTMATH)
def undecided(word, x):
    """Whether one draw of `compare_words` is undecided."""
    distance, least = compare(f(x), f(word) * scale - one)
    return abs(distance) < least * f(2)  # in another order of operations it may be a little less near
