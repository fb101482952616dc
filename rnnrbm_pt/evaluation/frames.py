"""Which frames to score, and how they are put into blocks that compiled functions take."""

import numpy as np

from rnnrbm_pt.checks import integer, seed_number

ROWS = 2048
"""Chains that run side by side: several of each frame, of as many frames as that makes."""


def frames_per_block(n_chains):
    """Number of frames whose chains run side by side."""
    return max(1, ROWS // n_chains)


def repeated(n, *arrays, dtype, padded=False):
    """Each row n times, one for each chain.

    Parameters
    ----------
    n : int
    *arrays : arrays, shape (n_frames, ...)
    dtype : str
    padded : bool
        Whether to append rows of zeros up to those of a full block, for JAX, which compiles for fixed shapes.

    Returns
    -------
    list of arrays of dtype, shape (n_frames * n, ...)
    """
    rows = [np.repeat(x, n, axis=0).astype(dtype) for x in arrays]
    if padded:
        rows = [np.pad(x, ((0, frames_per_block(n) * n - len(x)), (0, 0))) for x in rows]
    return rows


def in_blocks(pieces, size):
    """Put arrays together and cut them anew.

    Parameters
    ----------
    pieces : iterable of tuples of arrays
        In each tuple of one length.
    size : int

    Yields
    ------
    tuple of arrays
        Of length `size`; the last ones of what is left.
    """
    rest = None
    for piece in pieces:
        rest = piece if rest is None else tuple(np.concatenate(pair) for pair in zip(rest, piece, strict=True))
        while len(rest[0]) >= size:
            yield tuple(x[:size] for x in rest)
            rest = tuple(x[size:] for x in rest)
    if rest is not None and len(rest[0]):
        yield rest


def draw_frames(rolls, n_frames, seed):
    """Which frames of rolls to look at: all, or `n_frames` drawn without replacement.

    Returns
    -------
    list of bool arrays, shape (n_steps,)
    int
        Of all frames.

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
            raise ValueError(f"n_frames: expected 1 to {n_total}, the frames that there are, found {n_frames}")
        chosen[:] = False
        chosen[np.random.default_rng(seed_number(seed)).choice(n_total, n_frames, replace=False)] = True
    return np.split(chosen, np.cumsum(lengths)[:-1]), n_total
