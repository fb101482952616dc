"""Generation graphs with dials: scalars that change how frames are drawn, from call to call.

The dials are inputs of the graph, so one compiled function serves all their values. At neutral values it draws exactly
the same bits as the graphs of `graphs.sequence` and `graphs.nade_sequence`.
"""

from typing import NamedTuple

import pytensor.tensor as pt
from pytensor import scan
from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.cells import Cell
from rnnrbm_pt.graphs.nade import sample_nade
from rnnrbm_pt.graphs.rbm import draw_visible, floored, mean_hidden, mean_visible
from rnnrbm_pt.graphs.sequence import generation
from rnnrbm_pt.graphs.types import Count, InitialStates, Rngs, SampleFrames, Tensors, Updates
from rnnrbm_pt.streams.draw import bernoulli


class Dials(NamedTuple):
    """Scalars that control how a frame is drawn."""

    from_previous: TensorVariable
    """1 if the Gibbs chain of a frame starts at the previous frame, 0 if it starts at an empty frame."""
    floor: TensorVariable
    """The smallest probability with which a unit may be 1, or 0; see `rbm.floored`."""
    temperature: TensorVariable
    """T: divides the energy E(v, h) of an RBM, or the logit of each unit of a NADE given the units before it."""
    density: TensorVariable
    """Number to add to each visible bias, before the temperature is applied."""


def gibbs_chain(
    v: TensorVariable,
    W: TensorVariable,
    bv: TensorVariable,
    bh: TensorVariable,
    k: Count,
    rngs: Rngs,
    visible: str = "binary",
) -> tuple[TensorVariable, TensorVariable, Variable, Variable]:
    """The last visible and hidden units of k Gibbs steps v -> h -> v. `build_rbm` returns only the visible units.

    Parameters
    ----------
    v : vector, shape (n_visible,)
        Where the chain starts.
    W : matrix, shape (n_visible, n_hidden)
    bv, bh : vectors, shape (n_visible,) and (n_hidden,)
    k : int or integer scalar
        Number of Gibbs steps, at least 1.
    rngs : two random generators
        The first draws h, the second draws v.
    visible : {"binary", "gaussian"}
        Kind of the visible units.

    Returns
    -------
    v, h : vectors, shape (n_visible,) and (n_hidden,)
        The end of the chain: v was drawn given h.
    next_rng_h, next_rng_v : random generators
    """

    def step(v, h, rng_h, rng_v, W, bv, bh):
        next_rng_h, h = bernoulli(rng_h, mean_hidden(v, W, bh))
        next_rng_v, v = draw_visible(rng_v, mean_visible(h, W, bv, visible), visible)
        return v, h, next_rng_h, next_rng_v

    v, h, next_rng_h, next_rng_v = scan(
        step,
        outputs_info=[v, bh, *rngs],  # bh stands in for the first h: it has the right shape, and no step reads it
        non_sequences=[W, bv, bh],
        n_steps=k,
        strict=True,
        return_updates=False,
        name="gibbs_chain",
    )
    return v[-1], h[-1], next_rng_h, next_rng_v


def generate_by_rbm(
    cell: Cell,
    *,
    dials: Dials,
    k: Count,
    rngs: Rngs,
    n_steps: Count,
    u_init: InitialStates = None,
    visible: str = "binary",
) -> tuple[TensorVariable, Tensors, Updates]:
    """Construct the generation graph of a cell whose biases are those of an RBM.

    Parameters
    ----------
    cell : Cell
    dials : Dials
        For Gaussian units, only `from_previous` is used.
    k, rngs, n_steps, u_init, visible
        See `sequence.generate_graph`. The first state is the previous frame; the states of the cell follow.

    Returns
    -------
    v_t : matrix, shape (n_steps, n_visible)
        The frames.
    states : tuple of matrices, shape (n_steps, n)
        The states after each frame: the frame itself, then the states of the cell.
    updates : dict {random generator: next random generator}
    """
    W, k = cell.params[0], pt.as_tensor(k)
    from_previous, floor, temperature, density = dials
    W_scaled = W if visible == "gaussian" else W / temperature

    def biases(v_tm1, *state):
        bv_t, bh_t = cell.biases(*state)
        if visible == "binary":
            bv_t, bh_t = (bv_t + density) / temperature, bh_t / temperature
        return v_tm1 * from_previous, bv_t, bh_t

    def next_state(v_t, v_tm1, *state):
        return v_t, *cell.next_state(v_t, *state)

    def draw(v, bv_t, bh_t, rng_h, rng_v):
        v, h, next_rng_h, next_rng_v = gibbs_chain(v, W_scaled, bv_t, bh_t, k, (rng_h, rng_v), visible)
        if visible == "binary":
            v = floored(v, mean_visible(h, W_scaled, bv_t), floor)
        return v, next_rng_h, next_rng_v

    remembering = Cell(
        cell.params,
        biases,
        next_state,
        initial=(pt.zeros((W.shape[0],)), *cell.initial),
        constants=(*cell.constants, *dials, k, *([] if W_scaled is W else [W_scaled])),
    )
    return generation(remembering, draw, rngs=rngs[:2], n_steps=n_steps, u_init=u_init)


def generate_by_nade(
    cell: Cell,
    *,
    dials: Dials,
    rngs: Rngs,
    n_steps: Count,
    u_init: InitialStates = None,
    sample: SampleFrames = sample_nade,
) -> tuple[TensorVariable, Tensors, Updates]:
    """Construct the generation graph of a cell whose biases are those of a NADE.

    Parameters
    ----------
    cell : Cell
    dials : Dials
        `from_previous` is ignored, since there is no Gibbs chain.
    rngs, n_steps, u_init, sample
        See `nade_sequence.generate_graph`.

    Returns
    -------
    v_t, states, updates
        See `nade_sequence.generate_graph`.
    """
    W, V, *_ = cell.params
    _, *used = dials
    floor, temperature, density = used
    V_scaled = V / temperature

    def draw(bv_t, bh_t, rng_v):
        bv_t = (bv_t + density) / temperature
        v_t, _, next_rng_v = sample(rng_v, 1, W, V_scaled, bv_t, bh_t, floor=floor)
        return v_t[0], next_rng_v

    with_dials = cell._replace(constants=(*cell.constants, *used, V_scaled))
    return generation(with_dials, draw, rngs=(rngs[1],), n_steps=n_steps, u_init=u_init)
