"""Kernels of Philox streams on Numba: words of counters, uniform numbers, and layers of units sampled with them."""

from collections.abc import Callable
from functools import cache

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from pytensor.link.numba.dispatch.basic import numba_njit

from rnnrbm_pt.compile.dispatch.numba.products import product_of_rows_into
from rnnrbm_pt.compile.dispatch.numba.rows import compare_words, undecided
from rnnrbm_pt.streams.philox4x32 import MULTIPLIERS, ROUNDS, SECOND_WORD, WEYL

VERSION = 13
"""Version of the code for Philox streams, a part of the cache keys. Increase it when the code changes."""

LANES = 8
"""Number of counters in a vector of 512 bits. Machines with shorter vectors compute the same words."""

SPARE = 5 * LANES
"""Number of extra places at the end of an array of words. `words_of_row` overwrites them."""

AT_ONCE = 1024
"""Approximate number of draws compared in one loop: few enough that their words stay in the first-level cache."""

BLOCK = 48
"""Smallest number of rows of a layer in a block: BLAS is slow with few rows."""

u32, u64 = np.uint32, np.uint64
M0, M1 = map(u64, MULTIPLIERS)
W0, W1 = map(u32, WEYL)
SHIFT, LOW = u64(32), u64(2**32 - 1)
SECOND = u32(SECOND_WORD)
assert ROUNDS == 10  # the rounds are written out below: LLVM vectorises straight-line code over many counters


# Words are kept in 64 bits. Products read only the lower 32 bits, so the upper bits may hold anything. This saves
# packing and unpacking vectors in every round.
@numba_njit(inline="always")
def two_rounds(x0, x1, x2, x3, k0, k1):
    p, q = (x0 & LOW) * M0, (x2 & LOW) * M1
    x0, x1, x2, x3 = (q >> SHIFT) ^ x1 ^ k0, q, (p >> SHIFT) ^ x3 ^ k1, p
    k0, k1 = u64(u32(k0) + W0), u64(u32(k1) + W1)
    p, q = (x0 & LOW) * M0, (x2 & LOW) * M1
    x0, x1, x2, x3 = (q >> SHIFT) ^ x1 ^ k0, q, (p >> SHIFT) ^ x3 ^ k1, p
    return x0, x1, x2, x3, u64(u32(k0) + W0), u64(u32(k1) + W1)


@numba_njit(inline="always")
def four_words(x0, x1, x2, x3, k0, k1):
    x0, x1, x2, x3, k0, k1 = two_rounds(u64(x0), u64(x1), u64(x2), u64(x3), u64(k0), u64(k1))
    x0, x1, x2, x3, k0, k1 = two_rounds(x0, x1, x2, x3, k0, k1)
    x0, x1, x2, x3, k0, k1 = two_rounds(x0, x1, x2, x3, k0, k1)
    x0, x1, x2, x3, k0, k1 = two_rounds(x0, x1, x2, x3, k0, k1)
    x0, x1, x2, x3, k0, k1 = two_rounds(x0, x1, x2, x3, k0, k1)
    return u32(x0), u32(x1), u32(x2), u32(x3)


@numba_njit
def words_of_lanes(k0, k1, d0, d1, row, first, words, at):
    """Write the words of `LANES` counters of a row from the place `at` on: first word 0 of each counter, and so on."""
    at_ = u64(at)  # with unsigned places and known distances, LLVM vectorises over all counters
    for c in range(u64(LANES)):
        x = four_words(u64(first) + c, row, d0, d1, k0, k1)
        words[at_ + c], words[at_ + u64(LANES) + c] = x[0], x[1]
        words[at_ + u64(2 * LANES) + c], words[at_ + u64(3 * LANES) + c] = x[2], x[3]


@intrinsic
def copy_lanes(typingctx, words, source, target):
    """Copy `LANES` words from one place of an array to another."""

    def codegen(context, builder, signature, args):
        data = context.make_array(words)(context, builder, args[0]).data
        vector = ir.VectorType(ir.IntType(32), LANES).as_pointer()
        source, target = (builder.bitcast(builder.gep(data, [place]), vector) for place in args[1:])
        builder.store(builder.load(source, align=4), target, align=4)
        return context.get_dummy_value()

    return types.void(words, types.int64, types.int64), codegen


