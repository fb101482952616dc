"""The parts of annealed importance sampling on Numba: products with bits, layers of units, and sums of softplus.

Units stand in the order in which vector instructions make their words, so that no loop has a rest and none needs to
know which places overlap. A draw of n units takes q = ceil(n / 4) counters, `LANES` of them at once. Unit j = k q + c
has word k of counter c, and stands at place 4 LANES (c // LANES) + k LANES + c mod LANES of its row. A row has
`width(n)` places; those without a unit hold zeros.

A product with bits is a sum of rows of a matrix. The four units of a counter have 16 patterns of bits, and the sums
of their rows are made once (`sums_of_fours`). Then a product adds one row per counter instead of one per unit.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from pytensor.link.numba.dispatch.basic import numba_njit

from rnnrbm_pt.compile.dispatch.numba.elementwise import parts
from rnnrbm_pt.compile.dispatch.numba.philox_kernels import LANES, counted, exact_uniform, four_words, u32, u64
from rnnrbm_pt.compile.dispatch.numba.products import product_into
from rnnrbm_pt.compile.dispatch.numba.rows import FASTMATH, compare

VERSION = 1
"""Version of this code. It enters the cache keys: increase it when the code changes."""

BLOCK = 48
"""Fewest chains that go through all temperatures together: the sums of fours are read once for all of them."""

AT_ONCE = 1024
"""Units in one loop, roughly: what is known of them stays in the nearest cache."""

FACTORS = 96
"""Factors of at most 2 in one product, which stays below the largest number of float32."""

PRODUCTS = 10
"""Quotients of two such products in one logarithm: their product stays below the largest number of float64."""

f = np.float32


@numba_njit
def width(n):
    """Places of a row of n units."""
    return (n + 4 * LANES - 1) // (4 * LANES) * (4 * LANES)


@numba_njit
def places_of(n):
    """The place of each of n units."""
    j, q = np.arange(n), (n + 3) // 4
    k, c = j // q, j % q
    return c // LANES * (4 * LANES) + k * LANES + c % LANES


@numba_njit
def placed(x, start, stop):
    """The rows of a matrix from start to stop, or its only row as often, with their numbers in places."""
    places = places_of(x.shape[1])
    out = np.zeros((stop - start, width(x.shape[1])), x.dtype)
    for i in range(stop - start):
        row = 0 if x.shape[0] == 1 else start + i
        for j in range(places.size):
            out[i, places[j]] = x[row, j]
    return out


@numba_njit
def sums_of_fours(W):
    """The sums of the rows of a matrix that belong to one counter, for each pattern of bits; columns are in places."""
    n, q = W.shape[0], (W.shape[0] + 3) // 4
    rows = placed(W, 0, n)
    sums = np.zeros((width(n) // 4, 16, rows.shape[1]), W.dtype)
    for c in range(q):
        for k in range(4):
            if k * q + c < n:
                for pattern in range(1 << k, 2 << k):
                    sums[c, pattern] = sums[c, pattern - (1 << k)] + rows[k * q + c]
            else:
                for pattern in range(1 << k, 2 << k):
                    sums[c, pattern] = sums[c, pattern - (1 << k)]
    return sums.reshape(-1)


@numba_njit
def words_of_row(k0, k1, d0, d1, row, n, words, at):
    """The words of a row of n places."""
    for first in range(u64(0), u64(n // 4), u64(LANES)):
        here = u64(at) + u64(4) * first
        for c in range(u64(LANES)):
            x = four_words(first + c, row, d0, d1, k0, k1)
            words[here + c], words[here + u64(LANES) + c] = x[0], x[1]
            words[here + u64(2 * LANES) + c], words[here + u64(3 * LANES) + c] = x[2], x[3]


@numba_njit
def patterns_of_row(bits, at, n, step, rows, at_rows):
    """Where `sums_of_fours`, in rows of `step` places, has the sums for the bits of a row of n places."""
    for first in range(u64(0), u64(n // 4), u64(LANES)):
        here, there = u64(at) + u64(4) * first, u64(at_rows) + first
        for c in range(u64(LANES)):
            two = bits[here + c] + bits[here + u64(LANES) + c] * u32(2)
            four = bits[here + u64(2 * LANES) + c] * u32(4) + bits[here + u64(3 * LANES) + c] * u32(8)
            rows[there + c] = (u32(first + c) * u32(16) + two + four) * u32(step)


@numba_njit(fastmath=FASTMATH)
def add_eight(sums, a, b, c, d, e, f, g, h, out, at, n):
    for i in range(u64(n)):
        low = (sums[a + i] + sums[b + i]) + (sums[c + i] + sums[d + i])
        out[at + i] += low + ((sums[e + i] + sums[f + i]) + (sums[g + i] + sums[h + i]))


@numba_njit
def product_of_bits(sums, rows, out):
    """Rows of bits times a matrix: what `patterns_of_row` found in `sums_of_fours`, added up."""
    n_rows, n = out.shape
    all_rows, all_out = rows.reshape(-1), out.reshape(-1)
    all_out[:] = 0
    for first in range(0, rows.shape[1], 8):
        for i in range(n_rows):
            r = all_rows[i * rows.shape[1] + first : i * rows.shape[1] + first + 8]
            low = u64(r[0]), u64(r[1]), u64(r[2]), u64(r[3])
            high = u64(r[4]), u64(r[5]), u64(r[6]), u64(r[7])
            add_eight(sums, *low, *high, all_out, u64(i * n), n)


@cache
def layers(dtype: str) -> tuple[Callable, Callable]:
    """Numba functions of the two layers, for rows that stand in places.

    Returns
    -------
    sample_hidden(b_from, b_to, x, b, m, first, k0, k1, d0, d1, step, rows, gains)
        Draws h ~ Bernoulli(sigmoid(b_to x + b)) for each row, and leaves in `rows` where `sums_of_fours` has the sums
        of its bits. The gain of a row is sum_j softplus(b_to x_j + b_j) - softplus(b_from x_j + b_j). Rows have m
        units; `first` is the number of the first of them in its draw.
    sample_visible(scale, x, b, m, first, k0, k1, d0, d1, step, rows, bits)
        Draws v ~ Bernoulli(sigmoid(scale x + b)) in the same way, and leaves 0 or 1 in the matrix `bits`.
    """
    kind, exp_parts, _ = parts(dtype)
    uniform = exact_uniform(dtype)
    zero, one, per_word = kind(0), kind(1), kind(2.0**-32)
    margin = kind(1e-6 if dtype == "float32" else 1e-9)

    @numba_njit(fastmath=FASTMATH)
    def compare_hidden(b_from, b_to, x, b, words, bits, to, of, rise):
        """Bits, and the parts of the gain: log(1 + exp(l)) = max(l, 0) + log(1 + exp(-|l|)). How many are undecided.

        u < sigmoid(l) is u (1 + e) < (1 or e), where e = exp(-|l|) is known already.
        """
        undecided = zero
        for j in range(u64(bits.shape[0])):
            l_from, l_to = b_from * x[j] + b[j], b_to * x[j] + b[j]
            scale_from, rest_from = exp_parts(-abs(l_from))
            scale_to, rest_to = exp_parts(-abs(l_to))
            e = scale_to + scale_to * rest_to
            to[j], of[j] = one + e, one + (scale_from + scale_from * rest_from)
            # The comparisons let what is not a number through.
            rise[j] = (zero if l_to <= zero else l_to) - (zero if l_from <= zero else l_from)
            distance = kind(words[j]) * per_word * (one + e) - (one if l_to > zero else e)
            bits[j] = u32(1) if distance < zero else u32(0)
            undecided += one if abs(distance) < margin else zero
        return undecided

    @numba_njit(fastmath=FASTMATH)
    def compare_visible(scale, x, b, words, bits):
        undecided = np.float32(0)
        for j in range(u64(bits.shape[0])):
            u = np.float32(words[j]) * np.float32(2**-31) - np.float32(1)
            distance, least = compare(np.float32(scale * x[j] + b[j]), u)
            bits[j] = u32(1) if distance < np.float32(0) else u32(0)
            undecided += np.float32(1) if abs(distance) < least else np.float32(0)
        return undecided

    @numba_njit
    def decide(scale, x, b, m, n, first, k0, k1, d0, d1, words, bits):
        """All bits of n rows to the last digit. It is seldom asked for."""
        places, q = places_of(m), (m + 3) // 4
        for i in range(n):
            for j in range(m):
                at = i * (x.size // n) + places[j]
                u = uniform(words[at], k0, k1, d0, d1, u32(first + i), j, q)
                bits[at] = u32(u < one / (one + np.exp(-(scale * x[at] + b[at]))))

    @numba_njit(fastmath=FASTMATH)
    def factors(to, of, rise, at, stop):
        product_to, product_of, total = one, one, zero
        for j in range(u64(at), u64(stop)):
            product_to *= to[j]
            product_of *= of[j]
            total += rise[j]
        return np.float64(total), np.float64(product_to) / np.float64(product_of)

    @numba_njit
    def gain(to, of, rise, start, stop):
        """The sum of the differences of softplus: products of 1 + e, and few logarithms."""
        total = 0.0
        for begin in range(start, stop, PRODUCTS * FACTORS):
            quotient, end = 1.0, min(begin + PRODUCTS * FACTORS, stop)
            for at in range(begin, end, FACTORS):
                part, ratio = factors(to, of, rise, at, min(at + FACTORS, end))
                total += part
                quotient *= ratio
            total += np.log(quotient)
        return total

    @numba_njit
    def sample_hidden(b_from, b_to, x, b, m, first, k0, k1, d0, d1, step, rows, gains):
        n_rows, n = x.shape
        all_x, all_b, all_rows = x.reshape(-1), b.reshape(-1), rows.reshape(-1)
        at_once = max(1, AT_ONCE // max(1, n))
        words, bits = np.empty(at_once * n, np.uint32), np.empty(at_once * n, np.uint32)
        to, of, rise = np.empty(at_once * n, kind), np.empty(at_once * n, kind), np.empty(at_once * n, kind)
        for start in range(0, n_rows, at_once):
            stop = min(start + at_once, n_rows)
            here = slice(start * n, stop * n)
            some = bits[: (stop - start) * n]
            for i in range(start, stop):
                words_of_row(k0, k1, d0, d1, u32(first + i), n, words, (i - start) * n)
            if compare_hidden(b_from, b_to, all_x[here], all_b[here], words, some, to, of, rise) > zero:
                decide(b_to, all_x[here], all_b[here], m, stop - start, first + start, k0, k1, d0, d1, words, some)
            for i in range(start, stop):
                at = (i - start) * n
                gains[i] = gain(to, of, rise, at, at + n)
                patterns_of_row(some, at, n, step, all_rows, i * rows.shape[1])

    @numba_njit
    def sample_visible(scale, x, b, m, first, k0, k1, d0, d1, step, rows, bits):
        n_rows, n = x.shape
        all_x, all_b, all_rows, all_bits = x.reshape(-1), b.reshape(-1), rows.reshape(-1), bits.reshape(-1)
        at_once = max(1, AT_ONCE // max(1, n))
        words = np.empty(at_once * n, np.uint32)
        for start in range(0, n_rows, at_once):
            stop = min(start + at_once, n_rows)
            here = slice(start * n, stop * n)
            for i in range(start, stop):
                words_of_row(k0, k1, d0, d1, u32(first + i), n, words, (i - start) * n)
            if compare_visible(scale, all_x[here], all_b[here], words, all_bits[here]) > 0:
                decide(
                    scale,
                    all_x[here],
                    all_b[here],
                    m,
                    stop - start,
                    first + start,
                    k0,
                    k1,
                    d0,
                    d1,
                    words,
                    all_bits[here],
                )
            for i in range(start, stop):
                patterns_of_row(all_bits, i * n, n, step, all_rows, i * rows.shape[1])

    return sample_hidden, sample_visible


@cache
def annealing(dtype: str) -> Callable:
    """The Numba function that sends the chains from start to stop through all temperatures.

    anneal_rows(start, stop, b, b_next, rng_h, rng_v, v, log_w, W, bh, bv, sums_v, sums_h) changes these rows of v
    (n, d) and of log_w (n,). It is told the sums of fours of the two matrices.
    """
    kind = np.dtype(dtype).type
    zero, one = kind(0), kind(1)
    sample_hidden, sample_visible = layers(dtype)

    @numba_njit
    def is_bits(v, start, stop):
        for i in range(start, stop):
            for j in range(v.shape[1]):
                if v[i, j] != zero and v[i, j] != one:
                    return False
        return True

    @numba_njit
    def anneal_rows(start, stop, b, b_next, rng_h, rng_v, v, log_w, W, bh, bv, sums_v, sums_h):
        n, (d, m) = stop - start, W.shape
        bh_, bv_ = placed(bh, start, stop), placed(bv, start, stop)
        wide_h, wide_v = bh_.shape[1], bv_.shape[1]
        x, y = np.empty((n, wide_h), kind), np.empty((n, wide_v), kind)  # v W and h W_back
        rows_h, rows_v = np.empty((n, wide_h // 4), np.uint32), np.empty((n, wide_v // 4), np.uint32)
        bits, gains, places = np.empty((n, wide_v), np.uint32), np.empty(n), places_of(d)
        if is_bits(v, start, stop):  # as in the middle of an annealing that is made in pieces: the same sums
            bits[:] = placed(v, start, stop).astype(np.uint32)
            for i in range(n):
                patterns_of_row(bits.reshape(-1), i * wide_v, wide_v, wide_h, rows_v.reshape(-1), i * (wide_v // 4))
            product_of_bits(sums_v, rows_v, x)
        else:
            product = np.empty((n, m), kind)
            product_into(v[start:stop], W, product)
            x[:] = placed(product, 0, n)
        for k in range(b.shape[0]):
            if k == 0 or b[k] != b_next[k - 1]:
                d0, d1 = counted(rng_h, k)
                sample_hidden(b[k], b[k], x, bh_, m, start, rng_h[0], rng_h[1], d0, d1, wide_v, rows_h, gains)
            product_of_bits(sums_h, rows_h, y)
            d0, d1 = counted(rng_v, k)
            sample_visible(b[k], y, bv_, d, start, rng_v[0], rng_v[1], d0, d1, wide_h, rows_v, bits)
            product_of_bits(sums_v, rows_v, x)
            d0, d1 = counted(rng_h, k + 1)  # the next h needs the same exponentials as the weight
            sample_hidden(b[k], b_next[k], x, bh_, m, start, rng_h[0], rng_h[1], d0, d1, wide_v, rows_h, gains)
            for i in range(n):
                log_w[start + i] += gains[i]
        if b.shape[0]:
            for i in range(n):
                for j in range(d):
                    v[start + i, j] = kind(bits[i, places[j]])

    return anneal_rows
