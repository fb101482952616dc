"""Baselines: simple models of sequences of notes to compare `score` and `expected_accuracy` with.

A baseline learns from training sequences in closed form. For each frame it gives the log-likelihood given the earlier
frames, and E[v_t | v_1, ..., v_{t-1}]. In all baselines the probabilities of all possible frames sum to 1.

The note 1-gram is that of Boulanger-Lewandowski, Bengio and Vincent (ICML 2012, table 1). So is the chord 1-gram
("add-p"), except for the choice of p. `PreviousFrame` is not their "previous + Gaussian".
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

Rolls = Sequence[np.ndarray]
"""Sequences of uint8, shape (n_steps, n_visible)."""


def bernoulli_log_likelihood(v: np.ndarray, p: ArrayLike) -> np.ndarray:
    """log p(v) of independent notes, sum_i log(v_i p_i + (1 - v_i) (1 - p_i)).

    Parameters
    ----------
    v, p : arrays, shape (..., n_visible)
        Frames of 0 and 1, and the probabilities of the notes, strictly between 0 and 1.

    Returns
    -------
    array of float64, shape (...)
        In nats.
    """
    return np.where(v, np.log(p), np.log1p(-np.asarray(p))).sum(axis=-1)


def add_one(n_on: ArrayLike, n: ArrayLike) -> np.ndarray:
    """Probability of an event that occurred n_on times out of n, by Laplace's rule: (n_on + 1) / (n + 2)."""
    return np.add(n_on, 1) / np.add(n, 2)


def count_on(rolls: Iterable[np.ndarray], n_visible: int) -> np.ndarray:
    """Number of frames in which each note is on, shape (n_visible,)."""
    return sum((roll.sum(axis=0, dtype=np.int64) for roll in rolls), np.zeros(n_visible, np.int64))


class FairCoins:
    """Each note is on with probability 1/2: -n_visible log 2 nats per frame, or -61.00 for 88 notes."""

    name = "random"

    def __init__(self, rolls: Rolls | None, n_visible: int) -> None:
        self.p = np.full(n_visible, 0.5)

    def expected(self, roll: np.ndarray) -> np.ndarray:
        """E[v_t | v_1, ..., v_{t-1}], shape (n_steps, n_visible). Row t does not depend on roll[t:]."""
        return np.broadcast_to(self.p, roll.shape)

    def log_likelihoods(self, roll: np.ndarray) -> np.ndarray:
        """log p(v_t | v_1, ..., v_{t-1}) of each frame, shape (n_steps,), in nats."""
        return bernoulli_log_likelihood(roll, self.p)


class NoteFrequencies(FairCoins):
    """The note 1-gram: each note is on with p = (n_on + 1) / (n_frames + 2), independent of the past."""

    name = "note 1-gram"

    def __init__(self, rolls: Rolls, n_visible: int) -> None:
        self.p = add_one(count_on(rolls, n_visible), sum(map(len, rolls)))


class ChordFrequencies(FairCoins):
    """The chord 1-gram: whole frames have their frequencies in the training data, independent of the past.

        p(v) = (1 - m) n(v) / n_frames + m / 2^n_visible

    This equals (n(v) + p) / (n_frames + p 2^n_visible), the paper's "add-p", with the smoothing written as the total
    mass m that all possible frames share. m is the fraction of training frames that occur once,
    (n_once + 1) / (n_frames + 2). Apart from the 1 and the 2, this m best predicts each training frame from all others.
    """

    name = "chord 1-gram"

    def __init__(self, rolls: Rolls, n_visible: int) -> None:
        self.counts = Counter(chord for roll in rolls for chord in chords(roll))
        self.n_frames, self.n_visible = self.counts.total(), n_visible
        self.mass = add_one(sum(n == 1 for n in self.counts.values()), self.n_frames)
        n_on = count_on(rolls, n_visible)
        self.p = (1 - self.mass) * n_on / max(1, self.n_frames) + self.mass / 2

    def log_likelihoods(self, roll: np.ndarray) -> np.ndarray:
        """log p(v_t) of each frame, shape (n_steps,), in nats."""
        seen = np.array([self.counts[chord] for chord in chords(roll)], dtype=np.float64)
        return np.log((1 - self.mass) * seen / max(1, self.n_frames) + self.mass * 2.0**-self.n_visible)


