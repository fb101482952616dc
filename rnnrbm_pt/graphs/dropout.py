"""Dropout in training, of the visible units that the recurrent network reads and of the hidden units.

Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, Dropout: a simple way to prevent neural networks from
overfitting, JMLR 15, 2014; section 8 is on RBMs. Each frame has its own masks. The remaining values are scaled by
1 / (1 - p), where p is the probability of dropping a unit. So a trained model needs no change when it is used:

    v_t in the equation of u_t:   m v_t / (1 - p), each m_i is 0 with probability p, and 1 otherwise
    hidden units:                 h_j = 0 where m_j = 0; W / (1 - p) instead of W (in a NADE V / (1 - p) instead of V)

With a tied recurrence (`graphs.tied`) the hidden units are those of the recurrent network: m u / (1 - p) sets the
biases.
"""

from typing import NamedTuple

import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.types import Rngs, Updates
from rnnrbm_pt.streams.draw import bernoulli

OFF = -1e4
"""Bias of a dropped hidden unit. Its probability of 1 is exactly 0, and so is its gradient."""


class Dropout(NamedTuple):
    """Which units to drop, and the random generators of the masks."""

    rngs: Rngs
    """Two random generators: one for the masks of v, and one for the masks of the hidden units."""
    recurrent: TensorVariable | float | None = None
    """Probability of hiding a visible unit of a frame from the recurrent network."""
    hidden: TensorVariable | float | None = None
    """Probability of dropping a hidden unit."""


def kept_units(rng: Variable, like: TensorVariable, share: TensorVariable | float) -> tuple[TensorVariable, Updates]:
    """Draw a mask with the shape of `like`: 0 with probability `share`, else 1. Also return the generator's update."""
    next_rng, kept = bernoulli(rng, pt.cast(1 - share, like.dtype) + pt.zeros_like(like))
    return kept, {rng: next_rng}


def dropped_frames(v: TensorVariable, dropout: Dropout | None) -> tuple[TensorVariable, Updates]:
    """The frames as the recurrent network reads them, and the update of the generator."""
    if dropout is None or dropout.recurrent is None:
        return v, {}
    kept, updates = kept_units(dropout.rngs[0], v, dropout.recurrent)
    return v * kept / pt.cast(1 - dropout.recurrent, v.dtype), updates


def dropped_hidden(bh_t: TensorVariable, dropout: Dropout | None) -> tuple[TensorVariable, Updates]:
    """The hidden biases of each step, with `OFF` for the dropped units, and the update of the generator."""
    if dropout is None or dropout.hidden is None:
        return bh_t, {}
    kept, updates = kept_units(dropout.rngs[1], bh_t, dropout.hidden)
    return pt.switch(pt.gt(kept, 0), bh_t, pt.cast(OFF, bh_t.dtype)), updates


def dropped_units(u: TensorVariable, dropout: Dropout | None) -> tuple[TensorVariable, Updates]:
    """The hidden units of one network as another network reads them, with 0 for the dropped units; and the update."""
    if dropout is None or dropout.hidden is None:
        return u, {}
    kept, updates = kept_units(dropout.rngs[1], u, dropout.hidden)
    return u * kept / pt.cast(1 - dropout.hidden, u.dtype), updates


def scaled_weights(W: TensorVariable, dropout: Dropout | None) -> TensorVariable:
    """The weights from the hidden to the visible units, scaled up to make up for the dropped hidden units."""
    if dropout is None or dropout.hidden is None:
        return W
    return W / pt.cast(1 - dropout.hidden, W.dtype)
