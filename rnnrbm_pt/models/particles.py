"""Persistent chains: where the Gibbs chain of each training frame ended, for its next chain to start from.

Tieleman, Training restricted Boltzmann machines using approximations to the likelihood gradient, ICML 2008 (PCD). There
one RBM has some chains. Here each frame has an RBM of its own biases, and by default a chain of its own. A particle is
a binary frame, kept as packed bits: Nottingham's 170,000 training frames of 88 notes take 2 MB.
"""

from collections.abc import Sequence

import numpy as np

from rnnrbm_pt.models.types import Model
from rnnrbm_pt.training.settings import Run


def first_particles(rolls: Sequence[np.ndarray], run: Run) -> np.ndarray | None:
    """The particles at the beginning of a run: the frames themselves, so that its first epoch is that of CD-k.

    Parameters
    ----------
    rolls : list of arrays, shape (n_steps, n_visible)
    run : Run

    Returns
    -------
    array of uint8, shape (n_particles, (n_visible + 7) // 8), or None
        None where chains are not persistent. Shared particles are the first frames.
    """
    if not run.persistent:
        return None
    frames = np.concatenate([np.asarray(roll) for roll in rolls])
    return np.packbits(frames[: run.n_particles] > 0, axis=1)


def check_chains(model: Model, run: Run) -> None:
    """Check that a model has Gibbs chains of bits, if they are to be persistent; a ValueError otherwise."""
    if run.persistent and ("k" not in model.settings or model.real_valued):
        raise ValueError("persistent: expected a model of RBMs with binary visible units, found another one")


def check_particles(particles: np.ndarray | None, rolls: Sequence[np.ndarray], run: Run) -> None:
    """Check that the particles of a run that goes on are as many and as wide as its frames ask for.

    Raises
    ------
    ValueError
    """
    if not run.persistent:
        return
    n_frames, n_visible = sum(map(len, rolls)), rolls[0].shape[1]
    shape = min(n_frames, run.n_particles or n_frames), (n_visible + 7) // 8
    found = None if particles is None else particles.shape
    if found != shape:
        raise ValueError(f"particles: expected an array of shape {shape}, found {'none' if found is None else found}")


def starts(particles: np.ndarray, rows: Sequence[np.ndarray], n_visible: int) -> list[np.ndarray]:
    """The frames where the chains of windows start.

    Parameters
    ----------
    particles : array of uint8
    rows : sequence of integer arrays
        Numbers of the particles of the frames of each window.
    n_visible : int

    Returns
    -------
    list of arrays of uint8, shape (n_steps, n_visible)
    """
    return [np.unpackbits(particles[row], axis=1, count=n_visible) for row in rows]


def put_ends(particles: np.ndarray, rows: Sequence[np.ndarray], ends: np.ndarray) -> None:
    """Keep where the chains of windows ended.

    Parameters
    ----------
    particles : array of uint8
        Changed in place. Of several frames that share a particle, the last one leaves its end.
    rows : sequence of integer arrays
    ends : array, shape (n_steps, n_sequences, n_visible)
        Of windows side by side; what fills up the shorter ones is left out.
    """
    for i, row in enumerate(rows):
        particles[row] = np.packbits(ends[: len(row), i] > 0, axis=1)
