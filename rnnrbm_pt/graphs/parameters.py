"""Shared variables for parameters, made as in the tutorial."""

import numpy as np
import pytensor
from pytensor.tensor.sharedvar import TensorSharedVariable


def shared_normal(
    num_rows: int,
    num_cols: int,
    scale: float = 1,
    *,
    random_state: np.random.RandomState | None = None,
    name: str | None = None,
) -> TensorSharedVariable:
    """A shared matrix with normally distributed elements.

    Parameters
    ----------
    num_rows, num_cols : int
        Shape of the matrix.
    scale : float
        Standard deviation of the elements.
    random_state : numpy.random.RandomState, optional
        Source of the elements. By default NumPy's global state, which the tutorial's program seeds.
    name : str, optional
        Name of the variable.

    Returns
    -------
    shared matrix of floatX, shape (num_rows, num_cols)
    """
    value = (np.random if random_state is None else random_state).normal(scale=scale, size=(num_rows, num_cols))
    return pytensor.shared(value.astype(pytensor.config.floatX), name=name)


def shared_glorot(
    num_rows: int, num_cols: int, *, random_state: np.random.RandomState, name: str
) -> TensorSharedVariable:
    """A shared matrix with normally distributed elements of variance 2 / (num_rows + num_cols).

    Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, AISTATS 2010.

    Parameters
    ----------
    num_rows, num_cols, random_state, name
        See `shared_normal`.

    Returns
    -------
    shared matrix of floatX, shape (num_rows, num_cols)
    """
    scale = np.sqrt(2 / (num_rows + num_cols))
    return shared_normal(num_rows, num_cols, scale, random_state=random_state, name=name)


def shared_zeros(*shape: int, name: str | None = None) -> TensorSharedVariable:
    """A shared tensor of zeros.

    Parameters
    ----------
    *shape : int
        Length of each axis.
    name : str, optional
        Name of the variable.

    Returns
    -------
    shared tensor of floatX
    """
    return pytensor.shared(np.zeros(shape, dtype=pytensor.config.floatX), name=name)
