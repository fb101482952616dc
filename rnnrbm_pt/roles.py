"""The role of a parameter in its model, a tag on its shared variable. Learning rates and weight decay depend on it."""

from dataclasses import dataclass
from typing import Literal

from pytensor.graph.basic import Variable


@dataclass(frozen=True)
class Role:
    """What a parameter is.

    Attributes
    ----------
    part : {"rbm", "rnn"}
        What the parameter belongs to: the RBM or NADE of each step, or the recurrent network around it.
    kind : {"weight", "bias"}
        An initial state is a bias.
    moves : {"hidden"}, optional
        The biases that the parameter adds to, if that is all it does.
    """

    part: Literal["rbm", "rnn"]
    kind: Literal["weight", "bias"]
    moves: Literal["hidden"] | None = None


def role_of(variable: Variable) -> Role:
    """The role of a parameter. One without a tag belongs to the RNN: a matrix is a weight, anything else a bias."""
    return getattr(variable.tag, "role", Role("rnn", kind_of(variable)))


def kind_of(variable: Variable) -> Literal["weight", "bias"]:
    """The kind of a parameter by its number of axes."""
    return "weight" if variable.type.ndim == 2 else "bias"


def of_rbm(*variables: Variable) -> None:
    """Tag parameters as those of the RBM or NADE of each step: W, V, bv and bh."""
    for variable in variables:
        variable.tag.role = Role("rbm", kind_of(variable))


def moving_hidden(*variables: Variable) -> None:
    """Tag parameters of the RNN that only add to the hidden biases of the RBM, such as Wuh."""
    for variable in variables:
        variable.tag.role = Role("rnn", kind_of(variable), "hidden")
