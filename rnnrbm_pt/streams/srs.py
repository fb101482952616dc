"""srs streams: the streams of Theano's `shared_randomstreams`, one for each draw in the code of a graph.

In the tutorial, every ``rng.binomial(...)`` in the code gets a Mersenne Twister of its own. Another Mersenne Twister
seeds all of them, in the order of the code. `RandomStreams` does the same, so it draws the same numbers.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pytensor.tensor as pt
from numpy.typing import ArrayLike
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Variable
from pytensor.tensor.random.type import random_generator_type
from pytensor.tensor.random.variable import RandomGeneratorSharedVariable
from pytensor.tensor.shape import Shape
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.checks import LARGEST_SEED
from rnnrbm_pt.streams.draw import bernoulli
from rnnrbm_pt.streams.stream_type import Advancing

SEED = 0xBEEF
"""The tutorial's seed: ``numpy.random.seed(0xbeef)``."""


def mersenne_twister(seed: int) -> np.random.Generator:
    """A NumPy generator that yields the same doubles as the legacy ``numpy.random.RandomState(seed)``.

    Parameters
    ----------
    seed : int
        In [0, 2**32).

    Returns
    -------
    numpy.random.Generator
        A generator with the bit generator MT19937.
    """
    bit_generator = np.random.MT19937()
    legacy = np.random.RandomState(seed).get_state(legacy=False)
    bit_generator.state = {"bit_generator": "MT19937", "state": legacy["state"]}
    return np.random.Generator(bit_generator)


class SharedStream(Advancing, RandomGeneratorSharedVariable):
    """A shared stream whose value is a NumPy generator."""


class RandomStreams:
    """Random streams seeded like those of Theano's `shared_randomstreams.RandomStreams`.

    Parameters
    ----------
    seed : int, optional
        Seed of the generator that seeds the streams, in [0, 2**32). By default the tutorial's seed, which is the first
        draw of ``RandomState(0xbeef)``.

    Attributes
    ----------
    streams : list of shared variables
        All streams created so far, in order. Checkpoints save their states, ``get_value()``.

    Notes
    -----
    The other kinds of streams derive from this class. Each has its own `_seed` and `_next_stream`.
    """

    def __init__(self, seed: int | None = None) -> None:
        if seed is None:
            seed = stream_seed(np.random.RandomState(SEED))
        if not 0 <= seed <= LARGEST_SEED:
            raise ValueError(f"seed of {type(self).__name__}: expected 0 to {LARGEST_SEED}, found {seed}")
        self.streams: list[SharedVariable] = []
        self._seed(seed)

    def _seed(self, seed: int) -> None:
        self._seeds = np.random.RandomState(seed)

    def _next_stream(self, name: str | None) -> SharedVariable:
        generator = mersenne_twister(int(self._seeds.randint(2**30)))
        return SharedStream(type=random_generator_type, value=generator, strict=False, name=name)

    def stream(self, name: str | None = None) -> SharedVariable:
        """Create the next stream.

        Parameters
        ----------
        name : str, optional
            Name of the stream in a printed graph.

        Returns
        -------
        shared variable
            ``next_stream, draw = bernoulli(stream, p)`` draws from it. Compiled functions that compute the draw advance
            the stream; see `Advancing`.
        """
        stream = self._next_stream(name)
        self.streams.append(stream)
        return stream

    def binomial(
        self,
        size: Variable | Sequence[int] | None = None,
        n: int = 1,
        p: Variable | ArrayLike = 0.5,
        dtype: str | None = None,
    ) -> TensorVariable:
        """Draw from a new stream, as in the tutorial: ``rng.binomial(size=p.shape, n=1, p=p, dtype=floatX)``.

        Parameters
        ----------
        size : sequence of int, or integer vector, optional
            Shape of the draw. By default, the shape of p.
        n : int
            Number of trials, which must be 1.
        p : tensor of any shape
            Probabilities of 1.
        dtype : str, optional
            Type of the draw. By default, floatX.

        Returns
        -------
        tensor
            The draw. Its stream advances by itself. If you draw inside a scan, pass on the updates that the scan
            returns.
        """
        if n != 1:
            raise ValueError(f"n: expected 1 trial, found {n!r}")
        p = pt.as_tensor(p)
        _, draw = bernoulli(self.stream(), p if size is None or _is_shape_of(size, p) else pt.broadcast_to(p, size))
        return draw if dtype is None else pt.cast(draw, dtype)

    def rbm(self, suffix: str = "") -> tuple[SharedVariable, ...]:
        """Create the four streams of one `build_rbm`, in the order of the tutorial's program.

        Parameters
        ----------
        suffix : str
            Suffix for the names of the streams.

        Returns
        -------
        tuple of four shared variables
            The streams for h and v of the Gibbs chain, and for h and v of the monitor's extra step.
        """
        names = "rng_h", "rng_v", "rng_h_monitor", "rng_v_monitor"
        return tuple(self.stream(name + suffix) for name in names)

    def again(self) -> "SameStreams":
        """The same streams once more, in the same order, for a second graph that draws from them."""
        return SameStreams(self.streams)


class SameStreams:
    """The streams of another graph; see `RandomStreams.again`."""

    def __init__(self, streams: Iterable[SharedVariable]) -> None:
        self._rest = iter(streams)

    def rbm(self, suffix: str = "") -> tuple[SharedVariable, ...]:
        """The next four streams, with their present names; see `RandomStreams.rbm`."""
        streams = tuple(next(self._rest) for _ in range(4))
        for stream in streams:
            stream.tag.used = False  # PyTensor warns if a graph uses a stream twice, but these are two graphs
        return streams


def _is_shape_of(size: object, x: Variable) -> bool:
    owner = size.owner if isinstance(size, Variable) else None
    return owner is not None and isinstance(owner.op, Shape) and owner.inputs[0] is x


def stream_seed(random_state: np.random.RandomState) -> int:
    """Draw the seed of `RandomStreams` as the tutorial does: ``numpy.random.randint(1 << 30)``."""
    return int(random_state.randint(1 << 30))
