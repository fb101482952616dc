"""Philox streams: the fastest kind. Theano does not have them, so they do not draw Theano's numbers.

Use `PhiloxStreams` like `RandomStreams`. A draw gives the same bits on every backend. The generator is Philox4x32-10::

    build_rnnrbm(88, 150, 100, random_state=random_state, streams=PhiloxStreams(stream_seed(random_state)))
"""

import numpy as np
from pytensor.compile.sharedvalue import SharedVariable

from rnnrbm_pt.streams.philox4x32 import PhiloxType
from rnnrbm_pt.streams.srs import RandomStreams
from rnnrbm_pt.streams.stream_type import StreamSharedVariable


class PhiloxStreams(RandomStreams):
    """Random streams of Philox4x32-10.

    Parameters
    ----------
    seed : int, optional
        In [0, 2**32). It is the first word of every key; the second word is the number of the stream. By default the
        tutorial's seed, which is the first draw of ``RandomState(0xbeef)``.
    parallel : bool
        Whether the Numba backend may divide the rows of a draw among threads. `numba.set_num_threads` sets their
        number.

    Attributes
    ----------
    streams : list of StreamSharedVariable
        All streams created so far, in order. ``get_value()`` returns a uint32 vector, shape (4,).
    """

    def __init__(self, seed: int | None = None, *, parallel: bool = False) -> None:
        super().__init__(seed)
        self._type = PhiloxType(parallel)
        if parallel:
            # Numba starts its threads when it compiles parallel code. Cached code would find none and crash.
            import numba

            numba.get_num_threads()

    def _seed(self, seed: int) -> None:
        self._key = seed

    def _next_stream(self, name: str | None) -> SharedVariable:
        state = np.array([self._key, len(self.streams), 0, 0], dtype=np.uint32)
        return StreamSharedVariable(type=self._type, value=state, strict=False, name=name)
