"""Kernels of annealed importance sampling on Numba: products with bits, layers of units, and sums of softplus.

The units of a row are stored in the order in which vector instructions compute their random words. So loops have no
remainder, and LLVM need not check which memory overlaps. A draw of n units takes q = ceil(n / 4) counters of Philox,
`LANES` of them at once. Unit j = k q + c gets word k of counter c. Its place in the row is
4 LANES (c // LANES) + k LANES + c mod LANES. A row has `width(n)` places; unused places hold zeros.

A product with bits is a sum of rows of a matrix. The four units of a counter have 16 possible patterns of bits. The sum
of rows for each pattern is computed once, by `sums_of_fours`. A product then adds one row per counter instead of one
per unit.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from pytensor.link.numba.dispatch.basic import numba_njit

from rnnrbm_pt.compile.dispatch.numba.elementwise import SMALL_FUNCTION, parts
from rnnrbm_pt.compile.dispatch.numba.philox_kernels import LANES, counted, exact_uniform, u32, u64, words_of_lanes
from rnnrbm_pt.compile.dispatch.numba.products import product_into
from rnnrbm_pt.compile.dispatch.numba.rows import FASTMATH, compare

VERSION = 5
"""Version of this code, a part of the cache keys. Increase it when the code changes."""

BLOCK = 48
"""Smallest number of chains in a block. All chains of a block share one pass over the sums of fours."""

COLUMNS = 4 * LANES
"""Number of columns of a product that are computed at once."""

AT_ONCE = 1024
"""Approximate number of units in one loop: few enough that their data stay in the first-level cache."""

FACTORS = 96
"""Number of factors in one product. Each is at most 2, so the product stays in the range of float32."""

PRODUCTS = 10
"""Number of quotients of two such products in one logarithm. Their product stays in the range of float64."""


@numba_njit
def width(n):
    """Number of places in a row of n units."""
    return (n + 4 * LANES - 1) // (4 * LANES) * (4 * LANES)


@numba_njit
def places_of(n):
    """The place of each of n units in its row."""
    j, q = np.arange(n), (n + 3) // 4
    k, c = j // q, j % q
    return c // LANES * (4 * LANES) + k * LANES + c % LANES


@numba_njit
def placed(x, start, stop):
    """Rows start to stop of a matrix, with each element in its place. A matrix of one row is repeated."""
    places = places_of(x.shape[1])
    out = np.zeros((stop - start, width(x.shape[1])), x.dtype)
    for i in range(stop - start):
        row = 0 if x.shape[0] == 1 else start + i
        for j in range(places.size):
            out[i, places[j]] = x[row, j]
    return out


@numba_njit
def sums_of_fours(W):
    """For each counter and each pattern of its four bits, the sum of the rows of a matrix that the pattern selects.

    The result has the shape (columns / COLUMNS, counters, 16, COLUMNS), flattened to a vector. The columns and the
    counters are in the order of places.
    """
    n, q = W.shape[0], (W.shape[0] + 3) // 4
    rows = placed(W, 0, n)
    sums = np.zeros((rows.shape[1] // COLUMNS, width(n) // 4, 16, COLUMNS), W.dtype)
    for part in range(sums.shape[0]):
        for c in range(q):
            for at in range(c, n, q):
                for j in range(COLUMNS):  # NaN if a weight is NaN, as in a product
                    sums[part, c, 0, j] += 0 * rows[at, part * COLUMNS + j]
            for pattern in range(1, 16):
                k = 3 if pattern >= 8 else (2 if pattern >= 4 else (1 if pattern >= 2 else 0))  # the highest bit
                for j in range(COLUMNS):
                    sums[part, c, pattern, j] = sums[part, c, pattern - (1 << k), j]
                    if k * q + c < n:
                        sums[part, c, pattern, j] += rows[k * q + c, part * COLUMNS + j]
    return sums.reshape(-1)


@numba_njit
def words_of_row(k0, k1, d0, d1, row, n, words, at):
    """Write the words of a row of n places."""
    for first in range(0, n // 4, LANES):
        words_of_lanes(k0, k1, d0, d1, row, first, words, at + 4 * first)


@numba_njit
def find_sums(bits):
    """Overwrite the first of the four bits of each counter with the position of their sum in `sums_of_fours`."""
    n_rows, n = bits.shape
    found = bits.reshape(-1)
    for i in range(n_rows):
        for first in range(u64(0), u64(n // 4), u64(LANES)):
            at = u64(i * n) + u64(4) * first
            for c in range(at, at + u64(LANES)):  # in the same array, so LLVM need not check for overlap
                two = found[c] + found[c + u64(LANES)] * u32(2)
                four = found[c + u64(2 * LANES)] * u32(4) + found[c + u64(3 * LANES)] * u32(8)
                found[c] = (u32(first + (c - at)) * u32(16) + two + four) * u32(COLUMNS)


@intrinsic
def add_up(typingctx, sums, found, out, at_sums, at_found, n, at_out):
    """Add up the sums of n times `LANES` counters, and write the total to `COLUMNS` places of `out`.

    The total is kept in registers. A loop over `out` would be slower: LLVM does not know that `out` is a separate
    array, so it would check for overlap.
    """

    def codegen(context, builder, signature, args):
        data = [
            context.make_array(kind)(context, builder, array).data
            for kind, array in zip(signature.args, args[:3], strict=False)
        ]
        at_sums, at_found, n, at_out = args[3:]
        vector = ir.VectorType(context.get_value_type(sums.dtype), COLUMNS)
        align = sums.dtype.bitwidth // 8

        def vector_at(array, place):
            return builder.bitcast(builder.gep(array, [place]), vector.as_pointer())

        total = cgutils.alloca_once_value(builder, ir.Constant(vector, [0.0] * COLUMNS))
        with cgutils.for_range(builder, n) as loop:
            partial = builder.load(total)
            first = builder.add(at_found, builder.mul(loop.index, ir.Constant(at_found.type, 4 * LANES)))
            for lane in range(LANES):
                place = builder.load(builder.gep(data[1], [builder.add(first, ir.Constant(first.type, lane))]))
                place = builder.add(at_sums, builder.zext(place, at_sums.type))
                partial = builder.fadd(partial, builder.load(vector_at(data[0], place), align=align))
            builder.store(partial, total)
        builder.store(builder.load(total), vector_at(data[2], at_out), align=align)
        return context.get_dummy_value()

    return types.void(sums, found, out, *[types.int64] * 4), codegen


@numba_njit
def product_of_bits(sums, found, out):
    """Rows of bits times a matrix: adds up the sums that `find_sums` located in `sums_of_fours`."""
    n_rows, n, n_bits = out.shape[0], out.shape[1], found.shape[1]
    all_found, all_out = found.reshape(-1), out.reshape(-1)
    for part in range(n // COLUMNS):
        at_sums = part * (n_bits // 4) * 16 * COLUMNS
        for i in range(n_rows):
            add_up(sums, all_found, all_out, at_sums, i * n_bits, n_bits // (4 * LANES), i * n + part * COLUMNS)


@cache
def layers(dtype: str) -> tuple[Callable, Callable]:
    """Make the Numba functions that sample the two layers, for rows in the order of places.

    Returns
    -------
    sample_hidden(b_from, b_to, x, b, m, first, k0, k1, d0, d1, bits, gains)
        Writes h ~ Bernoulli(sigmoid(b_to x + b)) to `bits`. Writes to `gains`, for each row,
        sum_j softplus(b_to x_j + b_j) - softplus(b_from x_j + b_j). A row has m units. `first` is the number of the
        first row within the draw.
    sample_visible(scale, x, b, m, first, k0, k1, d0, d1, bits)
        Writes v ~ Bernoulli(sigmoid(scale x + b)) to `bits`.
    """
    kind, exp_parts, _ = parts(dtype)
    uniform = exact_uniform(dtype)
    zero, one, per_word = kind(0), kind(1), kind(2.0**-32)
    margin = kind(1e-6 if dtype == "float32" else 1e-9)

    @numba_njit(**SMALL_FUNCTION)
    def exp_of_minus(x):
        """exp(-|x|). The order of operations is fixed, so equal values of b give equal sums."""
        scale, rest = exp_parts(-abs(x))
        return scale + scale * rest

    @numba_njit(fastmath=FASTMATH)
    def compare_hidden(b_from, b_to, x, b, words, bits, to, of, rise):
        """Compute the bits and the parts of the gain, and return how many bits are undecided.

        The gain uses log(1 + exp(l)) = max(l, 0) + log(1 + exp(-|l|)). With e = exp(-|l|), the bit u < sigmoid(l) is
        u (1 + e) < 1 if l > 0, and u (1 + e) < e otherwise.
        """
        undecided = zero
        for j in range(u64(bits.shape[0])):
            l_from, l_to = b_from * x[j] + b[j], b_to * x[j] + b[j]
            e = exp_of_minus(l_to)
            to[j], of[j] = one + e, one + exp_of_minus(l_from)
            # These comparisons propagate NaN.
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
        """Compute all bits of n rows exactly. This is rarely needed."""
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
        """The sum of the differences of softplus, from products of 1 + e and only a few logarithms."""
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
    def words_of_rows(start, stop, first, k0, k1, d0, d1, n, words):
        for i in range(start, stop):
            words_of_row(k0, k1, d0, d1, u32(first + i), n, words, (i - start) * n)

    @numba_njit
    def sample_hidden(b_from, b_to, x, b, m, first, k0, k1, d0, d1, bits, gains):
        n_rows, n = x.shape
        all_x, all_b, all_bits = x.reshape(-1), b.reshape(-1), bits.reshape(-1)
        at_once = max(1, AT_ONCE // max(1, n))
        words = np.empty(at_once * n, np.uint32)
        to, of, rise = np.empty(at_once * n, kind), np.empty(at_once * n, kind), np.empty(at_once * n, kind)
        for start in range(0, n_rows, at_once):
            stop = min(start + at_once, n_rows)
            words_of_rows(start, stop, first, k0, k1, d0, d1, n, words)
            begin, end = start * n, stop * n
            x_, b_, bits_ = all_x[begin:end], all_b[begin:end], all_bits[begin:end]
            if compare_hidden(b_from, b_to, x_, b_, words, bits_, to, of, rise) > 0:
                decide(b_to, x_, b_, m, stop - start, first + start, k0, k1, d0, d1, words, bits_)
            for i in range(start, stop):
                gains[i] = gain(to, of, rise, i * n - begin, i * n + n - begin)

    @numba_njit
    def sample_visible(scale, x, b, m, first, k0, k1, d0, d1, bits):
        n_rows, n = x.shape
        all_x, all_b, all_bits = x.reshape(-1), b.reshape(-1), bits.reshape(-1)
        at_once = max(1, AT_ONCE // max(1, n))
        words = np.empty(at_once * n, np.uint32)
        for start in range(0, n_rows, at_once):
            stop = min(start + at_once, n_rows)
            words_of_rows(start, stop, first, k0, k1, d0, d1, n, words)
            begin, end = start * n, stop * n
            x_, b_, bits_ = all_x[begin:end], all_b[begin:end], all_bits[begin:end]
            if compare_visible(scale, x_, b_, words, bits_) > 0:
                decide(scale, x_, b_, m, stop - start, first + start, k0, k1, d0, d1, words, bits_)

    return sample_hidden, sample_visible


@cache
def annealing(dtype: str) -> Callable:
    """Make the Numba function that runs the chains from start to stop through all temperatures.

    anneal_rows(start, stop, betas, rng_h, rng_v, v, log_w, W, bh, bv, sums_v, sums_h) changes rows start to stop of v
    (n, d) and of log_w (n,). sums_v and sums_h are the sums of fours of the two matrices.
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
    def anneal_rows(start, stop, betas, rng_h, rng_v, v, log_w, W, bh, bv, sums_v, sums_h):
        n, (d, m) = stop - start, W.shape
        bh_, bv_ = placed(bh, start, stop), placed(bv, start, stop)
        x, y = np.zeros(bh_.shape, kind), np.empty(bv_.shape, kind)  # v W and h W_back
        h_, v_ = np.empty(bh_.shape, np.uint32), np.zeros(bv_.shape, np.uint32)
        gains, places_v, places_h = np.empty(n), places_of(d), places_of(m)
        # A chain that starts at bits may continue another call. An undivided chain would use the sums of fours here.
        starts_at_bits = is_bits(v, start, stop)
        if starts_at_bits:
            for i in range(n):
                for j in range(d):
                    v_[i, places_v[j]] = u32(v[start + i, j])
        else:
            product = np.empty((n, m), kind)
            product_into(v[start:stop], W, product)
            for i in range(n):
                for j in range(m):
                    x[i, places_h[j]] = product[i, j]
        last = betas.shape[0] - 1
        for k in range(last + 1):
            if starts_at_bits or k:
                find_sums(v_)
                product_of_bits(sums_v, v_, x)
            # The weight of the previous step and the next h use the same exponentials. The last h has no v after it.
            b, b_next = betas[max(0, k - 1)], betas[k]
            d0, d1 = counted(rng_h, k)
            sample_hidden(b, b_next, x, bh_, m, start, rng_h[0], rng_h[1], d0, d1, h_, gains)
            if k:
                for i in range(n):
                    log_w[start + i] += gains[i]
            if k < last:
                find_sums(h_)
                product_of_bits(sums_h, h_, y)
                d0, d1 = counted(rng_v, k)
                sample_visible(b_next, y, bv_, d, start, rng_v[0], rng_v[1], d0, d1, v_)
                if k == last - 1:
                    for i in range(n):
                        for j in range(d):
                            v[start + i, j] = kind(v_[i, places_v[j]])

    return anneal_rows
