"""The kinds of random streams by name."""

from collections.abc import Callable

from rnnrbm_pt.streams.mrg import MRGStreams
from rnnrbm_pt.streams.philox import PhiloxStreams
from rnnrbm_pt.streams.srs import RandomStreams

STREAMS: dict[str, Callable[..., RandomStreams]] = {"srs": RandomStreams, "mrg": MRGStreams, "philox": PhiloxStreams}
"""Kinds of random streams: Theano's shared_randomstreams (those of the published log), Theano's MRG31k3p (since 2016),
and Philox, the fastest, which Theano does not have."""


def kind_of_streams(streams: str | None, backend: str) -> str:
    """The name of a kind of streams; None becomes Theano's, or Philox on JAX, which has no other.

    Raises
    ------
    ValueError
        If there is no such kind, or the backend does not have it.
    """
    if streams is None:
        return "philox" if backend == "jax" else "srs"
    if streams not in STREAMS:
        raise ValueError(f"streams: expected one of {', '.join(STREAMS)}, found {streams!r}")
    if backend == "jax" and streams != "philox":
        raise ValueError(f"streams: expected philox, the one kind that the backend jax has, found {streams!r}")
    return streams
