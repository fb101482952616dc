"""The training and generation graphs of sequence models with a NADE; `graphs.sequence` has those with an RBM."""

from dataclasses import replace
from functools import partial

from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.cells import Cell
from rnnrbm_pt.graphs.dropout import Dropout, scaled_weights
from rnnrbm_pt.graphs.nade import PLAIN, Conditionals, build_nade, sample_nade
from rnnrbm_pt.graphs.prediction import expected_visible_of_nade
from rnnrbm_pt.graphs.rbm import log_pseudo_likelihood
from rnnrbm_pt.graphs.sequence import Carried, generation, observed, training_graphs
from rnnrbm_pt.graphs.sequence_graphs import SequenceGraphs
from rnnrbm_pt.graphs.types import Count, Generate, InitialStates, Rngs, SampleFrames, Tensors, Updates
from rnnrbm_pt.streams.srs import RandomStreams, SameStreams


def train_graph(
    cell: Cell,
    *,
    batched: bool = False,
    carried: Carried | None = None,
    dropout: Dropout | None = None,
    conditionals: Conditionals = PLAIN,
) -> SequenceGraphs:
    """Construct the training graph of a cell whose biases are those of a NADE. It draws no frames.

    Parameters
    ----------
    cell : Cell
        Its first parameters are W and V, shape (n_visible, n_hidden).
    batched, carried, dropout
        See `sequence.train_graph`.
    conditionals : Conditionals
        The kind of NADE.

    Returns
    -------
    SequenceGraphs
        Without `v_t` and `updates_generate`, which `generate_graph` constructs.
    """
    W, V, *_ = cell.params
    V = V if cell.over_frames is not None else scaled_weights(V, dropout)
    seen = observed(cell, batched, carried, dropout)
    v, bv_t, bh_t = seen.v, seen.bv_t, seen.bh_t
    objective = build_nade(v, W, V, bv_t, bh_t, weights=seen.weights, logits_of=conditionals.logits)
    graphs = training_graphs(cell, seen, objective, conditionals.mean_h(v, W, seen.undropped_bh_t))
    logits = conditionals.logits(v, W, V, bv_t, bh_t)
    return replace(
        graphs,
        reconstruction=graphs.v_sample,
        log_likelihood=log_pseudo_likelihood(v, logits),
        logits=logits,
        expected_visible=partial(expected_visible_of_nade, W=W, V=V, sample=conditionals.sample),
    )


def generate_graph(
    cell: Cell,
    *,
    rngs: Rngs,
    n_steps: Count,
    u_init: InitialStates = None,
    sample: SampleFrames = sample_nade,
) -> tuple[TensorVariable, Tensors, Updates]:
    """Construct the generation graph of a cell whose biases are those of a NADE. Each frame is an exact sample.

    Parameters
    ----------
    cell : Cell
        Its first parameters are W and V, shape (n_visible, n_hidden).
    rngs : sequence of random generators
        The same sequence as for an RBM. Only the second, rng_v, is used.
    n_steps, u_init
        See `sequence.generate_graph`.
    sample : callable
        Function that draws frames, with the arguments and results of `sample_nade`.

    Returns
    -------
    v_t : matrix, shape (n_steps, n_visible)
        The frames.
    states : tuple of matrices, shape (n_steps, n)
        The states after each frame.
    updates : dict {random generator: next random generator}
    """
    W, V, *_ = cell.params
    _, rng_v, *_ = rngs

    def draw(bv_t, bh_t, rng_v):
        v_t, _, next_rng_v = sample(rng_v, 1, W, V, bv_t, bh_t)
        return v_t[0], next_rng_v

    return generation(cell, draw, rngs=(rng_v,), n_steps=n_steps, u_init=u_init)


def nade_graphs(
    cell: Cell,
    *,
    streams: RandomStreams | SameStreams,
    n_steps: Count = 200,
    u_init: InitialStates = None,
    batched: bool = False,
    carried: Carried | None = None,
    dropout: Dropout | None = None,
    generate: Generate = generate_graph,
    conditionals: Conditionals = PLAIN,
) -> SequenceGraphs:
    """Construct the training graph and the generation graph of a cell. Only generation draws frames.

    Parameters
    ----------
    cell : Cell
    streams : RandomStreams
        Source of the four streams of the generation graph.
    n_steps, u_init
        See `generate_graph`.
    batched, carried, dropout
        See `train_graph`.
    generate : callable
        Function that constructs the generation graph, such as `dials.generate_by_nade` with its dials.
    conditionals : Conditionals
        The kind of NADE.

    Returns
    -------
    SequenceGraphs
    """
    training = train_graph(cell, batched=batched, carried=carried, dropout=dropout, conditionals=conditionals)
    rngs = streams.rbm("_generate")
    v_t, states, updates = generate(cell, rngs=rngs, n_steps=n_steps, u_init=u_init, sample=conditionals.sample)
    return replace(training, v_t=v_t, states_generate=states, updates_generate=updates)
