"""Draws from random streams of any kind."""

import pytensor
import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.streams.binomial import binary_binomial
from rnnrbm_pt.streams.stream_type import Advancing, StreamVariable


def bernoulli(stream, p):
    """Draw 0 or 1 with the probabilities p, from a stream of any kind.

    Parameters
    ----------
    stream : random generator variable
        A shared stream, or a stream that is a state of a scan.
    p : tensor of any shape
        Probabilities of 1.

    Returns
    -------
    next_stream : variable like `stream`
        The stream after the draw.
    draw : tensor of floatX, with the shape of p
        0 or 1.
    """
    if isinstance(stream, StreamVariable):
        next_stream, draw = stream.binomial(n=1, p=p)
    else:
        next_stream, draw = binary_binomial(1, p, rng=stream, return_next_rng=True)
    if isinstance(stream, Advancing):
        stream.default_update = next_stream
    return next_stream, pt.cast(draw, pytensor.config.floatX)


def gaussian(stream: Variable, mean: Variable) -> tuple[Variable, TensorVariable]:
    """Draw from Normal(mean, 1).

    Parameters
    ----------
    stream : random generator variable
        One of PyTensor's own generators. Streams of other kinds only draw bits.
    mean : tensor of any shape

    Returns
    -------
    next_stream : variable like `stream`
        The stream after the draw.
    draw : tensor of floatX, with the shape of mean

    Raises
    ------
    ValueError
        If the stream is not one of PyTensor's generators.
    """
    if not hasattr(stream, "normal"):
        kind = getattr(stream.type, "name_of_kind", str(stream.type))
        raise ValueError(f"visible='gaussian': expected streams of PyTensor's own generators, found {kind}")
    next_stream, draw = stream.normal(mean, 1)
    return next_stream, pt.cast(draw, pytensor.config.floatX)
