"""Draws from random streams of every kind, and how a stream advances by them."""

import pytensor
import pytensor.tensor as pt
from pytensor.tensor.random.type import RandomGeneratorType

from rnnrbm_pt.streams.binomial import binary_binomial


class Advancing:
    """What shared streams have in common: every compiled function that draws from one advances it, as in Theano.

    The last draw that is written says how; ``updates={stream: next_stream}`` says the same explicitly. A scan asks this
    too, so a stream that is taken within its step is among the updates that the scan returns.
    """

    @property
    def default_update(self):
        return self._default_update

    @default_update.setter
    def default_update(self, next_stream):  # SharedVariable's own setter warns that it is deprecated
        self._default_update = next_stream


def bernoulli(stream, p):
    """Draw 0 or 1 with the probabilities p, from a stream of any kind.

    Parameters
    ----------
    stream : random generator variable
        Shared, or the state that a scan carries.
    p : tensor of any shape
        Probabilities of 1.

    Returns
    -------
    next_stream : variable of the type of `stream`
    draw : tensor of floatX, the shape of p
    """
    if isinstance(stream.type, RandomGeneratorType):
        next_stream, draw = binary_binomial(1, p, rng=stream, return_next_rng=True)
    else:
        next_stream, draw = stream.binomial(n=1, p=p)
    if isinstance(stream, Advancing):
        stream.default_update = next_stream
    return next_stream, pt.cast(draw, pytensor.config.floatX)


def gaussian(stream, mean):
    """Draw from Normal(mean, 1).

    Parameters
    ----------
    stream : random generator variable
        One of PyTensor's own generators: the other kinds draw bits only.
    mean : tensor of any shape

    Returns
    -------
    next_stream : variable of the type of `stream`
    draw : tensor of floatX, the shape of mean

    Raises
    ------
    ValueError
        If the stream is of another kind.
    """
    if not hasattr(stream, "normal"):
        kind = type(stream).__name__
        raise ValueError(f"visible='gaussian': expected streams of PyTensor's own generators, found {kind}")
    next_stream, draw = stream.normal(mean, 1)
    return next_stream, pt.cast(draw, pytensor.config.floatX)
