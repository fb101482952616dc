"""What a trained model says of sequences that are given: what comes next, features, reconstructions; and `Measuring`.

Nothing here changes the model or advances its streams.
"""

from functools import cached_property

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.mode import Mode

from rnnrbm_pt.compile.modes import bounded_threads, compile_function
from rnnrbm_pt.io.checks import integer
from rnnrbm_pt.models.measuring import Measuring


class Observing(Measuring):
    """The services of a `SequenceModel` on given sequences."""

    @cached_property
    def _observe_function(self):
        """All that is deterministic given a sequence; run step by step in Python: compiling takes longer than it."""
        graphs = self.graphs
        log_p = graphs.log_likelihood if graphs.free_energy is None else graphs.free_energy
        outputs = [log_p, graphs.bv_t, graphs.bh_t, graphs.reconstruction, *graphs.features]
        mode = Mode(linker="py", optimizer="fast_compile")
        return compile_function([graphs.v], outputs, mode=mode, floatX=self.floatX)

    def _observe(self, roll):
        if not len(roll):  # a scan wants a step
            return [found[:0] for found in self._observe(np.zeros((1, roll.shape[1])))]
        return self.on_host(self._observe_function, np.ascontiguousarray(roll, dtype=self.floatX))

    def predict_next(self, roll, *, n_samples=10, burn_in=25, n_average=25, seed=1):
        """What the model expects of each frame given those before it: E[v_t | v_1, ..., v_{t-1}].

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
        burn_in = integer("burn_in", burn_in, 0)
        (roll,) = self._checked([roll])
        if not len(roll):
            return roll.astype(self.floatX)
        _, bv_t, bh_t, *_ = self._observe(roll)
        weights = np.repeat([0, 1 / n_average], [burn_in, n_average]).astype(self.floatX)
        function, streams = self._expectation
        self._seed(streams, seed)
        with bounded_threads(self.threads):
            mean = np.asarray(function(np.tile(bv_t, (n_samples, 1)), np.tile(bh_t, (n_samples, 1)), weights))
        return mean.reshape(n_samples, *roll.shape).mean(axis=0)

    @cached_property
    def _expectation(self):
        """The compiled estimate of E[v] under given biases, and the streams that it draws from."""
        streams = self._own_streams(1)
        with pytensor.config.change_flags(floatX=self.floatX):
            bv, bh, weights = pt.matrix("bv"), pt.matrix("bh"), pt.vector("weights")
            mean, updates = self.graphs.expected_visible(bv=bv, bh=bh, weights=weights, rngs=streams)
        function = compile_function([bv, bh, weights], mean, updates, mode=self.mode, floatX=self.floatX)
        return function, streams

    def reconstruct(self, rolls):
        """Each frame as the model sees it, given those before it.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)

        Returns
        -------
        list of arrays of floatX, shape (n_steps, n_visible)
            Of a model of RBMs E[v | h = E[h | v_t]], up and down once; of an RNN-NADE p(v_i = 1 | v_<i).
        """
        return [self._observe(roll)[3] for roll in self._checked(rolls)]

    def transform(self, rolls):
        """Features of each step: the expected hidden units given the frame and those before, and the state after it.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)

        Returns
        -------
        list of arrays of floatX, shape (n_steps, n_features)
            E[h | v_t] beside u_t; of an RTRBM, where the two are one, u_t alone; of an LSTM-RTRBM u_t beside s_t.
        """
        return [np.concatenate(self._observe(roll)[4:], axis=1) for roll in self._checked(rolls)]

    def _checked(self, rolls):
        return [self.check(roll, f"roll {i}") for i, roll in enumerate(rolls)]
