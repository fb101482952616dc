"""The words of Philox on Numba are those of NumPy."""

import numpy as np
import pytest
from numba import njit

from rnnrbm_pt.compile.dispatch.numba import philox_kernels as kernels
from rnnrbm_pt.streams import philox4x32

STATE = np.array([3, 5, 2**32 - 2, 7], np.uint32)


@njit
def words_of_rows(state, n, q):
    words = np.empty(n * 4 * q + spare, np.uint32)
    for row in range(n):
        words_of_row(state[0], state[1], state[2], state[3], np.uint32(row), q, words, row * 4 * q)
    return words


@njit
def each_word(state, n, m):
    q = (m + 3) // 4
    words = np.empty((n, m), np.uint32)
    for row in range(n):
        for j in range(m):
            words[row, j] = word(state[0], state[1], state[2], state[3], np.uint32(row), j, q)
    return words


@njit
def each_uniform(state, words, uniform):
    n, m = words.shape
    uniforms = np.empty((n, m))
    for row in range(n):
        for j in range(m):
            uniforms[row, j] = uniform(
                words[row, j], state[0], state[1], state[2], state[3], np.uint32(row), j, (m + 3) // 4
            )
    return uniforms


@njit
def after(state, n):
    return advanced(state, n)


words_of_row, word, advanced, spare = kernels.words_of_row, kernels.word, kernels.advanced, kernels.SPARE


@pytest.mark.parametrize("q", [1, 7, 8, 14, 15, 16, 17, 22, 38, 40])
def test_the_words_of_a_draw(q):
    expected = philox4x32.words(STATE, (3, 4 * q))
    words = words_of_rows(STATE, 3, q)[: 12 * q].reshape(3, 4 * q)
    # Numba writes word k of counter c to place k q + c, which is the order of the bits.
    np.testing.assert_array_equal(words, expected)


@pytest.mark.parametrize("m", [1, 6, 45])
def test_one_word_and_its_uniform_number(m):
    words = each_word(STATE, 3, m)
    np.testing.assert_array_equal(words, philox4x32.words(STATE, (3, m)))
    for dtype in ("float64", "float32"):
        uniforms = each_uniform(STATE, words, kernels.exact_uniform(dtype))
        np.testing.assert_array_equal(uniforms, philox4x32.uniforms(STATE, (3, m), dtype))


@pytest.mark.parametrize("state", [STATE, np.array([1, 2, 2**32 - 1, 2**31 - 1], np.uint32)])
def test_the_count_of_draws_carries(state):
    expected = state
    for n in range(4):
        np.testing.assert_array_equal(after(state, n), expected)
        expected = philox4x32.next_draw(expected)
