"""Where the random numbers of a graph come from: one stream for each draw that is written in it.

The tutorial's `shared_randomstreams` gives every ``rng.binomial(...)`` that is written in a graph a Mersenne
Twister of its own. All of them are seeded by one more, in the order in which they are written. `RandomStreams` does
the same, and so draws the same numbers.
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

from rnnrbm_pt.streams.draw import bernoulli
from rnnrbm_pt.streams.stream_type import Advancing

SEED = 0xBEEF
"""The tutorial's seed: ``numpy.random.seed(0xbeef)``."""


def mersenne_twister(seed: int) -> np.random.Generator:
    """A NumPy generator that yields the doubles of the legacy ``numpy.random.RandomState(seed)``.

    Parameters
    ----------
    seed : int
        In [0, 2**32).

    Returns
    -------
    numpy.random.Generator
        Over MT19937.
    """
    bit_generator = np.random.MT19937()
    legacy = np.random.RandomState(seed).get_state(legacy=False)
    bit_generator.state = {"bit_generator": "MT19937", "state": legacy["state"]}
    return np.random.Generator(bit_generator)


class SharedStream(Advancing, RandomGeneratorSharedVariable):
    """A shared stream whose value is a NumPy generator."""


class RandomStreams:
    """Random streams seeded by the rule of Theano's `shared_randomstreams.RandomStreams`.

    Parameters
    ----------
    seed : int, optional
        Seed of the generator that seeds the streams, in [0, 2**32). Without it, the tutorial's: the first draw of
        ``RandomState(0xbeef)``.

    Attributes
    ----------
    streams : list of shared variables
        All streams given out so far, in order. Their states, ``get_value()``, belong to a checkpoint.

    Notes
    -----
    The other kinds derive from this class. Each has its own range of seeds, and `_seed` and `_next_stream`.
    """

    lowest_seed, highest_seed = 0, 2**32 - 1

    def __init__(self, seed: int | None = None) -> None:
        if seed is None:
            seed = stream_seed(np.random.RandomState(SEED))
        if not self.lowest_seed <= seed <= self.highest_seed:
            limits = f"{self.lowest_seed} to {self.highest_seed}"
            raise ValueError(f"seed of {type(self).__name__}: expected {limits}, found {seed}")
        self.streams: list[SharedVariable] = []
        self._seed(seed)

    def _seed(self, seed: int) -> None:
        self._seeds = np.random.RandomState(seed)

    def _next_stream(self, name: str | None) -> SharedVariable:
        generator = mersenne_twister(int(self._seeds.randint(2**30)))
        return SharedStream(type=random_generator_type, value=generator, strict=False, name=name)

    def stream(self, name: str | None = None) -> SharedVariable:
        """Give out the next stream.

        Parameters
        ----------
        name : str, optional
            Its name in a printed graph.

        Returns
        -------
        shared variable
            ``next_stream, draw = bernoulli(stream, p)`` draws from it. Compiled functions that compute the draw advance
            it; see `Advancing`.
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
        """Draw from the next stream, as the tutorial writes it: ``rng.binomial(size=p.shape, n=1, p=p, dtype=floatX)``.

        Parameters
        ----------
        size : sequence of int, or integer vector, optional
            Shape of the draw. Without it, the shape of p.
        n : int
            Trials: one.
        p : tensor of any shape
            Probabilities of 1.
        dtype : str, optional
            Without it, floatX.

        Returns
        -------
        tensor
            The draw alone: its stream advances by itself. Within a scan, return the updates that the scan gives.
        """
        if n != 1:
            raise ValueError(f"n: expected 1 trial, found {n!r}")
        p = pt.as_tensor(p)
        _, draw = bernoulli(self.stream(), p if size is None or _is_shape_of(size, p) else pt.broadcast_to(p, size))
        return draw if dtype is None else pt.cast(draw, dtype)

    def rbm(self, suffix: str = "") -> tuple[SharedVariable, ...]:
        """The four streams of one `build_rbm`, in the order in which the tutorial's program writes them.

        Parameters
        ----------
        suffix : str
            Appended to their names.

        Returns
        -------
        tuple of four shared variables
            h and v of the Gibbs chain, h and v of the monitor's additional step.
        """
        names = "rng_h", "rng_v", "rng_h_monitor", "rng_v_monitor"
        return tuple(self.stream(name + suffix) for name in names)

    def again(self) -> "SameStreams":
        """Give out the same streams once more, in the same order: for a second graph that draws from them."""
        return SameStreams(self.streams)


class SameStreams:
    """Streams that a first graph has already; see `RandomStreams.again`."""

    def __init__(self, streams: Iterable[SharedVariable]) -> None:
        self._rest = iter(streams)

    def rbm(self, suffix: str = "") -> tuple[SharedVariable, ...]:
        """The next four streams, under the names that they have; as `RandomStreams.rbm`."""
        streams = tuple(next(self._rest) for _ in range(4))
        for stream in streams:
            stream.tag.used = False  # PyTensor warns of a stream used twice; two graphs are compiled apart
        return streams


def _is_shape_of(size: object, x: Variable) -> bool:
    owner = size.owner if isinstance(size, Variable) else None
    return owner is not None and isinstance(owner.op, Shape) and owner.inputs[0] is x


def stream_seed(random_state: np.random.RandomState) -> int:
    """Draw the seed of `RandomStreams` as the tutorial does: ``numpy.random.randint(1 << 30)``."""
    return int(random_state.randint(1 << 30))
