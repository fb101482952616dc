"""How well a trained model foretells sequences: their likelihood, the accuracy of what it expects, and both errors.

The two figures of Boulanger-Lewandowski, Bengio and Vincent, Modeling temporal dependencies in high-dimensional
sequences, ICML 2012, table 1. What is drawn for them is drawn from streams of their own.
"""

from functools import cached_property

import numpy as np
import pytensor
import pytensor.tensor as pt

from rnnrbm_pt.compile.modes import bounded_threads, compile_function
from rnnrbm_pt.evaluation.exact import LARGEST, log_partition
from rnnrbm_pt.graphs.ais import annealed_importance, log_partition_of_base
from rnnrbm_pt.io.checks import integer, seed_number

ROWS = 2048
"""Chains that run side by side: several of each frame, of as many frames as that makes."""


class Estimate(float):
    """A number, and how far to trust it.

    Attributes
    ----------
    standard_error : float
        Of the number, by chance; 0 where it is exact, nan where one frame was drawn of several.
    n_frames : int
        Frames that it is a mean over.
    exact : bool
        Whether nothing was drawn to compute it, but which frames.
    n_doubtful : int
        Frames of which annealed importance sampling says itself that it had too few chains or temperatures: their
        weights have a standard deviation above their mean. Neither the number nor its error is to be trusted if these
        are many. That there are none proves nothing: what no chain found, none can tell of.
    """

    def __new__(cls, value, standard_error=0.0, n_frames=0, exact=True, n_doubtful=0):
        self = super().__new__(cls, value)
        self.standard_error, self.n_frames, self.exact = float(standard_error), int(n_frames), bool(exact)
        self.n_doubtful = int(n_doubtful)
        return self

    def __repr__(self):
        value, error = float(self), self.standard_error
        doubt = f", n_doubtful={self.n_doubtful}" if self.n_doubtful else ""
        return f"Estimate({value!r}, standard_error={error!r}, n_frames={self.n_frames}, exact={self.exact}{doubt})"


def log_mean_exp(log_weights):
    """The logarithm of the expectation of w, and its standard error, from samples of log w.

    By the delta method: with r the relative standard error of the mean of w, log(mean w) has the standard error r, and
    falls short by r^2 / 2, which is added. A mean over many frames has errors so small that it would count.

    Parameters
    ----------
    log_weights : array, shape (..., n_samples)
        At least 2 samples.

    Returns
    -------
    estimate, standard_error : arrays of float64, shape (...)
    """
    log_weights = np.asarray(log_weights, dtype=np.float64)
    largest = log_weights.max(axis=-1)
    w = np.exp(log_weights - largest[..., None])
    mean = w.mean(axis=-1)
    relative = w.std(axis=-1, ddof=1) / np.sqrt(w.shape[-1]) / mean
    return largest + np.log(mean) + relative**2 / 2, relative


def error_of_mean(values, errors, n_total):
    """The standard error of the mean of values that have errors of their own, and are some of n_total.

    With n of them drawn without replacement, their variance s^2 holds that of the errors already: for f = n / n_total

        ((1 - f) s^2 + f mean(errors^2)) / n

    Parameters
    ----------
    values, errors : arrays, shape (n,)
        The errors are independent of each other.
    n_total : int

    Returns
    -------
    float
        nan if there is one value of several.
    """
    n = len(values)
    variance = np.mean(np.square(errors)) * n / n_total
    if n < n_total:
        variance += np.var(values, ddof=1) * (1 - n / n_total) if n > 1 else np.nan
    return float(np.sqrt(variance / n))


def quotient(hits, counts, n_total):
    """The sum of hits over the sum of counts, of some of n_total frames.

    Parameters
    ----------
    hits, counts : arrays, shape (n_frames, n_samples)
    n_total : int

    Returns
    -------
    Estimate
    """
    found = hits.sum() / counts.sum()
    residuals = hits - found * counts  # of which the mean is 0: the quotient, to first order
    errors = residuals.std(axis=1, ddof=1) / np.sqrt(hits.shape[1])
    error = error_of_mean(residuals.mean(axis=1), errors, n_total) / counts.mean()
    return Estimate(found, error, len(hits), exact=False)


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


