"""The adding problem of Hochreiter and Schmidhuber: output the sum of two marked numbers at the end of a sequence.

Each step has a number in [0, 1] and a mark. Two steps are marked: one in the first tenth, and a later one in the first
half. Always answering 1 has a mean squared error of 1/6. The problem counts as solved at 0.04 or less.

S. Hochreiter, J. Schmidhuber: Long short-term memory, Neural Computation 1997.
"""

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor import scan

from rnnrbm_pt.training.gauss_newton import Objective

N_STEPS, N_HIDDEN = 100, 40
SOLVED = 0.04


def sequences(n, seed, n_steps=N_STEPS, dtype="float32"):
    """Draw sequences and their targets. The same seed gives the same sequences.

    Returns
    -------
    x : array, shape (n_steps, n, 2)
    target : array, shape (n,)
    """
    random_state = np.random.RandomState(seed)
    x = np.zeros((n_steps, n, 2), dtype)
    x[:, :, 0] = random_state.rand(n_steps, n)
    first = random_state.randint(0, n_steps // 10, n)
    second = random_state.randint(n_steps // 10, n_steps // 2, n)
    columns = np.arange(n)
    x[first, columns, 1] = x[second, columns, 1] = 1
    return x, x[first, columns, 0] + x[second, columns, 0]


def parameters(seed, inputs=1.0, n_hidden=N_HIDDEN, dtype="float32"):
    """Initial parameters of a plain RNN. The recurrent weights are orthogonal, so that states do not decay.

    With input weights of standard deviation 1, marks reach the nonlinear part of tanh at once. With much smaller ones
    the states remain in its linear part for a hundred steps.
    """
    random_state = np.random.RandomState(seed)
    rotation, _ = np.linalg.qr(random_state.randn(n_hidden, n_hidden))
    values = {
        "Wxu": inputs * random_state.randn(2, n_hidden),
        "Wuu": rotation,
        "bu": np.zeros(n_hidden),
        "Wuy": random_state.randn(n_hidden, 1) / np.sqrt(n_hidden),
        "by": np.ones(1),
    }
    return [pytensor.shared(value.astype(dtype), name=name) for name, value in values.items()]


def adding_objective(params):
    """Half the squared error of an RNN's last output, as an objective for Hessian-free optimisation.

    Returns
    -------
    objective : Objective
        It reports the sum of squared errors.
    batch : list of variables
        x and target.
    """
    Wxu, Wuu, bu, Wuy, by = params
    dtype = Wuu.type.dtype
    x, target = pt.tensor3("x", dtype=dtype), pt.vector("target", dtype=dtype)

    def step(x_t, u_tm1, Wxu, Wuu, bu, Wuy, by):
        u_t = pt.tanh(pt.dot(x_t, Wxu) + pt.dot(u_tm1, Wuu) + bu)
        return u_t, pt.dot(u_t, Wuy) + by  # outputs of all steps, since J differentiates outputs of the scan

    u0 = pt.zeros((x.shape[1], bu.shape[0]), dtype=dtype)
    u_t, y_t = scan(
        step,
        sequences=x,
        outputs_info=[u0, None],
        non_sequences=params,
        strict=True,
        return_updates=False,
    )
    squares = ((y_t[-1, :, 0] - target) ** 2).sum()
    last = pt.zeros_like(y_t)[:-1], pt.ones_like(y_t)[-1:]
    curvature = pt.concatenate(last, axis=0)
    per_step = pt.ones_like(u_t) / u_t.shape[0].astype(dtype)
    weight = target.shape[0].astype(dtype)
    return Objective(weight, squares / 2, y_t, curvature, (u_t,), (per_step,), (squares,)), [x, target]
