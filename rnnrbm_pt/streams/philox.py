"""Random streams of the third kind: Philox4x32-10, for those who want speed and do not need Theano's digits.

`PhiloxStreams` stands wherever `RandomStreams` does. A draw gives the same bits on every backend::

    build_rnnrbm(88, 150, 100, random_state=random_state, streams=PhiloxStreams(stream_seed(random_state)))
"""

import numpy as np
from pytensor.compile.sharedvalue import SharedVariable

from rnnrbm_pt.streams.draw import Advancing
from rnnrbm_pt.streams.philox4x32 import PhiloxBinomial, PhiloxType
from rnnrbm_pt.streams.srs import SEED, RandomStreams, stream_seed
from rnnrbm_pt.streams.stream_type import StreamVariable


class PhiloxVariable(StreamVariable):
    """A stream of Philox in a graph."""

    op = PhiloxBinomial()


PhiloxType.variable_type = PhiloxVariable


class PhiloxSharedVariable(Advancing, SharedVariable, PhiloxVariable):
    """A shared stream of Philox: its value is a uint32 vector, shape (4,)."""


class PhiloxStreams(RandomStreams):
    """Random streams of Philox4x32-10.

    Parameters
    ----------
    seed : int, optional
        In [0, 2**32): the first word of every key; the second one numbers the streams. Without it, the tutorial's: the
        first draw of ``RandomState(0xbeef)``.
    parallel : bool
        Whether the Numba backend may share out the rows of a draw, as many threads as `numba.set_num_threads` says.

    Attributes
    ----------
    streams : list of PhiloxSharedVariable
        All that were given out, in order. ``get_value()`` is a uint32 vector, shape (4,).
    """

    def __init__(self, seed=None, *, parallel=False):
        if seed is None:
            seed = stream_seed(np.random.RandomState(SEED))
        if not 0 <= seed < 2**32:
            raise ValueError(f"seed of PhiloxStreams: expected 0 to {2**32 - 1}, found {seed}")
        self._seed = seed
        self._type = PhiloxType(parallel)
        if parallel:
            # Numba starts its threads when it compiles for them: code from its cache would find none, and crash.
            import numba

            numba.get_num_threads()
        self.streams = []

    def stream(self, name=None):
        """Give out the next stream.

        Parameters
        ----------
        name : str, optional
            What a printed graph shall call it.

        Returns
        -------
        PhiloxSharedVariable
            ``next_stream, draw = bernoulli(stream, p)`` draws from it. Compiled functions that compute the
            draw advance it; see `Advancing`.
        """
        state = np.array([self._seed, len(self.streams), 0, 0], dtype=np.uint32)
        stream = PhiloxSharedVariable(type=self._type, value=state, strict=False, name=name)
        self.streams.append(stream)
        return stream
