"""Persistent chains: the Gibbs chain of each training frame continues from where it ended in the previous epoch.

This is persistent contrastive divergence (PCD): Tieleman, Training restricted Boltzmann machines using approximations
to the likelihood gradient, ICML 2008. In the paper one RBM has several chains. Here each frame has an RBM with its own
biases, and by default its own chain. The state of a chain, a particle, is a binary frame, stored as packed bits. The
170,000 training frames of Nottingham, with 88 notes each, take 2 MB.
"""

from collections.abc import Sequence

import numpy as np

from rnnrbm_pt.models.types import Model
from rnnrbm_pt.training.settings import Run


def first_particles(rolls: Sequence[np.ndarray], run: Run) -> np.ndarray | None:
    """The particles at the start of a run: the training frames themselves, so that the first epoch is that of CD-k.

    CD-k is contrastive divergence with k Gibbs steps.

    Parameters
    ----------
    rolls : list of arrays, shape (n_steps, n_visible)
    run : Run

    Returns
    -------
    array of uint8, shape (n_particles, (n_visible + 7) // 8), or None
        None if the chains are not persistent. If frames share the chains, the first frames are used.
    """
    if not run.persistent:
        return None
    frames = np.concatenate([np.asarray(roll) for roll in rolls])
    return np.packbits(frames[: run.n_particles] > 0, axis=1)


def check_chains(model: Model, run: Run) -> None:
    """Check that the model has Gibbs chains of binary units, if they are to be persistent; a ValueError otherwise."""
    if run.persistent and (model.graphs.free_energy is None or model.real_valued):
        raise ValueError("persistent: expected a model of RBMs with binary visible units, found another model")


def check_particles(particles: np.ndarray | None, rolls: Sequence[np.ndarray], run: Run) -> None:
    """Check that the particles of a continued run match its frames in number and width.

    Raises
    ------
    ValueError
        If they do not match.
    """
    if not run.persistent:
        return
    n_frames, n_visible = sum(map(len, rolls)), rolls[0].shape[1]
    shape = min(n_frames, run.n_particles or n_frames), (n_visible + 7) // 8
    found = None if particles is None else particles.shape
    if found != shape:
        raise ValueError(f"particles: expected an array of shape {shape}, found {'none' if found is None else found}")


def starts(particles: np.ndarray, rows: Sequence[np.ndarray], n_visible: int) -> list[np.ndarray]:
    """The frames at which the chains of windows start.

    Parameters
    ----------
    particles : array of uint8
    rows : sequence of integer arrays
        Numbers of the particles of each window's frames.
    n_visible : int

    Returns
    -------
    list of arrays of uint8, shape (n_steps, n_visible)
    """
    return [np.unpackbits(particles[row], axis=1, count=n_visible) for row in rows]


def put_ends(particles: np.ndarray, rows: Sequence[np.ndarray], ends: np.ndarray) -> None:
    """Store the ends of the chains of windows.

    Parameters
    ----------
    particles : array of uint8
        Changed in place. If several frames share a particle, the last frame's chain is stored.
    rows : sequence of integer arrays
        Numbers of the particles of each window's frames.
    ends : array, shape (n_steps, n_sequences, n_visible)
        Ends of the chains, for windows side by side. The padding of shorter windows is ignored.
    """
    for i, row in enumerate(rows):
        particles[row] = np.packbits(ends[: len(row), i] > 0, axis=1)
