"""The result of the ``build_*`` functions of sequence models."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.types import Params, Tensors, Updates

EIGHT = "v", "v_sample", "cost", "monitor", "params", "updates_train", "v_t", "updates_generate"
"""Names of the values that the tutorial's ``build_rnnrbm`` returns, in its order."""


@dataclass(frozen=True, eq=False)
class SequenceGraphs:
    """The graphs of a sequence model, as returned by its ``build_*`` function.

    Unpacking gives its first eight fields, the values that the tutorial's ``build_rnnrbm`` returns. `train_graph` alone
    leaves `v_t` and `updates_generate` at None.
    """

    v: TensorVariable
    """Matrix (n_steps, n_visible): the sequence to train on. With a `mask`, (n_steps, n_sequences, n_visible)."""
    v_sample: TensorVariable
    """Matrix, one frame per row: the negative particles. Hold them constant in the gradient."""
    cost: TensorVariable
    """Scalar, averaged over frames. Its gradient with v_sample constant is the CD-k estimate."""
    monitor: TensorVariable
    """Scalar: log pseudo-likelihood, averaged over frames."""
    params: Params
    """The shared variables to learn."""
    updates_train: Updates
    """{random generator: next}: updates for a function that computes v_sample, cost or monitor."""
    v_t: TensorVariable | None = None
    """Matrix (n_steps, n_visible): a sequence drawn from the model."""
    updates_generate: Updates | None = None
    """{random generator: next}: updates for a function that computes v_t."""

    mask: TensorVariable | None = None
    """Matrix (n_steps, n_sequences): 1 for a frame, 0 after the end of a sequence. It exists only if v has several
    sequences. All fields with a time axis then have a second axis, over the sequences."""
    initial: Tensors = ()
    """Vectors: the states before the first frame."""
    states: Tensors = ()
    """Matrices (n_steps, n): the states of the model after each frame of v."""
    u_t: TensorVariable | None = None
    """Matrix (n_steps, n_hidden_recurrent): the first of `states`."""
    bv_t: TensorVariable | None = None
    """Matrix (n_steps, n_visible): the visible biases of each step."""
    bh_t: TensorVariable | None = None
    """Matrix (n_steps, n_hidden): the hidden biases of each step."""
    mean_h: TensorVariable | None = None
    """Matrix (n_steps, n_hidden): the expected hidden units of each step, given its frame and the earlier frames. Units
    that dropout switches off have the value that they would have without it."""
    reconstruction: TensorVariable | None = None
    """Matrix like v: the model's reconstruction of each frame, given the earlier frames. For an RBM, E[v | mean_h]."""
    features: Tensors = ()
    """Matrices (n_steps, n): features of the sequence up to each frame. By default `mean_h` and `u_t`."""
    free_energy: TensorVariable | None = None
    """Vector (n_steps,): F(v_t) of each step's RBM, in nats. None for a model without RBMs."""
    log_likelihood: TensorVariable | None = None
    """Vector (n_steps,): log p(v_t | v_1, ..., v_{t-1}) in nats, if the model computes it exactly."""
    logits: TensorVariable | None = None
    """Tensor like v: log p / (1 - p) of each unit given the earlier ones, if the likelihood is exact. `log_likelihood`
    is a cross-entropy of these logits, so its curvature is known."""
    expected_visible: Callable[..., tuple[TensorVariable, TensorVariable, Updates]] | None = None
    """expected_visible(bv=, bh=, weights=, v=, total=, rngs=) -> total, v, updates: estimates E[v] under given biases;
    see `graphs.prediction`."""
    states_generate: Tensors = ()
    """Matrices (n_steps, n): the states after each frame of v_t. Without them, a long sequence takes a single call."""

    def __iter__(self) -> Iterator[Any]:
        return (getattr(self, name) for name in EIGHT)
