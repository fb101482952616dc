"""Dropout in training: a share of the visible units that the recurrent network reads, and of the hidden units, is off.

Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, Dropout: a simple way to prevent neural networks from
overfitting, JMLR 15, 2014; section 8 is on RBMs. Masks differ from frame to frame. What is kept is divided by the share
that is kept, so nothing changes when a model is used:

    v_t in the equation of u_t:   m v_t / (1 - p), each m_i is 0 with probability p, and 1 otherwise
    hidden units:                 h_j = 0 where m_j = 0; W / (1 - p) instead of W (in a NADE V / (1 - p) instead of V)
"""

from typing import NamedTuple

import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.types import Rngs, Updates
from rnnrbm_pt.streams.draw import bernoulli

OFF = -1e4
"""The bias of a hidden unit that is off: its probability of 1 is 0 exactly, and so is its gradient."""


class Dropout(NamedTuple):
    """What is dropped, and the streams that the masks are drawn from."""

    rngs: Rngs
    """Two random generators: of the masks of v, and of those of the hidden units."""
    recurrent: TensorVariable | float | None = None
    """Probability that the recurrent network does not see a visible unit of a frame."""
    hidden: TensorVariable | float | None = None
    """Probability that a hidden unit is off."""


def kept_units(rng: Variable, like: TensorVariable, share: TensorVariable | float) -> tuple[TensorVariable, Updates]:
    """A mask of the shape of a tensor, 0 with probability `share` and 1 otherwise, and the update of the generator."""
    next_rng, kept = bernoulli(rng, pt.cast(1 - share, like.dtype) + pt.zeros_like(like))
    return kept, {rng: next_rng}


def dropped_frames(v: TensorVariable, dropout: Dropout | None) -> tuple[TensorVariable, Updates]:
    """The frames as the recurrent network reads them."""
    if dropout is None or dropout.recurrent is None:
        return v, {}
    kept, updates = kept_units(dropout.rngs[0], v, dropout.recurrent)
    return v * kept / pt.cast(1 - dropout.recurrent, v.dtype), updates


def dropped_hidden(bh_t: TensorVariable, dropout: Dropout | None) -> tuple[TensorVariable, Updates]:
    """The hidden biases of each step, of which those of units that are off keep them off."""
    if dropout is None or dropout.hidden is None:
        return bh_t, {}
    kept, updates = kept_units(dropout.rngs[1], bh_t, dropout.hidden)
    return pt.switch(pt.gt(kept, 0), bh_t, pt.cast(OFF, bh_t.dtype)), updates


def dropped_units(u: TensorVariable, dropout: Dropout | None) -> tuple[TensorVariable, Updates]:
    """Hidden units of one network as another one reads them, of which those that are off are 0."""
    if dropout is None or dropout.hidden is None:
        return u, {}
    kept, updates = kept_units(dropout.rngs[1], u, dropout.hidden)
    return u * kept / pt.cast(1 - dropout.hidden, u.dtype), updates


def scaled_weights(W: TensorVariable, dropout: Dropout | None) -> TensorVariable:
    """The weights from hidden to visible units, larger where fewer hidden units are on."""
    if dropout is None or dropout.hidden is None:
        return W
    return W / pt.cast(1 - dropout.hidden, W.dtype)
