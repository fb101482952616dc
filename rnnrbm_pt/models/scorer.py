"""Likelihoods of given sequences: the compiled functions that `evaluation` uses.

The likelihood is that of Boulanger-Lewandowski, Bengio and Vincent, Modeling temporal dependencies in
high-dimensional sequences, ICML 2012, table 1. No function here changes the model or advances its streams.
"""

from functools import cache, cached_property, partial

import numpy as np
import pytensor.tensor as pt

from rnnrbm_pt.checks import integer
from rnnrbm_pt.evaluation import likelihood
from rnnrbm_pt.evaluation.annealing import Annealing
from rnnrbm_pt.evaluation.bracket import FEWEST, FRAMES_TO_SETTLE, Bracket, temperatures_that_settle
from rnnrbm_pt.evaluation.exact import LARGEST, log_partition
from rnnrbm_pt.evaluation.frames import draw_frames, frames_per_block
from rnnrbm_pt.evaluation.mixing import FRAMES, steps_that_mix
from rnnrbm_pt.evaluation.mixing import mixing as measured_mixing
from rnnrbm_pt.graphs.ais import annealed_importance, log_partition_of_base
from rnnrbm_pt.models.compiling import STEPS_OF_JAX, locked


class Scorer:
    """Computes scores of sequences with the graphs of a model.

    Parameters
    ----------
    graphs : SequenceGraphs
    streams : str
        Kind of the scorer's own random streams; see `streams.registry`. Annealing of binary units always uses Philox
        streams, which are the fastest and draw the same numbers on every backend.
    compiling : CompileSettings
    visible : {"binary", "gaussian"}, default "binary"
        Kind of visible units.
    """

    def __init__(self, graphs, streams, compiling, visible="binary"):
        self.graphs, self.streams, self.compiling, self.visible = graphs, streams, compiling, visible
        self._kind_of_annealing = streams if visible == "gaussian" else "philox"
        self._blocks = {"dtype": compiling.floatX, "padded": compiling.backend == "jax"}

    @locked
    def score(self, rolls, *, n_frames=None, **annealing):
        """Compute the log-likelihood per frame in nats: the mean of `log_likelihoods` over all frames.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
            Sequences of frames.
        n_frames : int, optional
            Number of frames to choose at random, each scored given all frames before it. The default is all frames.
        **annealing
            n_chains, n_temperatures, seed, exact, reverse, reverse_steps: see `evaluation.annealing.Annealing`. The
            seed also chooses the frames.

        Returns
        -------
        Estimate
            A float with a `standard_error`. The error covers annealed importance sampling and the choice of frames,
            where they are used. It does not cover the variation between sequences. `n_low_ess` counts frames whose
            importance weights vary too much for the error to be reliable.

        Raises
        ------
        ValueError
            If there are no frames or fewer than `n_frames`, or as in `log_likelihoods`.

        Examples
        --------
        >>> found = model.score(rolls, n_frames=1000)
        >>> float(found), found.standard_error
        """
        how = Annealing(**annealing)
        chosen, n_total = draw_frames(rolls, n_frames, how.seed)
        return self._score(self._observed(rolls, chosen), n_total, how)

    @locked
    def bracket(self, rolls, *, n_frames=None, n_chains=20, most=6400, seed=1):
        """Estimate the log-likelihood per frame from below and from above, with as many temperatures as needed.

        First the number of Gibbs steps is doubled, from 100 on, until chains forget where they start. Annealing in
        reverse starts after this number of steps. Then the number of inverse temperatures is doubled, from 100 on,
        until both estimates settle and are close to each other. This search uses at most 500 frames. All requested
        frames are then scored with the numbers found. Report the lower estimate, if the bracket `holds`.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
            Sequences of binary frames.
        n_frames, n_chains, seed
            See `score`.
        most : int, default 6400
            Largest number of Gibbs steps and of inverse temperatures to try, at least 100.

        Returns
        -------
        Bracket
            Both estimates in nats per frame, and whether they can be trusted.

        Raises
        ------
        ValueError
            If the model has no RBMs of binary units, or as in `score`.
        """
        most, (chosen, n_total) = integer("most", most, FEWEST), draw_frames(rolls, n_frames, seed)
        n_frames = sum(int(which.sum()) for which in chosen)
        mixing = steps_that_mix(self._mixing_of(rolls, FRAMES, n_chains, seed), most)
        some = min(FRAMES_TO_SETTLE, n_frames)
        observed = list(self._observed(rolls, draw_frames(rolls, some, seed)[0]))  # once, not for each attempt

        @cache  # `some` may be all frames: then do not score twice
        def score(n_temperatures, reverse, frames):
            how = Annealing(n_chains, n_temperatures, seed, exact=False, reverse=reverse, reverse_steps=mixing.n_steps)
            if frames == some:
                return self._score(observed, n_total, how)
            return self._score(self._observed(rolls, chosen), n_total, how)

        n_temperatures, settled = temperatures_that_settle(lambda n, reverse: score(n, reverse, some), most)
        upper, lower = (score(n_temperatures, reverse, n_frames) for reverse in (False, True))
        return Bracket(lower, upper, n_temperatures, settled, mixing)

    @locked
    def log_likelihoods(self, rolls, *, return_errors=False, **annealing):
        """Compute log p(v_t | v_1, ..., v_{t-1}) of each frame, exactly where possible and estimated otherwise.

        The value is exact for an RNN-NADE, and for RBMs with at most 20 units in the smaller layer, whose states are
        summed. For larger RBMs, log Z is estimated by annealed importance sampling; see `graphs.ais`.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
            Sequences of frames.
        return_errors : bool, default False
            Whether to return the standard errors too.
        **annealing
            n_chains, n_temperatures, seed, exact, reverse, reverse_steps: see `evaluation.annealing.Annealing`. One
            seed always gives the same result.

        Returns
        -------
        list of arrays of float64, shape (n_steps,)
            Log-likelihood of each frame in nats; for Gaussian units the log density. The sum over a sequence is its
            log-likelihood.
        standard_errors : list of arrays, shape (n_steps,)
            Standard error of each frame, 0 if exact. Returned only if `return_errors` is True.

        Raises
        ------
        ValueError
            If a roll or a number is invalid, or if exact=True and the smaller layer has more than 20 units.
        """
        chosen = [np.ones(len(roll), dtype=bool) for roll in rolls]
        how = Annealing(**annealing)
        both = self._log_p(self._observed(rolls, chosen), how, self.is_exact(how.exact))
        log_p, errors = (np.split(x, np.cumsum([len(roll) for roll in rolls])[:-1]) if rolls else [] for x in both)
        return (log_p, errors) if return_errors else log_p

    @locked
    def reconstruct(self, rolls):
        """Reconstruct each frame from itself, given the frames before it.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
            Sequences of frames.

        Returns
        -------
        list of arrays of floatX, shape (n_steps, n_visible)
            For a model of RBMs, E[v | h = E[h | v_t]], one pass up and down. For an RNN-NADE, p(v_i = 1 | v_<i).
        """
        return [self.observe(roll)[3] for roll in rolls]

    @locked
    def transform(self, rolls):
        """Compute features of each frame: its expected hidden units, and the recurrent state after it.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
            Sequences of frames.

        Returns
        -------
        list of arrays of floatX, shape (n_steps, n_features)
            E[h | v_t] followed by u_t. For an RTRBM, where the two are equal, u_t only. For an LSTM-RTRBM, u_t followed
            by s_t.
        """
        return [np.concatenate(self.observe(roll)[4:], axis=1) for roll in rolls]

    @locked
    def mixing(self, rolls, *, n_frames=FRAMES, n_chains=20, n_steps=100, seed=1):
        """Measure whether Gibbs chains of the RBMs forget their starts; see `evaluation.mixing`.

        If they do not, an estimate of the likelihood can be wrong in both directions of annealing without any sign in
        the importance weights.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
            Sequences of binary frames.
        n_frames : int, default 100
            Number of frames to choose at random, or all frames if there are fewer.
        n_chains : int, default 20
            Chains per frame and start, at least 2.
        n_steps : int, default 100
            Gibbs steps per chain.
        seed : int, default 1
            Seed of the draws and of the choice of frames.

        Returns
        -------
        Mixing

        Raises
        ------
        ValueError
            If a number is invalid, there are no frames, or the model has no RBMs of binary units.
        """
        return self._mixing_of(rolls, n_frames, n_chains, seed)(integer("n_steps", n_steps, 1))

    def _mixing_of(self, rolls, n_frames, n_chains, seed):
        """A function of the number of Gibbs steps that returns the `Mixing` of always the same frames."""
        if self.graphs.free_energy is None or self.visible == "gaussian":
            raise ValueError("mixing: expected a model of RBMs with binary visible units, found another model")
        n_chains, n_frames = integer("n_chains", n_chains, 2), integer("n_frames", n_frames, 1)
        chosen, _ = draw_frames(rolls, min(n_frames, max(1, sum(map(len, rolls)))), seed)
        observed = list(self._observed(rolls, chosen))

        def measure(n_steps):
            anneal = self._annealing_from(seed)
            return measured_mixing(anneal, observed, n_chains=n_chains, n_steps=n_steps, **self._blocks)

        return measure

    def is_exact(self, exact, largest=LARGEST):
        """Whether to compute the likelihood exactly, given the setting `exact` of `log_likelihoods`.

        With None, the states of RBMs are summed if the smaller layer has at most `largest` units.
        """
        if self.graphs.free_energy is None:
            if exact is not None and not exact:
                raise ValueError("exact: expected True or None for a model whose likelihood is exact, found False")
            return True
        n_visible, n_hidden = self.graphs.params[0].get_value().shape
        return (
            (n_hidden if self.visible == "gaussian" else min(n_visible, n_hidden)) <= largest
            if exact is None
            else bool(exact)
        )

    def observe(self, roll):
        """Compute what is deterministic in a sequence: free energy or log p, bv_t, bh_t, reconstruction, features.

        Parameters
        ----------
        roll : array, shape (n_steps, n_visible)

        Returns
        -------
        list of arrays, shape (n_steps, ...)
        """
        if not len(roll):  # a scan needs at least one step
            return [found[:0] for found in self.observe(np.zeros((1, roll.shape[1])))]
        roll = np.ascontiguousarray(roll, dtype=self.compiling.floatX)
        return self.compiling.on_host(self._observe_function, roll)

    def _observed(self, rolls, chosen):
        """Yield the energies or log p, bv_t, bh_t and v_t of the chosen frames of each roll."""
        for roll, which in zip(rolls, chosen, strict=True):
            if which.any():
                yield tuple(np.asarray(x)[which] for x in (*self.observe(roll)[:3], roll))

    def _score(self, observed, n_total, how):
        """The mean log-likelihood of observed frames, out of n_total frames."""
        exact = self.is_exact(how.exact)
        log_p, errors = self._log_p(observed, how, exact)
        return likelihood.mean_log_likelihood(log_p, errors, n_total, n_chains=how.n_chains, exact=exact)

    def _log_p(self, observed, how, exact):
        """Log-likelihoods of observed frames, and their standard errors."""
        log_z = None
        if self.graphs.free_energy is not None:
            log_z = self._exact_log_partition
            if not exact:
                anneal = self._annealing_from(how.seed)
                log_z = partial(
                    likelihood.annealed_log_partition,
                    anneal,
                    n_chains=how.n_chains,
                    n_temperatures=how.n_temperatures,
                    reverse=how.reverse,
                    reverse_steps=how.reverse_steps,
                    **self._blocks,
                )
        return likelihood.log_likelihoods(observed, log_z, block=frames_per_block(how.n_chains))

    def _exact_log_partition(self, bv, bh):
        return log_partition(self.graphs.params[0].get_value(), bv, bh, self.visible), np.zeros(len(bv))

    # ------------------------------------------------------------------------------------------------
    # Compiled functions and their streams

    @cached_property
    def _observe_function(self):
        graphs = self.graphs
        log_p = graphs.log_likelihood if graphs.free_energy is None else graphs.free_energy
        outputs = [log_p, graphs.bv_t, graphs.bh_t, graphs.reconstruction, *graphs.features]
        return self.compiling.function_as_written([graphs.v], outputs)

    @cached_property
    def _annealing(self):
        streams = self.compiling.rbm_streams(self._kind_of_annealing, 1)
        with self.compiling.float_variables():
            bv, bh, v, betas = pt.matrix("bv"), pt.matrix("bh"), pt.matrix("v"), pt.vector("betas")
            log_w = pt.vector("log_w", dtype="float64")
            end_log_w, end, updates = annealed_importance(
                self.graphs.params[0], bv, bh, betas, v, streams, self.visible, log_w
            )
            outputs = [end_log_w, end, log_partition_of_base(bv, bh, self.visible)]
        return self.compiling.function([bv, bh, betas, v, log_w], outputs, updates), streams

    def _annealing_from(self, seed):
        """The compiled annealing of chains, with its streams reset to a seed."""
        function, streams = self._annealing
        self.compiling.restart(streams, self._kind_of_annealing, seed)

        def anneal(bv, bh, betas, v):
            log_w = np.zeros(len(bv))
            with self.compiling.bounded_threads():
                for steps in self.compiling.pieces(len(betas) - 1, STEPS_OF_JAX):
                    log_w, v, log_z_base = function(bv, bh, betas[steps.start : steps.stop + 1], v, log_w)
            return log_w, v, log_z_base

        return anneal
