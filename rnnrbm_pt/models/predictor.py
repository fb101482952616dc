"""What a model expects of frames that it has not seen, and how accurate that is."""

from collections.abc import Iterator, Sequence
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
    """Predicts sequences by the graphs of a model. It changes no model and advances no streams but its own.

    Parameters
    ----------
    graphs : SequenceGraphs
    streams : str
        Kind of the random streams, see `streams.registry`.
    compiling : CompileSettings
    scorer : Scorer
        What observes sequences.
    """

    def __init__(self, graphs: SequenceGraphs, streams: str, compiling: CompileSettings, scorer: Scorer) -> None:
        self.graphs, self.streams, self.compiling, self.scorer = graphs, streams, compiling, scorer

    def expected_accuracy(self, rolls: Rolls, *, missed: bool = True, **settings: Any) -> Estimate:
        """The expected frame-level accuracy of a sample of each next frame, given those before it.

        With p_t = E[v_t | v_1, ..., v_{t-1}], the expected counts of notes that are right, wrong and missing are

            TP = sum_t v_t.p_t,  FP = sum_t (1 - v_t).p_t,  FN = sum_t v_t.(1 - p_t)

        and the accuracy is TP / (TP + FP + FN), one ratio for all frames (Bay, Ehmann and Downie, Evaluation of
        multiple-F0 estimation and tracking systems, ISMIR 2009, whose counts are not expected ones). The accuracies of
        the paper are TP / (TP + FP), by all that can be seen; see `evaluation.paper`.

        p_t is estimated as by `predict_next`, so it is never exact. For an RNN-NADE the estimate has no bias, because
        its samples are exact. For RBMs it depends on what their Gibbs chains still remember of their start after
        `burn_in` steps. `settled_accuracy` finds out how many steps it takes to forget it.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
        missed : bool
            Whether notes that are missing count. Without, it is the expected precision, TP / (TP + FP).
        **settings
            n_samples, burn_in, n_average, start, n_frames, seed: as `accuracy_and_precision` takes them.

        Returns
        -------
        Estimate
            From 0 to 1. Its `standard_error` is that of the draws.

        Raises
        ------
        ValueError
            If a roll or a number cannot be taken, there are no frames or not `n_frames`, or frames are real numbers.
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
        """The `expected_accuracy` with missing notes and without them, of the same samples.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
        n_samples, burn_in, n_average, seed
            As `predict_next` takes them, n_samples at least 2; the seed is that of the choice of frames too.
        start : {"zeros", "previous"}
            Where Gibbs chains begin: at silence, or at the frame before.
        n_frames : int, optional
            Take so many frames at random instead of all.

        Returns
        -------
        accuracy, precision : Estimate

        Raises
        ------
        ValueError
            As `expected_accuracy`.
        """
        chosen, n_total = draw_frames(rolls, n_frames, seed)
        return self._accuracy(rolls, chosen, n_total, n_samples, burn_in, n_average, start, seed)

    @locked
    def settled_accuracy(
        self, rolls: Rolls, *, n_samples: int = 10, most: int = 3200, n_frames: int | None = None, seed: int = 1
    ) -> accuracy.Settled:
        """The expected accuracy by Gibbs chains that are long enough to forget where they started.

        Chains start at silence and at the frame before. Their length is doubled, from 25 steps on, until the two
        accuracies agree, see `evaluation.accuracy.Settled`. That is found out on at most 500 frames; then all that are
        asked for are measured, from silence, with chains of that length. Samples of a NADE need no chain.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
        n_samples, n_frames, seed
            As `accuracy_and_precision` takes them.
        most : int
            Gibbs steps after which to give up, at least 25.

        Returns
        -------
        Settled

        Raises
        ------
        ValueError
            As `expected_accuracy`.
        """
        chosen, n_total = draw_frames(rolls, n_frames, seed)
        if self.graphs.free_energy is None:
            both = self._accuracy(rolls, chosen, n_total, n_samples, 0, 1, "zeros", seed)
            return accuracy.Settled(*both, 0, True, both[0], both[0])
        n_frames = sum(int(which.sum()) for which in chosen)
        some = min(accuracy.FRAMES_TO_SETTLE, n_frames)

        @cache  # for where `some` are all
        def measure(n_steps: int, start: str, frames: int, out_of: int) -> tuple[Estimate, Estimate]:
            n_average = max(accuracy.FEWEST, n_steps // 4)
            which, _ = draw_frames(rolls, frames, seed)
            return self._accuracy(rolls, which, out_of, n_samples, n_steps, n_average, start, seed)

        n_steps, agrees, one, other = accuracy.settle(
            lambda n_steps, start: measure(n_steps, start, some, some)[0], integer("most", most, accuracy.FEWEST)
        )
        return accuracy.Settled(*measure(n_steps, "zeros", n_frames, n_total), n_steps, agrees, one, other)

    @locked
    def predict_next(
        self, roll: np.ndarray, *, n_samples: int = 10, burn_in: int = 25, n_average: int = 25, seed: int = 1
    ) -> np.ndarray:
        """The expected value of each frame given the frames before it: E[v_t | v_1, ..., v_{t-1}].

        Of binary units these are their probabilities. They are estimated: of a model of RBMs by `n_samples` Gibbs
        chains for each frame, which start at zeros as generation does, as the mean of E[v | h] over `n_average` steps
        after `burn_in`; of an RNN-NADE by `n_samples` exact samples, as the mean of p(v_i | v_<i) over them. The error
        falls with the square root of n_samples; that of a chain which has not forgotten its start falls with burn_in.

        Parameters
        ----------
        roll : array, shape (n_steps, n_visible)
        n_samples, burn_in, n_average : int
        seed : int
            Of the draws; those of the model are left alone. One seed gives one answer.

        Returns
        -------
        array of floatX, shape (n_steps, n_visible)
            Row t does not depend on roll[t:].
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
        rolls: Rolls,
        chosen: Sequence[np.ndarray],
        n_total: int,
        n_samples: int,
        burn_in: int,
        n_average: int,
        start: str,
        seed: int,
    ) -> tuple[Estimate, Estimate]:
        """The accuracy and the precision of the chosen frames, out of n_total."""
        if self.scorer.visible == "gaussian":
            raise ValueError(
                "expected_accuracy: expected binary visible units, found Gaussian ones, which are no notes"
            )
        n_samples, n_average = integer("n_samples", n_samples, 2), integer("n_average", n_average, 1)
        weights = prediction.averaging_weights(integer("burn_in", burn_in, 0), n_average, self.compiling.floatX)
        from_previous = choice("start", start, STARTS) == "previous"
        with self.compiling.bounded_threads():
            return accuracy.accuracy_and_precision(
                self._expectation_from(seed),
                self._observed(rolls, chosen, from_previous),
                weights,
                n_total,
                n_samples=n_samples,
                dtype=self.compiling.floatX,
                padded=self.compiling.backend == "jax",
            )

    def _observed(
        self, rolls: Rolls, chosen: Sequence[np.ndarray], from_previous: bool
    ) -> Iterator[tuple[np.ndarray, ...]]:
        """Of the chosen frames bv_t, bh_t, v_t and where chains start."""
        for roll, which in zip(rolls, chosen, strict=True):
            if which.any():
                _, bv_t, bh_t, *_ = self.scorer.observe(roll)
                starts = np.zeros_like(roll)
                if from_previous:
                    starts[1:] = roll[:-1]
                yield tuple(np.asarray(x)[which] for x in (bv_t, bh_t, roll, starts))

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
        """The compiled estimate of E[v] under given biases, its streams at a seed."""
        function, streams = self._expectation
        self.compiling.restart(streams, self.streams, seed)

        def expect(bv: np.ndarray, bh: np.ndarray, weights: np.ndarray, v: np.ndarray) -> np.ndarray:
            total = np.zeros_like(bv)
            whole = self.graphs.free_energy is None  # of a NADE the sample is one step
            for steps in [slice(0, len(weights))] if whole else self.compiling.pieces(len(weights), STEPS_OF_JAX):
                total, v = function(bv, bh, weights[steps], v, total)
            return total

        return expect
