"""MRG streams: the streams of Theano's `MRG_RandomStreams`, which the tutorial's last version uses.

Use `MRGStreams` like `RandomStreams`. It draws the same bits as Theano's generator, MRG31k3p::

    build_rnnrbm(88, 150, 100, random_state=random_state, streams=MRGStreams(stream_seed(random_state)))
"""

import numpy as np
from pytensor.compile.sharedvalue import SharedVariable

from rnnrbm_pt.streams.mrg31k3p import M2, jump_ahead, mrg_type, parallel_states
from rnnrbm_pt.streams.srs import RandomStreams
from rnnrbm_pt.streams.stream_type import StreamSharedVariable


class MRGStreams(RandomStreams):
    """Random streams seeded like those of Theano's `MRG_RandomStreams`.

    Each stream starts 2^134 steps after the previous stream.

    Parameters
    ----------
    seed : int, optional
        From 1 to M2 - 1, since a state must not be all zeros. By default the tutorial's seed, which is the first draw
        of ``RandomState(0xbeef)``.

    Attributes
    ----------
    streams : list of StreamSharedVariable
        All streams created so far, in order. Checkpoints save their states: ``get_value()`` returns an int32 matrix,
        shape (15360, 6), with one state per row, and ``set_value()`` restores it.
    """

    lowest_seed, highest_seed = 1, M2 - 1

    def _seed(self, seed: int) -> None:
        self._next = np.full((1, 6), seed, dtype=np.int32)

    def _next_stream(self, name: str | None) -> SharedVariable:
        states = parallel_states(self._next)
        self._next = jump_ahead(self._next, 134)
        return StreamSharedVariable(type=mrg_type, value=states, strict=False, name=name)
