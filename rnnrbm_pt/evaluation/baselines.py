"""Simple models of sequences of notes, to compare the numbers of `score` and `expected_accuracy` with.

Each learns in closed form from training sequences, and gives for each frame its log-likelihood given the frames before,
and E[v_t | v_1, ..., v_{t-1}]. All models are proper: the probabilities of all possible frames sum to 1.

The note 1-gram is that of Boulanger-Lewandowski, Bengio and Vincent (ICML 2012, table 1), and so is the chord 1-gram
("add-p"), except how p is chosen. Their "previous + Gaussian" is not `PreviousFrame`, whose definition is its own.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

Rolls = Sequence[np.ndarray]
"""Sequences of uint8, shape (n_steps, n_visible)."""


def bernoulli_log_likelihood(v: np.ndarray, p: ArrayLike) -> np.ndarray:
    """log p(v) of independent notes: sum_i log(v_i p_i + (1 - v_i) (1 - p_i)).

    Parameters
    ----------
    v, p : arrays, shape (..., n_visible)
        Frames of 0 and 1, and the probability of each note, strictly between 0 and 1.

    Returns
    -------
    array of float64, shape (...)
        In nats.
    """
    return np.where(v, np.log(p), np.log1p(-np.asarray(p))).sum(axis=-1)


def add_one(n_on: ArrayLike, n: ArrayLike) -> np.ndarray:
    """The probability of an event that occurred n_on times out of n, by Laplace's rule: (n_on + 1) / (n + 2)."""
    return np.add(n_on, 1) / np.add(n, 2)


def count_on(rolls: Iterable[np.ndarray], n_visible: int) -> np.ndarray:
    """Number of frames in which each note is on, shape (n_visible,)."""
    return sum((roll.sum(axis=0, dtype=np.int64) for roll in rolls), np.zeros(n_visible, np.int64))


class FairCoins:
    """Every note is a fair coin: -n_visible log 2 nats per frame, -61.00 for 88 notes. Nothing is learned."""

    name = "random"

    def __init__(self, rolls: Rolls | None, n_visible: int) -> None:
        self.p = np.full(n_visible, 0.5)

    def expected(self, roll: np.ndarray) -> np.ndarray:
        """E[v_t | v_1, ..., v_{t-1}], shape (n_steps, n_visible): row t does not depend on roll[t:]."""
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
    """The chord 1-gram: each frame as a whole is as frequent as in training, independent of the past.

        p(v) = (1 - m) n(v) / n_frames + m / 2^n_visible

    This is (n(v) + p) / (n_frames + p 2^n_visible), with p written as the mass m that all possible frames share. The
    mass is that of the frames that occur once in training, (n_once + 1) / (n_frames + 2). Except for the 1 and the 2,
    this mass predicts each training frame best from all the others.
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
    """The frames of a roll, packed into bytes, which can be counted."""
    return map(bytes, np.packbits(roll, axis=1))


class PreviousFrame(FairCoins):
    """Persistence: each note depends on whether it was on in the frame before, as often as in training.

    p(on | on) and p(on | off) of each note are estimated from all pairs of neighbouring frames, by Laplace's rule.
    The first frame of a sequence has the note 1-gram's probabilities.
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
"""All simple models; each is made from training sequences and a number of notes."""


class Baseline(NamedTuple):
    """Result of a simple model: nats per frame, and expected accuracy from 0 to 1."""

    name: str
    log_likelihood: float
    expected_accuracy: float


def scored(model: FairCoins, rolls: Rolls) -> Baseline:
    """The log-likelihood per frame and the expected accuracy of a simple model; all frames have the same weight.

    The accuracy is sum_t TP / sum_t (TP + FP + FN) with the counts expected under E[v_t | v_1, ..., v_{t-1}], as
    `expected_accuracy` of the models defines it; here it is exact.

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
    """Score simple models on given sequences.

    Parameters
    ----------
    rolls : list of arrays of uint8, shape (n_steps, n_visible)
        Of 0 and 1, which is not checked.
    training : list of such arrays, optional
        Sequences to learn from. Without them, only the model that learns nothing is scored.

    Returns
    -------
    list of Baseline

    Raises
    ------
    ValueError
        If one of the lists has no frames, or widths differ.
    """
    widths = {roll.shape[1] for roll in (*rolls, *(training or []))}
    if len(widths) != 1:
        raise ValueError(f"rolls: expected one number of notes in all of them, found {sorted(widths) or 'no rolls'}")
    (n_visible,) = widths
    if training is not None and not sum(map(len, training)):
        raise ValueError("training: expected frames, found none")
    if training is None:
        return [scored(FairCoins(None, n_visible), rolls)]
    return [scored(kind(training, n_visible), rolls) for kind in BASELINES]
