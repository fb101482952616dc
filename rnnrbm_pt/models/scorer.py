"""Scores of a model for given sequences: the compiled functions that `evaluation` is called with.

The likelihood is that of Boulanger-Lewandowski, Bengio and Vincent, Modeling temporal dependencies in
high-dimensional sequences, ICML 2012, table 1. Nothing here changes the model or advances its streams.
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
from rnnrbm_pt.evaluation.mixing import FRAMES, mixing
from rnnrbm_pt.graphs.ais import annealed_importance, log_partition_of_base
from rnnrbm_pt.models.compiling import STEPS_OF_JAX, locked


class Scorer:
    """Scores sequences by the graphs of a model.

    Parameters
    ----------
    graphs : SequenceGraphs
    streams : str
        Kind of the random streams, see `streams.registry`. The scorer has streams of its own. Those of annealing are of
        Philox where the visible units are binary: they are the fastest, and the same on every backend.
    compiling : CompileSettings
    visible : {"binary", "gaussian"}
    """

    def __init__(self, graphs, streams, compiling, visible="binary"):
        self.graphs, self.streams, self.compiling, self.visible = graphs, streams, compiling, visible
        self._kind_of_annealing = streams if visible == "gaussian" else "philox"
        self._blocks = {"dtype": compiling.floatX, "padded": compiling.backend == "jax"}

    @locked
    def score(self, rolls, *, n_frames=None, **annealing):
        """The log-likelihood per frame in nats: the mean of `log_likelihoods` over all frames, which weigh the same.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
        n_frames : int, optional
            Take so many frames at random, each given all the frames before it, instead of all.
        **annealing
            n_chains, n_temperatures, seed, exact, reverse: see `evaluation.annealing.Annealing`. The seed is also that
            of the choice of frames.

        Returns
        -------
        Estimate
            A float with a `standard_error`: of the annealed importance sampling, if there is any, and of the choice of
            frames, if there is one. It says nothing of how far other sequences would differ. `n_low_ess` counts the
            frames whose weights spread too far for that error to hold.

        Raises
        ------
        ValueError
            As `log_likelihoods`, or if there are no frames, or not `n_frames`.
        """
        how = Annealing(**annealing)
        chosen, n_total = draw_frames(rolls, n_frames, how.seed)
        exact = self.is_exact(how.exact)
        log_p, errors = self._log_p(rolls, chosen, how, exact)
        return likelihood.mean_log_likelihood(log_p, errors, n_total, n_chains=how.n_chains, exact=exact)

    @locked
    def bracket(self, rolls, *, n_frames=None, n_chains=20, most=6400, seed=1):
        """The log-likelihood per frame between a lower and an upper estimate, by as many temperatures as it takes.

        The number of temperatures is doubled, from 100 on, until neither side moves and they are close to each other.
        That is found out on at most 500 frames; then all that are asked for are scored so. The lower side is the one to
        report, if the bracket `holds`.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
        n_frames, n_chains, seed
            As `score` takes them.
        most : int
            Temperatures after which to give up, at least 100.

        Returns
        -------
        Bracket

        Raises
        ------
        ValueError
            As `score`, or if the model has no RBMs of binary units.
        """
        most, (chosen, _) = integer("most", most, FEWEST), draw_frames(rolls, n_frames, seed)
        n_frames = sum(int(which.sum()) for which in chosen)
        some = min(FRAMES_TO_SETTLE, n_frames)

        @cache  # for where `some` are all
        def score(n_temperatures, reverse, frames):
            how = {"n_chains": n_chains, "n_temperatures": n_temperatures, "reverse": reverse, "exact": False}
            return self.score(rolls, n_frames=frames, seed=seed, **how)

        n_temperatures, settled = temperatures_that_settle(lambda n, reverse: score(n, reverse, some), most)
        upper, lower = (score(n_temperatures, reverse, n_frames) for reverse in (False, True))
        mixing = self.mixing(rolls, n_chains=n_chains, n_steps=n_temperatures, seed=seed)
        return Bracket(lower, upper, n_temperatures, settled, mixing)

    @locked
    def log_likelihoods(self, rolls, *, return_errors=False, **annealing):
        """log p(v_t | v_1, ..., v_{t-1}) of each frame: exactly where that is possible, else estimated.

        It is exact for an RNN-NADE, and for RBMs with at most 20 units in the smaller layer: a sum over its states.
        For larger RBMs log Z is estimated by annealed importance sampling, see `graphs.ais`.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
        **annealing
            n_chains, n_temperatures, seed, exact, reverse: see `evaluation.annealing.Annealing`. One seed gives one
            answer.
        return_errors : bool
            Whether to return the standard errors too.

        Returns
        -------
        list of arrays of float64, shape (n_steps,)
            In nats; of Gaussian units it is a density. The sum over a sequence is the log-likelihood of it.
        standard_errors : list of arrays, shape (n_steps,)
            Only where asked for: of each frame, zeros where it is exact.

        Raises
        ------
        ValueError
            If a roll or a number cannot be taken, or what shall be exact cannot be: more than 20 units in the smaller
            layer.
        """
        chosen = [np.ones(len(roll), dtype=bool) for roll in rolls]
        how = Annealing(**annealing)
        both = self._log_p(rolls, chosen, how, self.is_exact(how.exact))
        log_p, errors = (np.split(x, np.cumsum([len(roll) for roll in rolls])[:-1]) if rolls else [] for x in both)
        return (log_p, errors) if return_errors else log_p

    @locked
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
        return [self.observe(roll)[3] for roll in rolls]

    @locked
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
        return [np.concatenate(self.observe(roll)[4:], axis=1) for roll in rolls]

    @locked
    def mixing(self, rolls, *, n_frames=FRAMES, n_chains=20, n_steps=100, seed=1):
        """Whether Gibbs chains of the RBMs of frames forget where they started; see `evaluation.mixing`.

        Where they do not, an estimate of the likelihood can be wrong in both directions of annealing without any sign
        of it in the weights.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
            Binary frames.
        n_frames : int
            Take so many frames at random; all, where there are no more.
        n_chains : int
            Chains per frame and start, at least 2.
        n_steps : int
            Gibbs steps.
        seed : int
            Of the choice of frames and of the draws.

        Returns
        -------
        Mixing

        Raises
        ------
        ValueError
            If a number is invalid, there are no frames, or the model has no RBMs of binary units.
        """
        if self.graphs.free_energy is None or self.visible == "gaussian":
            raise ValueError("mixing: expected a model of RBMs with binary visible units, found another one")
        n_chains, n_steps = integer("n_chains", n_chains, 2), integer("n_steps", n_steps, 1)
        n_frames = min(integer("n_frames", n_frames, 1), max(1, sum(map(len, rolls))))
        chosen, _ = draw_frames(rolls, n_frames, seed)
        anneal = self._annealing_from(seed)
        return mixing(anneal, self._observed(rolls, chosen), n_chains=n_chains, n_steps=n_steps, **self._blocks)

    def is_exact(self, exact):
        """Whether to compute the likelihood exactly, where `exact` is what `log_likelihoods` was given."""
        if self.graphs.free_energy is None:
            if exact is not None and not exact:
                raise ValueError(
                    "exact: expected True or None, since the likelihood of this model is exact, found False"
                )
            return True
        n_visible, n_hidden = self.graphs.params[0].get_value().shape
        return (
            (n_hidden if self.visible == "gaussian" else min(n_visible, n_hidden)) <= LARGEST
            if exact is None
            else bool(exact)
        )

    def observe(self, roll):
        """What is deterministic given a sequence: free energy or log p, bv_t, bh_t, reconstruction and features.

        Parameters
        ----------
        roll : array, shape (n_steps, n_visible)

        Returns
        -------
        list of arrays, shape (n_steps, ...)
        """
        if not len(roll):  # a scan needs a step
            return [found[:0] for found in self.observe(np.zeros((1, roll.shape[1])))]
        roll = np.ascontiguousarray(roll, dtype=self.compiling.floatX)
        return self.compiling.on_host(self.graphs.params, self._observe_function, roll)

    def _observed(self, rolls, chosen):
        for roll, which in zip(rolls, chosen, strict=True):
            if which.any():
                yield tuple(np.asarray(x)[which] for x in (*self.observe(roll)[:3], roll))

    def _log_p(self, rolls, chosen, how, exact):
        """Log-likelihoods of the chosen frames of all rolls, and their standard errors."""
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
                    **self._blocks,
                )
        return likelihood.log_likelihoods(self._observed(rolls, chosen), log_z, block=frames_per_block(how.n_chains))

    def _exact_log_partition(self, bv, bh):
        return log_partition(self.graphs.params[0].get_value(), bv, bh, self.visible), np.zeros(len(bv))

    # ------------------------------------------------------------------------------------------------
    # Compiled functions, and the streams that they draw from

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
        """The compiled annealing of chains, its streams at a seed."""
        function, streams = self._annealing
        self.compiling.restart(streams, self._kind_of_annealing, seed)

        def anneal(bv, bh, betas, v):
            log_w = np.zeros(len(bv))
            with self.compiling.bounded_threads():
                for steps in self.compiling.pieces(len(betas) - 1, STEPS_OF_JAX):
                    log_w, v, log_z_base = function(bv, bh, betas[steps.start : steps.stop + 1], v, log_w)
            return log_w, v, log_z_base

        return anneal