class Measuring:
    """The part of a `SequenceModel` that says how good it is."""

    def score(self, rolls, *, n_frames=None, n_chains=20, n_temperatures=100, seed=1, exact=None, reverse=False):
        """The log-likelihood per frame in nats: the mean of `log_likelihoods` over all frames, which weigh the same.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
        n_frames : int, optional
            Take so many frames at random, each given all the frames before it, instead of all.
        n_chains, n_temperatures, seed, exact, reverse
            As `log_likelihoods` takes them; the seed is that of the choice of frames too.

        Returns
        -------
        Estimate
            A float with a `standard_error`: of the annealed importance sampling, if there is any, and of the choice of
            frames, if there is one. It says nothing of how far other sequences would differ. `n_doubtful` counts the
            frames whose weights spread too far for that error to hold.

        Raises
        ------
        ValueError
            As `log_likelihoods`, or if there are no frames, or not `n_frames`.
        """
        rolls = self._checked(rolls)
        chosen, n_total = draw_frames(rolls, n_frames, seed)
        exact = self._is_exact(exact)
        log_p, errors = self._log_p(rolls, chosen, n_chains, n_temperatures, seed, exact, reverse)
        n_doubtful = np.count_nonzero(errors * np.sqrt(n_chains) > 1)
        return Estimate(log_p.mean(), error_of_mean(log_p, errors, n_total), len(log_p), exact, n_doubtful)

    def log_likelihoods(
        self, rolls, *, n_chains=20, n_temperatures=100, seed=1, exact=None, reverse=False, return_errors=False
    ):
        """log p(v_t | v_1, ..., v_{t-1}) of each frame: exactly where it can be had, else estimated.

        Exact it is of an RNN-NADE, and of RBMs with at most 20 units in the smaller layer, by summing over its states.
        Of larger RBMs log Z is estimated by annealed importance sampling, see `graphs.ais`.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
        n_chains : int
            Chains of each frame, at least 2. The standard error falls with its square root.
        n_temperatures : int
            Rungs of the ladder, evenly spaced, at least 2. The spread of the weights falls with its square root, or
            faster where it is wide; where it exceeds their mean (standard errors above 1 / sqrt(n_chains)), the
            standard error is not to be trusted, and more temperatures help more than more chains.
        seed : int
            Of the draws; those of the model are left alone. One seed gives one answer.
        exact : bool, optional
            Whether to sum over states. Without it, where that is possible.
        reverse : bool
            Anneal from the RBM to its base, from where the chains up the ladder end after as many Gibbs steps more.
            Where the chains are too few or the ladder has too few rungs, the log-likelihood then comes out too low,
            and too high without: the two enclose it, up to chance, and if the Gibbs chains got to their distribution.
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
        rolls = self._checked(rolls)
        chosen = [np.ones(len(roll), dtype=bool) for roll in rolls]
        exact = self._is_exact(exact)
        both = self._log_p(rolls, chosen, n_chains, n_temperatures, seed, exact, reverse)
        log_p, errors = (np.split(x, np.cumsum([len(roll) for roll in rolls])[:-1]) if rolls else [] for x in both)
        return (log_p, errors) if return_errors else log_p

    def expected_accuracy(self, rolls, *, n_samples=10, burn_in=25, n_average=25, n_frames=None, seed=1, missed=True):
        """The expected frame-level accuracy of a sample of each next frame, given those before it.

        With p_t = E[v_t | v_1, ..., v_{t-1}], the expected counts of notes that are right, wrong and missing are

            TP = sum_t v_t.p_t,  FP = sum_t (1 - v_t).p_t,  FN = sum_t v_t.(1 - p_t)

        and the accuracy is TP / (TP + FP + FN), one quotient for all frames (Bay, Ehmann and Downie, Evaluation of
        multiple-F0 estimation and tracking systems, ISMIR 2009, whose counts are not expected ones). The accuracies of
        the paper are TP / (TP + FP), by all that can be seen; see `evaluation.paper`.

        p_t is estimated as `predict_next` does it. Of an RNN-NADE that is without bias, as its samples are exact; of
        RBMs up to what their Gibbs chains have not forgotten of their start after `burn_in`. Of neither is it exact.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
        n_samples, burn_in, n_average, seed
            As `predict_next` takes them, n_samples at least 2; the seed is that of the choice of frames too.
        n_frames : int, optional
            Take so many frames at random instead of all.
        missed : bool
            Whether notes that are missing count. Without, it is the expected precision, TP / (TP + FP).

        Returns
        -------
        Estimate
            From 0 to 1. Its `standard_error` is that of the draws.

        Raises
        ------
        ValueError
            If a roll or a number cannot be taken, there are no frames or not `n_frames`, or frames are real numbers.
        """
        settings = {"n_samples": n_samples, "burn_in": burn_in, "n_average": n_average}
        accuracy, precision = self.accuracy_and_precision(rolls, **settings, n_frames=n_frames, seed=seed)
        return accuracy if missed else precision

    def accuracy_and_precision(self, rolls, *, n_samples=10, burn_in=25, n_average=25, n_frames=None, seed=1):
        """The `expected_accuracy` with missing notes and without them, of the same samples.

        Parameters
        ----------
        rolls, n_samples, burn_in, n_average, n_frames, seed
            As `expected_accuracy` takes them.

        Returns
        -------
        accuracy, precision : Estimate

        Raises
        ------
        ValueError
            As `expected_accuracy`.
        """
        if self.real_valued:
            raise ValueError(
                "expected_accuracy: expected binary visible units, found Gaussian ones, which are no notes"
            )
        n_samples, n_average = integer("n_samples", n_samples, 2), integer("n_average", n_average, 1)
        burn_in = integer("burn_in", burn_in, 0)
        rolls = self._checked(rolls)
        chosen, n_total = draw_frames(rolls, n_frames, seed)
        weights = np.repeat([0, 1 / n_average], [burn_in, n_average]).astype(self.floatX)
        function, streams = self._expectation
        self._seed(streams, seed)
        hits, expected, unions = [], [], []  # (n_frames, n_samples), of each block
        with bounded_threads(self.threads):
            for _, bv, bh, v in in_blocks(self._observed(rolls, chosen), max(1, ROWS // n_samples)):
                p = function(*self._in_rows(n_samples, bv, bh), weights)
                p = np.asarray(p, dtype=np.float64).reshape(-1, n_samples, v.shape[1])[: len(v)]
                v = v[:, None]
                hits.append((v * p).sum(axis=2))
                expected.append(p.sum(axis=2))
                unions.append((v + p - v * p).sum(axis=2))
        hits, expected, unions = map(np.concatenate, (hits, expected, unions))
        return quotient(hits, unions, n_total), quotient(hits, expected, n_total)

    def _is_exact(self, exact):
        """Whether the likelihood is to be computed exactly, of what was asked for."""
        if self.graphs.free_energy is None:
            if exact is not None and not exact:
                raise ValueError(
                    "exact: expected True or None, since the likelihood of this model is exact, found False"
                )
            return True
        n_visible, n_hidden = self.params[0].get_value().shape
        return (n_hidden if self.real_valued else min(n_visible, n_hidden)) <= LARGEST if exact is None else bool(exact)

    def _observed(self, rolls, chosen):
        """Of the chosen frames of each roll: free energy (or log-likelihood), bv_t, bh_t, v_t."""
        for roll, which in zip(rolls, chosen, strict=True):
            if which.any():
                yield tuple(np.asarray(x)[which] for x in (*self._observe(roll)[:3], roll))

    def _log_p(self, rolls, chosen, n_chains, n_temperatures, seed, exact, reverse):
        """The log-likelihoods of the chosen frames of all rolls, and their standard errors."""
        n_chains, n_temperatures = integer("n_chains", n_chains, 2), integer("n_temperatures", n_temperatures, 2)
        if not exact:
            self._seed(self._annealing[1], seed)
        found = [np.empty((2, 0))]
        for log_p, bv, bh, _ in in_blocks(self._observed(rolls, chosen), max(1, ROWS // n_chains)):
            log_p, errors = np.asarray(log_p, dtype=np.float64), np.zeros(len(log_p))
            if self.graphs.free_energy is not None:
                if exact:
                    visible = self.settings.get("visible", "binary")
                    log_z = log_partition(self.params[0].get_value(), bv, bh, visible)
                else:
                    log_z, errors = self._annealed_log_partition(bv, bh, n_chains, n_temperatures, reverse)
                log_p = -log_p - log_z
            found.append(np.stack([log_p, errors]))
        return np.concatenate(found, axis=1)

    def _annealed_log_partition(self, bv, bh, n_chains, n_temperatures, reverse):
        """log Z of each frame, and its standard error."""
        function, _ = self._annealing
        ladder = np.linspace(0, 1, n_temperatures).astype(self.floatX)
        rows = self._in_rows(n_chains, bv, bh)
        with bounded_threads(self.threads):
            log_w, v, log_z_base = function(*rows, ladder, np.zeros_like(rows[0]))
            if reverse:
                _, v, _ = function(*rows, np.ones_like(ladder), np.asarray(v))
                log_w, _, _ = function(*rows, np.ascontiguousarray(ladder[::-1]), np.asarray(v))
        ratio, errors = log_mean_exp(np.reshape(log_w, (-1, n_chains))[: len(bv)])
        log_z_base = np.asarray(log_z_base)[::n_chains][: len(bv)]
        return log_z_base - ratio if reverse else log_z_base + ratio, errors

    def _in_rows(self, n, *arrays):
        """Each row n times. On JAX, which compiles for fixed shapes, with zeros up to the rows of a full block."""
        rows = [np.repeat(x, n, axis=0).astype(self.floatX) for x in arrays]
        if self.backend == "jax":
            wanted = max(1, ROWS // n) * n
            rows = [np.pad(x, ((0, wanted - len(x)), (0, 0))) for x in rows]
        return rows

    def _own_streams(self, seed):
        """Streams of the model's kind that are not the model's."""
        return self.compiling.streams(self.settings["streams"], seed_number(seed)).rbm()

    def _seed(self, streams, seed):
        for stream, fresh in zip(streams, self._own_streams(seed), strict=True):
            stream.set_value(fresh.get_value())

    @cached_property
    def _annealing(self):
        """The compiled chains along a ladder, under given biases, and the streams that they draw from."""
        streams = self._own_streams(1)
        visible = self.settings.get("visible", "binary")
        with pytensor.config.change_flags(floatX=self.floatX):
            bv, bh, v, ladder = pt.matrix("bv"), pt.matrix("bh"), pt.matrix("v"), pt.vector("ladder")
            log_w, end, updates = annealed_importance(self.params[0], bv, bh, ladder, v, streams, visible)
            outputs = [log_w, end, log_partition_of_base(bv, bh, visible)]
        function = compile_function([bv, bh, ladder, v], outputs, updates, mode=self.mode, floatX=self.floatX)
        return function, streams
