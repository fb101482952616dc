"""Role of a parameter in its model, stored as a tag on the shared variable.

Learning rates and weight decay depend on the role.
"""

from dataclasses import dataclass
from typing import Literal

from pytensor.graph.basic import Variable


@dataclass(frozen=True)
class Role:
    """Role of a parameter.

    Attributes
    ----------
    part : {"rbm", "rnn"}
        Part of the model: the RBM or NADE of each step ("rbm"), or the recurrent network around it ("rnn").
    kind : {"weight", "bias"}
        An initial state counts as a bias.
    moves : {"hidden"}, optional
        Set if the only effect of the parameter is to shift these biases.
    """

    part: Literal["rbm", "rnn"]
    kind: Literal["weight", "bias"]
    moves: Literal["hidden"] | None = None


def role_of(variable: Variable) -> Role:
    """Return the role of a parameter. By default it belongs to the RNN: a matrix is a weight, all else is a bias."""
    return getattr(variable.tag, "role", Role("rnn", kind_of(variable)))


def kind_of(variable: Variable) -> Literal["weight", "bias"]:
    """Return the kind of a parameter from its number of axes."""
    return "weight" if variable.type.ndim == 2 else "bias"


def of_rbm(*variables: Variable) -> None:
    """Tag parameters of the RBM or NADE of each step: W, V, bv and bh."""
    for variable in variables:
        variable.tag.role = Role("rbm", kind_of(variable))


def moving_hidden(*variables: Variable) -> None:
    """Tag parameters of the RNN that only shift the hidden biases of the RBM, such as Wuh."""
    for variable in variables:
        variable.tag.role = Role("rnn", kind_of(variable), "hidden")
