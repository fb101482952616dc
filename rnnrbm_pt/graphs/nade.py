"""NADE: a distribution over binary frames whose probabilities, samples and gradient are all exact.

    p(v) = prod_i p(v_i | v_1, ..., v_{i-1}),  p(v_i = 1 | ...) = sigmoid(bv_i + V_i . sigmoid(a_i)),
    a_i  = bh + sum_{j<i} v_j W_j

Larochelle and Murray, The neural autoregressive distribution estimator, AISTATS 2011. The units are taken in order of
pitch. One pass over them carries a_i along, so that a frame costs O(n_visible n_hidden), as one step of an RBM does.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytensor.tensor as pt
from pytensor import scan
from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.rbm import floored, log_pseudo_likelihood, mean_hidden
from rnnrbm_pt.graphs.types import Count, Objective, SampleFrames
from rnnrbm_pt.ours import NADE_LOGITS, named_graph, ours
from rnnrbm_pt.streams.draw import bernoulli


def nade_logit(a_i, V_i, bv_i):
    """log p(v_i = 1 | v_<i) / p(v_i = 0 | v_<i) of each frame, from its a_i, shape (n_frames, n_hidden)."""
    return bv_i + pt.dot(pt.sigmoid(a_i), V_i)


def next_a(a_i, v_i, W_i):
    """a_{i+1} = a_i + v_i W_i, for v_i of shape (n_frames,)."""
    return a_i + v_i[:, None] * W_i


def _units_first(bv: TensorVariable, bh: TensorVariable, n_frames: Count) -> tuple[TensorVariable, TensorVariable]:
    """Biases of each frame: a row a visible unit, as the pass over the units takes them, and a row a frame."""
    bv, bh = (pt.zeros((n_frames, 1), dtype=b.dtype) + b for b in (bv, bh))
    return bv.T, bh  # (n_visible, n_frames), (n_frames, n_hidden)


def _frames(x: TensorVariable) -> TensorVariable:
    """One frame a row, for biases of any number of axes but one; a vector of biases is for all frames."""
    return x.reshape((-1, x.shape[-1])) if x.type.ndim != 1 else x


def nade_logits(
    v: TensorVariable, W: TensorVariable, V: TensorVariable, bv: TensorVariable, bh: TensorVariable
) -> TensorVariable:
    """The logit of each unit of given frames, given the units before it.

    Parameters
    ----------
    v : vector, matrix or tensor3, shape (n_visible,), (n_steps, n_visible) or (n_steps, n_sequences, n_visible)
    W, V : matrices, shape (n_visible, n_hidden)
        From the units before to the hidden ones, and from those to the unit.
    bv, bh : vector, matrix or tensor3
        Biases, shared by all frames (vector) or one row a frame (of as many axes as v).

    Returns
    -------
    tensor like v
    """
    frames = v.reshape((-1, v.shape[-1]))
    bv, bh = (pt.zeros((frames.shape[0], 1), dtype=b.dtype) + _frames(b) for b in (bv, bh))
    return named_graph(NADE_LOGITS, [frames, W, V, bv, bh], pass_over_units).reshape(v.shape)


def pass_over_units(
    v: TensorVariable, W: TensorVariable, V: TensorVariable, bv: TensorVariable, bh: TensorVariable
) -> TensorVariable:
    """The logits of `nade_logits` by one scan over the units, for matrices with a row per frame."""
    logits, _ = scan(
        lambda v_i, W_i, V_i, bv_i, a_i: (nade_logit(a_i, V_i, bv_i), next_a(a_i, v_i, W_i)),
        sequences=[ours(v).T, W, V, bv.T],
        outputs_info=[None, bh],
        strict=True,
        return_updates=False,
        name="nade",
    )
    return logits.T


def sample_nade(
    rng: Variable,
    n_frames: Count,
    W: TensorVariable,
    V: TensorVariable,
    bv: TensorVariable,
    bh: TensorVariable,
    *,
    floor: TensorVariable | None = None,
) -> tuple[TensorVariable, TensorVariable, Variable]:
    """Draw frames, exactly, in one pass over the units.

    Parameters
    ----------
    rng : random generator
    n_frames : int or integer scalar
    W, V, bv, bh
        See `nade_logits`; the biases are vectors, or matrices with a row a frame.
    floor : scalar, optional
        Probability below which no unit is 1, and none is 0; see `floored`.

    Returns
    -------
    v : matrix, shape (n_frames, n_visible)
        Binary.
    mean_v : matrix like v
        p(v_i = 1 | v_<i) with which each unit was drawn; its average over samples is an estimate of E[v], of less
        variance than that of v.
    next_rng : random generator
    """
    bv, a_1 = _units_first(bv, bh, n_frames)

    def unit(W_i, V_i, bv_i, a_i, rng, *floor):
        p = pt.sigmoid(nade_logit(a_i, V_i, bv_i))
        next_rng, v_i = bernoulli(rng, p)
        v_i = floored(v_i, p, *floor) if floor else v_i
        return v_i, p, next_a(a_i, v_i, W_i), next_rng

    v, mean_v, _, next_rng = scan(
        unit,
        sequences=[W, V, bv],
        outputs_info=[None, None, a_1, rng],
        non_sequences=[] if floor is None else [floor],
        strict=True,
        return_updates=False,
        n_steps=W.shape[0],
        name="nade_sample",
    )
    return v.T, mean_v.T, next_rng


def build_nade(
    v: TensorVariable,
    W: TensorVariable,
    V: TensorVariable,
    bv: TensorVariable,
    bh: TensorVariable,
    *,
    weights: TensorVariable | None = None,
    logits_of: Callable[..., TensorVariable] = nade_logits,
) -> Objective:
    """Construct the exact negative log-likelihood of frames under a NADE, in the form of `build_rbm`.

    Parameters
    ----------
    v : vector, matrix or tensor3, shape (n_visible,), (n_steps, n_visible) or (n_steps, n_sequences, n_visible)
    W, V : matrices, shape (n_visible, n_hidden)
    bv, bh : vector, matrix or tensor3
        Biases, shared by all frames (vector) or one row a frame (of as many axes as v).
    weights : tensor, shape v.shape[:-1], optional
        Of each frame in the cost and the monitor, which are then weighted sums. Without them, averages.

    Returns
    -------
    v_sample : tensor like v
        In the place of an RBM's negative particles, which a NADE does not need: the probability of each unit of v given
        the units before it. The cost does not depend on it, so it may be held constant or not.
    cost : scalar
        -log p(v) in nats, averaged over frames. Its gradient is exact.
    monitor : scalar
        log p(v), averaged over frames.
    updates : dict
        Empty: nothing is drawn.
    """
    logits = logits_of(v, W, V, bv, bh)
    log_p = log_pseudo_likelihood(v, logits)  # the units are conditioned as the chain rule asks: here it is exact
    monitor = log_p.mean() if weights is None else (log_p * weights).sum()
    v_sample, cost = pt.sigmoid(logits), -monitor
    v_sample.name, cost.name, monitor.name = "v_sample", "cost", "monitor"
    return v_sample, cost, monitor, {}


class Conditionals(NamedTuple):
    """How the frames of a NADE depend on its parameters: the functions of a kind of NADE."""

    logits: Callable[..., TensorVariable] = nade_logits
    """See `nade_logits`."""
    sample: SampleFrames = sample_nade
    """See `sample_nade`."""
    mean_h: Callable[..., TensorVariable] = mean_hidden
    """mean_h(v, W, bh): what the hidden units are for given frames."""


PLAIN = Conditionals()
"""Those of the NADE of this module."""
