"""Choose the frames to score, and cut them into blocks for compiled functions."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rnnrbm_pt.checks import integer, seed_number

ROWS = 2048
"""Number of chains that run in parallel, over several frames with several chains each."""


def frames_per_block(n_chains: int) -> int:
    """Number of frames whose chains run in parallel."""
    return max(1, ROWS // n_chains)


def repeated(n: int, *arrays: np.ndarray, dtype: str, padded: bool = False) -> list[np.ndarray]:
    """Repeat each row n times, once per chain.

    Parameters
    ----------
    n : int
    *arrays : arrays, shape (n_frames, ...)
    dtype : str
    padded : bool
        Whether to append rows of zeros to fill a block. JAX needs this, since it compiles for fixed shapes.

    Returns
    -------
    list of arrays of dtype, shape (n_frames * n, ...)
    """
    rows = [np.repeat(x, n, axis=0).astype(dtype) for x in arrays]
    if padded:
        rows = [np.pad(x, ((0, frames_per_block(n) * n - len(x)), (0, 0))) for x in rows]
    return rows


def in_blocks(pieces: Iterable[tuple[np.ndarray, ...]], size: int) -> Iterator[tuple[np.ndarray, ...]]:
    """Join arrays and cut them into blocks of equal length.

    Parameters
    ----------
    pieces : iterable of tuples of arrays
        All arrays of a tuple have the same length.
    size : int

    Yields
    ------
    tuple of arrays
        Blocks of length `size`; the last block may be shorter.
    """
    rest = None
    for piece in pieces:
        rest = piece if rest is None else tuple(np.concatenate(pair) for pair in zip(rest, piece, strict=True))
        while len(rest[0]) >= size:
            yield tuple(x[:size] for x in rest)
            rest = tuple(x[size:] for x in rest)
    if rest is not None and len(rest[0]):
        yield rest


def draw_frames(rolls: Sequence[np.ndarray], n_frames: int | None, seed: int) -> tuple[list[NDArray[np.bool_]], int]:
    """Choose all frames of rolls, or `n_frames` frames drawn without replacement.

    Returns
    -------
    list of bool arrays, shape (n_steps,)
        True for each chosen frame.
    int
        Total number of frames.

    Raises
    ------
    ValueError
        If there are no frames, or fewer than `n_frames`.
    """
    lengths = [len(roll) for roll in rolls]
    n_total = sum(lengths)
    if not n_total:
        raise ValueError("rolls: expected frames, found none")
    chosen = np.ones(n_total, dtype=bool)
    if n_frames is not None:
        n_frames = integer("n_frames", n_frames)
        if not 1 <= n_frames <= n_total:
            raise ValueError(f"n_frames: expected 1 to {n_total}, the total number of frames, found {n_frames}")
        chosen[:] = False
        chosen[np.random.default_rng(seed_number(seed)).choice(n_total, n_frames, replace=False)] = True
    return np.split(chosen, np.cumsum(lengths)[:-1]), n_total
