"""Fast sampling of a row of units on Numba, by a comparison that LLVM can vectorise.

A bit is u < sigmoid(x), and sigmoid(x) = (1 + tanh(y)) / 2 with y = x / 2. tanh(y) is approximately
y P(y^2) / Q(y^2), where P and Q are polynomials and Q > 0. So the bit is (2u - 1) Q < y P: two polynomials in float32,
without a division, an exponential or a branch.

If the two sides are closer than `MARGIN` Q, float32 cannot decide. This happens for about two draws in a million. Such
draws are counted as undecided, and computed again one by one, with the exact sigmoid and the exact uniform number.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from pytensor.link.numba.dispatch.basic import numba_njit

P = 4.89352455891786e-03, 6.37261928875436e-04, 1.48572235717979e-05, 5.12229709037114e-08
P += -8.60467152213735e-11, 2.00018790482477e-13, -2.76076847742355e-16
Q = 4.89352518554385e-03, 2.26843463243900e-03, 1.18534705686654e-04, 1.19825839466702e-06
"""Coefficients of the rational minimax approximation tanh(y) = y P(y^2) / Q(y^2) for |y| < 9, constant terms first."""

END = 9.0
"""Here 1 - tanh(y) is 3e-8, half the spacing of float32 numbers near 1."""

MARGIN = 2e-6
"""Bound on the error of (2u - 1) - tanh(y) in float32. The measured error is 5e-7."""

FASTMATH = {"contract", "reassoc", "nsz"}
"""LLVM's fast-math flags for the kernels."""

# The constants above and a few more, in float32 for the functions below.
f = np.float32
p0, p1, p2, p3, p4, p5, p6 = map(f, P)
q0, q1, q2, q3 = map(f, Q)
zero, half, one, two = f(0), f(0.5), f(1), f(2)
end, margin, least_x, scale = f(END), f(MARGIN), f(2 * MARGIN), f(2**-31)


@numba_njit(fastmath=FASTMATH, inline="always")
def compare(x, c):
    """Compare c = 2u - 1 with tanh(x / 2); return distance and least.

    If |distance| >= least, then u < sigmoid(x) is the same as distance < 0. Otherwise the draw is undecided.
    """
    y = half * x
    y = y if y > -end else -end  # also if x is NaN
    y = y if y < end else end
    s = y * y
    p = y * (p0 + s * (p1 + s * (p2 + s * (p3 + s * (p4 + s * (p5 + s * p6))))))
    q = q0 + s * (q1 + s * (q2 + s * q3))
    return c * q - p, margin * q


@cache
def compare_row(mirrored: bool = False) -> Callable:
    """Make a Numba function compare_row(x, u, bits) that samples one row and returns the number of undecided bits.

    Parameters
    ----------
    mirrored : bool
        Whether to compare as NumPy's binomial does: 1 - u < sigmoid(x) if x <= 0. Otherwise u < sigmoid(x) for all x.
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
    """Compare n draws with u = word / 2^32, where a word has 32 bits, and return how many are undecided.

    On entry, `bits` holds the products x W from the place `at` on. The logits, which are these products plus b from the
    place `at_b` on, are written to `x`. The sampled bits replace the products.
    """
    # Places are unsigned: LLVM does not vectorise with places that may be negative.
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
    return abs(distance) < least * f(2)  # a margin: here the order of operations may differ
