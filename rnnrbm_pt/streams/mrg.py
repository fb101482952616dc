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
        In [0, 2**32). By default the tutorial's seed, which is the first draw of ``RandomState(0xbeef)``. Theano's
        seeds are from 1 to M2 - 1: the six numbers of the first state. For other seeds, NumPy draws the first state.

    Attributes
    ----------
    streams : list of StreamSharedVariable
        All streams created so far, in order. Checkpoints save their states: ``get_value()`` returns an int32 matrix,
        shape (15360, 6), with one state per row, and ``set_value()`` restores it.
    """

    def _seed(self, seed: int) -> None:
        state = [seed] * 6 if 0 < seed < M2 else np.random.RandomState(seed).randint(1, M2, 6)
        self._next = np.array([state], dtype=np.int32)

    def _next_stream(self, name: str | None) -> SharedVariable:
        states = parallel_states(self._next)
        self._next = jump_ahead(self._next, 134)
        return StreamSharedVariable(type=mrg_type, value=states, strict=False, name=name)
