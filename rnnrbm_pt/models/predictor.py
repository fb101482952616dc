"""Predictions of unseen frames, and their accuracy."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from typing import Any

import numpy as np
import pytensor.tensor as pt

from rnnrbm_pt.checks import choice, integer
from rnnrbm_pt.evaluation import accuracy, prediction
from rnnrbm_pt.evaluation.estimate import Estimate
from rnnrbm_pt.evaluation.frames import draw_frames
from rnnrbm_pt.evaluation.prediction import Expect
from rnnrbm_pt.graphs.sequence_graphs import SequenceGraphs
from rnnrbm_pt.models.compiling import STEPS_OF_JAX, CompileSettings, locked
from rnnrbm_pt.models.generation import STARTS
from rnnrbm_pt.models.scorer import Scorer
from rnnrbm_pt.models.types import Rolls


class Predictor:
    """Predicts the frames of sequences with the graphs of a model. It does not change the model or advance its streams.

    Parameters
    ----------
    graphs : SequenceGraphs
    streams : str
        Kind of the predictor's own random streams; see `streams.registry`.
    compiling : CompileSettings
    scorer : Scorer
        Computes the states and biases that precede each frame.
    """

    def __init__(self, graphs: SequenceGraphs, streams: str, compiling: CompileSettings, scorer: Scorer) -> None:
        self.graphs, self.streams, self.compiling, self.scorer = graphs, streams, compiling, scorer

    def expected_accuracy(self, rolls: Rolls, *, missed: bool = True, **settings: Any) -> Estimate:
        """Estimate the expected frame-level accuracy of a sample of each frame, given the frames before it.

        With p_t = E[v_t | v_1, ..., v_{t-1}], the expected numbers of right, wrong and missing notes are

            TP = sum_t v_t.p_t,  FP = sum_t (1 - v_t).p_t,  FN = sum_t v_t.(1 - p_t)

        The accuracy is TP / (TP + FP + FN), one ratio over all frames. It is the measure of Bay, Ehmann and Downie,
        Evaluation of multiple-F0 estimation and tracking systems, ISMIR 2009, with expected counts. The accuracies in
        the paper of the RNN-RBM seem to be TP / (TP + FP); see `evaluation.paper`.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
            Sequences of 0/1 frames.
        missed : bool, default True
            Whether missing notes count. If False, the result is the expected precision, TP / (TP + FP).
        **settings
            n_samples, burn_in, n_average, start, n_frames, seed: see `accuracy_and_precision`.

        Returns
        -------
        Estimate
            Accuracy from 0 to 1. Its `standard_error` is the error of the random draws.

        Raises
        ------
        ValueError
            If a roll or a number is invalid, there are no frames or fewer than `n_frames`, or the frames are real
            numbers.

        Notes
        -----
        p_t is estimated as in `predict_next`. For an RNN-NADE the estimate has no bias, because its samples are exact.
        For a model of RBMs it can depend on the start of the Gibbs chains, if `burn_in` steps are too few to forget it.
        `settled_accuracy` finds a sufficient number of steps.

        Examples
        --------
        >>> accuracy = model.expected_accuracy(rolls, n_frames=500)
        >>> float(accuracy), accuracy.standard_error
        """
        found, precision = self.accuracy_and_precision(rolls, **settings)
        return found if missed else precision

    @locked
    def accuracy_and_precision(
        self,
        rolls: Rolls,
        *,
        n_samples: int = 10,
        burn_in: int = 25,
        n_average: int = 25,
        start: str = "zeros",
        n_frames: int | None = None,
        seed: int = 1,
    ) -> tuple[Estimate, Estimate]:
        """Estimate `expected_accuracy` with and without missing notes, from the same samples.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
            Sequences of 0/1 frames.
        n_samples : int, default 10
            Gibbs chains or samples per frame, at least 2.
        burn_in, n_average : int, default 25
            See `predict_next`.
        start : {"zeros", "previous"}, default "zeros"
            Start of the Gibbs chains: an empty frame, or the previous frame.
        n_frames : int, optional
            Number of frames to choose at random. The default is all frames.
        seed : int, default 1
            Seed of the draws and of the choice of frames.

        Returns
        -------
        accuracy, precision : Estimate
            From 0 to 1.

        Raises
        ------
        ValueError
            As in `expected_accuracy`.
        """
        chosen, n_total = draw_frames(rolls, n_frames, seed)
        return self._accuracy(self._observed(rolls, chosen), n_total, n_samples, burn_in, n_average, start, seed)

    @locked
    def settled_accuracy(
        self, rolls: Rolls, *, n_samples: int = 10, most: int = 3200, n_frames: int | None = None, seed: int = 1
    ) -> accuracy.Settled:
        """Estimate the expected accuracy with Gibbs chains that are long enough to forget their start.

        The chains start at an empty frame and at the previous frame. Their length is doubled, from 25 steps on, until
        both starts give the same accuracy; see `evaluation.accuracy.Settled`. The search for the length uses at most
        500 frames. The accuracy of all requested frames is then estimated with chains of that length from an empty
        frame. A NADE needs no chains.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
            Sequences of 0/1 frames.
        n_samples, n_frames, seed
            See `accuracy_and_precision`.
        most : int, default 3200
            Largest number of Gibbs steps to try, at least 25.

        Returns
        -------
        Settled
            Accuracy, precision, the number of steps, and whether the two starts agreed.

        Raises
        ------
        ValueError
            As in `expected_accuracy`.
        """
        chosen, n_total = draw_frames(rolls, n_frames, seed)
        if self.graphs.free_energy is None:
            both = self._accuracy(self._observed(rolls, chosen), n_total, n_samples, 0, 1, "zeros", seed)
            return accuracy.Settled(*both, 0, True, both[0], both[0])
        n_frames = sum(int(which.sum()) for which in chosen)
        some = min(accuracy.FRAMES_TO_SETTLE, n_frames)
        observed = list(self._observed(rolls, draw_frames(rolls, some, seed)[0]))  # once, not for each attempt

        @cache  # `some` may be all frames: then do not measure twice
        def measure(n_steps: int, start: str, frames: int, out_of: int) -> tuple[Estimate, Estimate]:
            n_average = max(accuracy.FEWEST, n_steps // 4)
            found = observed if frames == some else self._observed(rolls, chosen)
            return self._accuracy(found, out_of, n_samples, n_steps, n_average, start, seed)

        n_steps, agrees, one, other = accuracy.settle(
            lambda n_steps, start: measure(n_steps, start, some, some)[0], integer("most", most, accuracy.FEWEST)
        )
        return accuracy.Settled(*measure(n_steps, "zeros", n_frames, n_total), n_steps, agrees, one, other)

    @locked
    def predict_next(
        self, roll: np.ndarray, *, n_samples: int = 10, burn_in: int = 25, n_average: int = 25, seed: int = 1
    ) -> np.ndarray:
        """Estimate the expected value of each frame given the frames before it, E[v_t | v_1, ..., v_{t-1}].

        For binary units the expected values are the probabilities of the notes.

        Parameters
        ----------
        roll : array, shape (n_steps, n_visible)
            Sequence of frames.
        n_samples : int, default 10
            Gibbs chains (RBMs) or exact samples (NADE) per frame. The error falls with the square root of this number.
        burn_in : int, default 25
            Gibbs steps before averaging. The bias of a chain that remembers its start falls with this number.
        n_average : int, default 25
            Gibbs steps to average over.
        seed : int, default 1
            Seed of the draws. The model's streams do not change, and one seed always gives the same result.

        Returns
        -------
        array of floatX, shape (n_steps, n_visible)
            Expected frames. Row t does not depend on roll[t:].

        Raises
        ------
        ValueError
            If the roll or a number is invalid.

        Notes
        -----
        For a model of RBMs, the estimate is the mean of E[v | h] over `n_average` steps of chains that start at zeros,
        as in generation. For an RNN-NADE it is the mean of p(v_i | v_<i) over exact samples.

        Examples
        --------
        >>> p = model.predict_next(roll)
        >>> p[10]  # probabilities of the notes of frame 10, given frames 0 to 9
        """
        n_samples, n_average = integer("n_samples", n_samples, 1), integer("n_average", n_average, 1)
        weights = prediction.averaging_weights(integer("burn_in", burn_in, 0), n_average, self.compiling.floatX)
        if not len(roll):
            return roll.astype(self.compiling.floatX)
        _, bv_t, bh_t, *_ = self.scorer.observe(roll)
        expect = self._expectation_from(seed)
        with self.compiling.bounded_threads():
            return prediction.predict_next(expect, bv_t, bh_t, weights, n_samples)

    def _accuracy(
        self,
        observed: Iterable[tuple[np.ndarray, ...]],
        n_total: int,
        n_samples: int,
        burn_in: int,
        n_average: int,
        start: str,
        seed: int,
    ) -> tuple[Estimate, Estimate]:
        """The accuracy and the precision of observed frames, out of n_total frames."""
        if self.scorer.visible == "gaussian":
            raise ValueError("expected_accuracy: expected binary visible units, found Gaussian ones")
        n_samples, n_average = integer("n_samples", n_samples, 2), integer("n_average", n_average, 1)
        weights = prediction.averaging_weights(integer("burn_in", burn_in, 0), n_average, self.compiling.floatX)
        if choice("start", start, STARTS) == "zeros":
            observed = ((bv, bh, v, np.zeros_like(v)) for bv, bh, v, _ in observed)
        with self.compiling.bounded_threads():
            return accuracy.accuracy_and_precision(
                self._expectation_from(seed),
                observed,
                weights,
                n_total,
                n_samples=n_samples,
                dtype=self.compiling.floatX,
                padded=self.compiling.backend == "jax",
            )

    def _observed(self, rolls: Rolls, chosen: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield bv_t, bh_t, v_t and the frame before it for the chosen frames of each roll."""
        for roll, which in zip(rolls, chosen, strict=True):
            if which.any():
                _, bv_t, bh_t, *_ = self.scorer.observe(roll)
                previous = np.zeros_like(roll)
                previous[1:] = roll[:-1]
                yield tuple(np.asarray(x)[which] for x in (bv_t, bh_t, roll, previous))

    @cached_property
    def _expectation(self) -> Any:
        streams = self.compiling.rbm_streams(self.streams, 1)
        with self.compiling.float_variables():
            bv, bh, v, total = (pt.matrix(name) for name in ("bv", "bh", "v", "total"))
            inputs = {"bv": bv, "bh": bh, "weights": pt.vector("weights"), "v": v, "total": total}
            expected_visible: Any = self.graphs.expected_visible
            total, end, updates = expected_visible(**inputs, rngs=streams)
        return self.compiling.function(list(inputs.values()), [total, end], updates), streams

    def _expectation_from(self, seed: int) -> Expect:
        """The compiled estimate of E[v] under given biases, with its streams reset to a seed."""
        function, streams = self._expectation
        self.compiling.restart(streams, self.streams, seed)

        def expect(bv: np.ndarray, bh: np.ndarray, weights: np.ndarray, v: np.ndarray) -> np.ndarray:
            total = np.zeros_like(bv)
            whole = self.graphs.free_energy is None  # a NADE draws a sample in one step
            for steps in [slice(0, len(weights))] if whole else self.compiling.pieces(len(weights), STEPS_OF_JAX):
                total, v = function(bv, bh, weights[steps], v, total)
            return total

        return expect
