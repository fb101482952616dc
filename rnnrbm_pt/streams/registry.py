"""Names of the kinds of random streams."""

from collections.abc import Callable

from rnnrbm_pt.streams.mrg import MRGStreams
from rnnrbm_pt.streams.philox import PhiloxStreams
from rnnrbm_pt.streams.srs import RandomStreams

STREAMS: dict[str, Callable[..., RandomStreams]] = {"srs": RandomStreams, "mrg": MRGStreams, "philox": PhiloxStreams}
"""The kinds of random streams. srs is Theano's shared_randomstreams, with which the published log was made. mrg is
Theano's MRG31k3p, which the tutorial uses since 2016. philox is the fastest kind, which Theano does not have."""


def kind_of_streams(streams: str | None, backend: str) -> str:
    """Check the name of a kind of streams, or choose the default.

    Parameters
    ----------
    streams : str or None
        A key of `STREAMS`. None becomes "srs", or "philox" on JAX, which has no other kind.
    backend : {"numba", "c", "jax"}

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the kind is unknown, or the backend does not have it.
    """
    if streams is None:
        return "philox" if backend == "jax" else "srs"
    if streams not in STREAMS:
        raise ValueError(f"streams: expected one of {', '.join(STREAMS)}, found {streams!r}")
    if backend == "jax" and streams != "philox":
        raise ValueError(f"streams: expected philox, the only kind for the backend jax, found {streams!r}")
    return streams
