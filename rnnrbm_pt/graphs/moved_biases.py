"""The common parts of the LSTM and the GRU: a state u that sets both biases of the RBM, and the parameters of gates.

bv_t = bv + u_tm1 Wuv
bh_t = bh + u_tm1 Wuh
"""

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.tensor.sharedvar import TensorSharedVariable
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.parameters import shared_normal, shared_zeros
from rnnrbm_pt.graphs.types import Params
from rnnrbm_pt.roles import moving_hidden, of_rbm


def moved_params(
    n_visible: int,
    n_hidden: int,
    n_hidden_recurrent: int,
    *,
    random_state: np.random.RandomState,
    W: TensorSharedVariable | None = None,
) -> Params:
    """Make new parameters of the RBM and of the equations for its biases, drawn as in the tutorial.

    Parameters
    ----------
    n_visible, n_hidden, n_hidden_recurrent : int
    random_state : numpy.random.RandomState
        Source of the values.
    W : shared matrix, shape (n_visible, n_hidden), optional
        Weights that were drawn before. By default, new weights.

    Returns
    -------
    tuple of shared variables
        W, bv, bh, Wuh, Wuv.
    """
    if W is None:
        W = shared_normal(n_visible, n_hidden, 0.01, random_state=random_state, name="W")
    bv, bh = shared_zeros(n_visible, name="bv"), shared_zeros(n_hidden, name="bh")
    Wuh = shared_normal(n_hidden_recurrent, n_hidden, 0.0001, random_state=random_state, name="Wuh")
    Wuv = shared_normal(n_hidden_recurrent, n_visible, 0.0001, random_state=random_state, name="Wuv")
    of_rbm(W, bv, bh)
    moving_hidden(Wuh)
    return W, bv, bh, Wuh, Wuv


def moved_biases(
    u_tm1: TensorVariable,
    bv: TensorSharedVariable,
    bh: TensorSharedVariable,
    Wuh: TensorSharedVariable,
    Wuv: TensorSharedVariable,
) -> tuple[TensorVariable, TensorVariable]:
    """The time-dependent biases of the RBM, shapes (..., n_visible) and (..., n_hidden)."""
    return bv + pt.dot(u_tm1, Wuv), bh + pt.dot(u_tm1, Wuh)


def gate_params(
    gate: str, n_visible: int, n_hidden_recurrent: int, *, random_state: np.random.RandomState, bias: float = 0.0
) -> Params:
    """Make new parameters of one gate: its weights for the frame, its weights for the state, and its bias.

    Parameters
    ----------
    gate : str
        The letter of the gate, which ends the names of its parameters.
    n_visible, n_hidden_recurrent : int
    random_state : numpy.random.RandomState
        Source of the weights.
    bias : float
        Initial value of all elements of the bias.

    Returns
    -------
    Wv, Wu, b : shared variables
        Wv is uniform with the variance of Glorot and Bengio (Understanding the difficulty of training deep feedforward
        neural networks, AISTATS 2010). Wu is a random orthogonal matrix (Saxe, McClelland and Ganguli, ICLR 2014), so
        multiplying a state by Wu keeps its length.
    """
    bound = np.sqrt(6 / (n_visible + n_hidden_recurrent))
    values = {
        f"Wv{gate}": random_state.uniform(-bound, bound, size=(n_visible, n_hidden_recurrent)),
        f"Wu{gate}": orthogonal(n_hidden_recurrent, random_state),
        f"b{gate}": np.full(n_hidden_recurrent, bias),
    }
    floatX = pytensor.config.floatX
    return tuple(pytensor.shared(value.astype(floatX), name=name) for name, value in values.items())


def orthogonal(n: int, random_state: np.random.RandomState) -> np.ndarray:
    """A uniformly distributed random orthogonal matrix (Mezzadri, Notices of the AMS 54, 2007)."""
    q, r = np.linalg.qr(random_state.normal(size=(n, n)))
    return q * np.sign(np.diag(r))