@numba_njit
def words_of_row(k0, k1, d0, d1, row, q, words, at):
    """Write the 4 q words of a row to an array from the place `at` on.

    This overwrites the start of the next row, so write the rows in order. The last `SPARE` places must hold no row.
    """
    # The last counters overwrite the start of the next quarter. So go backwards: the first counters rewrite it.
    here = words.size - 4 * LANES
    for first in range((q - 1) // LANES * LANES, -1, -LANES):
        words_of_lanes(k0, k1, d0, d1, row, first, words, here)
        for k in range(4):
            copy_lanes(words, here + k * LANES, at + k * q + first)


@numba_njit
def word(k0, k1, d0, d1, row, j, q):
    """The word that decides bit j of a row."""
    four = np.array(four_words(u32(j % q), row, d0, d1, k0, k1), dtype=np.uint32)
    return four[j // q]


@numba_njit
def counted(state, n):
    """d0 and d1 of a stream after n more draws."""
    d = (u64(state[2]) | (u64(state[3]) << SHIFT)) + u64(n)
    return u32(d), u32((d >> SHIFT) & u64(SECOND_WORD - 1))


@numba_njit
def advanced(state, n):
    """The state of a stream after n more draws."""
    after = state.copy()
    after[2], after[3] = counted(state, n)
    return after


@cache
def exact_uniform(dtype: str) -> Callable:
    """Make the Numba function that computes a uniform number, given its first word and the place of the second."""
    if dtype == "float32":

        @numba_njit
        def uniform(first, k0, k1, d0, d1, row, j, q):
            return np.float32(first >> u32(8)) * np.float32(2**-24)

    else:

        @numba_njit
        def uniform(first, k0, k1, d0, d1, row, j, q):
            second = word(k0, k1, d0, d1 | SECOND, row, j, q)
            return (first * 2.0**21 + (second >> u32(11))) * 2.0**-53

    return uniform


@cache
def layers(dtype: str) -> tuple[Callable, Callable]:
    """Make the Numba functions that sample some rows of a layer.

    Returns
    -------
    scratch(n, m) -> words, logits
        Working memory for n rows of m units.
    sample_rows(start, stop, k0, k1, d0, d1, x, W, b, bits, all_b, all_bits, words, logits)
        Writes Bernoulli(sigmoid(x W + b)) to rows start to stop of `bits`. It takes the arrays of all rows in the
        layout of `dense`: x (n, d), W (d, m), b (n, m) or (1, m), and bits (n, m). all_b and all_bits are the same b
        and bits as vectors, because making such a view takes as long as sampling several units.
    """
    uniform = exact_uniform(dtype)
    kind = np.dtype(dtype).type
    one = kind(1)

    @numba_njit
    def decide(words, logits, n, m, first, k0, k1, d0, d1, bits):
        q = (m + 3) // 4
        for i in range(n):
            for j in range(m):
                at = i * m + j
                x = logits[at]
                if undecided(words[at], x):
                    u = uniform(words[at], k0, k1, d0, d1, u32(first + i), j, q)
                    bits[first * m + at] = u < one / (one + np.exp(-x))

    @numba_njit
    def scratch(n, m):
        rows = min(max(1, n), max(1, AT_ONCE // max(1, m)))
        return np.empty(rows * m + 4 + SPARE, np.uint32), np.empty(rows * m, kind)

    @numba_njit
    def sample_rows(start, stop, k0, k1, d0, d1, x, W, b, bits, all_b, all_bits, words, logits):
        product_of_rows_into(x, W, bits, start, stop)
        m = bits.shape[1]
        q = (m + 3) // 4
        one_b = b.shape[0] == 1
        at_once = 1 if one_b or m == 0 else logits.size // m
        for first in range(start, stop, at_once):
            n = min(at_once, stop - first)
            for i in range(n):  # in order, since each row overwrites the next
                words_of_row(k0, k1, d0, d1, u32(first + i), q, words, i * m)
            if compare_words(words, all_b, 0 if one_b else first * m, logits, all_bits, first * m, n * m) > 0:
                decide(words, logits, n, m, first, k0, k1, d0, d1, all_bits)

    return scratch, sample_rows