def chords(roll: np.ndarray) -> Iterator[bytes]:
    """The frames of a roll, packed into bytes so that they can be counted."""
    return map(bytes, np.packbits(roll, axis=1))


class PreviousFrame(FairCoins):
    """Persistence: each note depends only on whether it was on in the previous frame.

    For each note, p(on | on) and p(on | off) are estimated from all pairs of successive training frames, by Laplace's
    rule. The first frame of a sequence has the probabilities of the note 1-gram.
    """

    name = "previous frame"

    def __init__(self, rolls: Rolls, n_visible: int) -> None:
        self.first = NoteFrequencies(rolls, n_visible).p
        on = count_on((roll[:-1] for roll in rolls), n_visible)
        stayed = count_on((roll[:-1] & roll[1:] for roll in rolls), n_visible)
        came = count_on((roll[1:] for roll in rolls), n_visible) - stayed
        n_pairs = sum(max(0, len(roll) - 1) for roll in rolls)
        self.on_after_on, self.on_after_off = add_one(stayed, on), add_one(came, n_pairs - on)

    def expected(self, roll: np.ndarray) -> np.ndarray:
        """E[v_t | v_{t-1}], shape (n_steps, n_visible)."""
        p = np.where(roll[:-1], self.on_after_on, self.on_after_off)
        return np.concatenate([self.first[None], p])[: len(roll)]

    def log_likelihoods(self, roll: np.ndarray) -> np.ndarray:
        """log p(v_t | v_{t-1}) of each frame, shape (n_steps,), in nats."""
        return bernoulli_log_likelihood(roll, self.expected(roll))


BASELINES: tuple[type[FairCoins], ...] = FairCoins, NoteFrequencies, ChordFrequencies, PreviousFrame
"""All baselines. Each class takes training sequences and the number of notes."""


class Baseline(NamedTuple):
    """Result of a baseline: log-likelihood in nats per frame, and expected accuracy from 0 to 1."""

    name: str
    log_likelihood: float
    expected_accuracy: float


def scored(model: FairCoins, rolls: Rolls) -> Baseline:
    """Log-likelihood per frame and expected accuracy of a baseline. All frames have the same weight.

    The accuracy is sum_t TP / sum_t (TP + FP + FN), with the counts expected under E[v_t | v_1, ..., v_{t-1}]. This is
    the models' `expected_accuracy`, but exact.

    Parameters
    ----------
    model : object of a class in `BASELINES`
    rolls : list of arrays of uint8, shape (n_steps, n_visible)

    Returns
    -------
    Baseline

    Raises
    ------
    ValueError
        If there are no frames.
    """
    total = hits = unions = 0.0
    n_frames = sum(map(len, rolls))
    if not n_frames:
        raise ValueError("rolls: expected frames, found none")
    for roll in rolls:
        p = model.expected(roll)
        total += model.log_likelihoods(roll).sum()
        hits += (roll * p).sum()
        unions += (roll + p - roll * p).sum()
    return Baseline(model.name, float(total / n_frames), float(hits / unions))


def baselines(rolls: Rolls, training: Rolls | None = None) -> list[Baseline]:
    """Score the baselines on given sequences.

    Parameters
    ----------
    rolls : list of arrays of uint8, shape (n_steps, n_visible)
        Values of 0 and 1; this is not checked.
    training : list of such arrays, optional
        Sequences to learn from. Without them, only `FairCoins` is scored, which needs no training.

    Returns
    -------
    list of Baseline

    Raises
    ------
    ValueError
        If one of the lists has no frames, or the widths of the rolls differ.
    """
    widths = {roll.shape[1] for roll in (*rolls, *(training or []))}
    if len(widths) != 1:
        raise ValueError(f"rolls: expected rolls of the same width, found widths {sorted(widths) or 'of no rolls'}")
    (n_visible,) = widths
    if training is not None and not sum(map(len, training)):
        raise ValueError("training: expected frames, found none")
    if training is None:
        return [scored(FairCoins(None, n_visible), rolls)]
    return [scored(kind(training, n_visible), rolls) for kind in BASELINES]
