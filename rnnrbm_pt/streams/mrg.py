"""Random streams of the second kind: those of Theano's `MRG_RandomStreams`, which the tutorial's last version uses.

`MRGStreams` stands wherever `RandomStreams` does, and gives the bits that Theano's MRG31k3p gives::

    build_rnnrbm(88, 150, 100, random_state=random_state, streams=MRGStreams(stream_seed(random_state)))
"""

import numpy as np
from pytensor.compile.sharedvalue import SharedVariable

from rnnrbm_pt.streams.draw import Advancing
from rnnrbm_pt.streams.mrg31k3p import M2, MRGBinomial, MRGType, jump_ahead, mrg_type, parallel_states
from rnnrbm_pt.streams.srs import SEED, RandomStreams, stream_seed
from rnnrbm_pt.streams.stream_type import StreamVariable


class MRGVariable(StreamVariable):
    """A stream of MRG31k3p in a graph."""

    op = MRGBinomial()


MRGType.variable_type = MRGVariable


class MRGSharedVariable(Advancing, SharedVariable, MRGVariable):
    """A shared stream of MRG31k3p: its value is an int32 matrix, one state a row."""


class MRGStreams(RandomStreams):
    """Random streams seeded by the rule of Theano's `MRG_RandomStreams`.

    Parameters
    ----------
    seed : int, optional
        From 1 to M2 - 1: a state must not be all zeros. Without it, the tutorial's: the first draw of
        ``RandomState(0xbeef)``.

    Attributes
    ----------
    streams : list of MRGSharedVariable
        All that were given out, in order. The states belong to a checkpoint: ``get_value()`` is an int32 matrix, shape
        (15360, 6), and ``set_value()`` takes it back.
    """

    def __init__(self, seed=None):
        if seed is None:
            seed = stream_seed(np.random.RandomState(SEED))
        if not 0 < seed < M2:
            raise ValueError(f"seed of MRGStreams: expected 1 to {M2 - 1}, found {seed}")
        self._next = np.full((1, 6), seed, dtype=np.int32)
        self.streams = []

    def stream(self, name=None):
        """Give out the next stream, which starts 2^134 steps after the one before.

        Parameters
        ----------
        name : str, optional
            What a printed graph shall call it.

        Returns
        -------
        MRGSharedVariable
            ``next_stream, draw = bernoulli(stream, p)`` draws from it. Compiled functions that compute the
            draw advance it; see `Advancing`.
        """
        states = parallel_states(self._next)
        self._next = jump_ahead(self._next, 134)
        stream = MRGSharedVariable(type=mrg_type, value=states, strict=False, name=name)
        self.streams.append(stream)
        return stream
