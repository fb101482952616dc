"""Drawing sequences from a model, from its initial state or after frames that are given."""

from functools import cached_property

import numpy as np
import pytensor

from rnnrbm_pt.checks import integer, seed_number
from rnnrbm_pt.graphs.sequence import Carried
from rnnrbm_pt.interrupts import deferred_interrupts
from rnnrbm_pt.models.compiling import locked

N_STEPS = 200
"""Frames of a generated sequence unless `sample` is asked for another number."""


class GenerationInputs:
    """Shared variables that the generation graph reads. `Sampler` sets them for a sample and puts them back.

    Parameters
    ----------
    floatX : str

    Attributes
    ----------
    n_steps : shared scalar of int64
        Frames to generate: `N_STEPS` for the tutorial's generator.
    fresh : shared scalar of floatX
        1 where generation starts from the model's initial states, 0 where it starts from `states`.
    states : tuple of shared vectors
        They are empty at first; `Sampler` gives them their size.
    """

    def __init__(self, floatX):
        self.n_steps = pytensor.shared(np.int64(N_STEPS), name="n_steps")
        self.fresh = pytensor.shared(np.asarray(1, floatX), name="fresh")
        self.states = ()

    def first_states(self, initial):
        """The states before the first generated frame, for `graphs.sequence.generate_graph`.

        Parameters
        ----------
        initial : sequence of vectors
            The model's own.

        Returns
        -------
        tuple of vectors
        """
        if not self.states:
            empty = np.zeros(0, self.fresh.dtype)
            self.states = tuple(pytensor.shared(empty, name="u_init") for _ in initial)
        return Carried(self.fresh, self.states).first_states(initial)


class Sampler:
    """Draws sequences from the graphs of a model.

    Parameters
    ----------
    graphs : SequenceGraphs
    inputs : GenerationInputs
        The variables that `graphs` was built with.
    streams : RandomStreams
        The model's streams; `sample` with a seed draws from new streams of the same kind.
    compiling : CompileSettings
    """

    def __init__(self, graphs, inputs, streams, compiling):
        self.graphs, self.inputs, self.streams, self.compiling = graphs, inputs, streams, compiling

    @property
    def generate_function(self):
        """The compiled generator: takes nothing, returns a roll (200, n_visible) that starts from the initial state.

        It is compiled when it is first needed.
        """
        with self.compiling.lock:
            _ = self._frames_and_states
        return self._generate

    @cached_property
    def _frames_and_states(self):
        """The compiled generator, which returns the states after the last frame too."""
        for shared, state in zip(self.inputs.states, self.initial_states(), strict=True):
            shared.set_value(state)  # other states replace it before it is used, but it needs their size
        last = [states[-1] for states in self.graphs.states_generate]
        return self.compiling.function([], [self.graphs.v_t, *last], self.graphs.updates_generate)

    def _generate(self):
        return self._frames_and_states()[0]

    @cached_property
    def _state_function(self):
        return self.compiling.function_as_written([self.graphs.v], [state[-1] for state in self.graphs.states])

    @cached_property
    def _initial_function(self):
        return self.compiling.function_as_written([], list(self.graphs.initial))

    def initial_states(self):
        """The states before the first frame: a list of vectors of floatX."""
        return self.compiling.on_host(self.graphs.params, self._initial_function)

    def states_after(self, frames):
        """The states after a sequence of at least one frame.

        Parameters
        ----------
        frames : array, shape (n_steps, n_visible)

        Returns
        -------
        list of vectors of floatX
        """
        return self.compiling.on_host(self.graphs.params, self._state_function, frames.astype(self.compiling.floatX))

    @locked
    def sample(self, n_steps=N_STEPS, *, seed=None, primer=None):
        """Draw a sequence.

        Ctrl+C takes effect within about a second, and leaves the model as usable as before.

        Parameters
        ----------
        n_steps : int
            Number of frames.
        seed : int, optional
            Seed of the draws. Without it they advance the model's streams.
        primer : array, shape (n_primer, n_visible), optional
            Frames that precede the sample; they are not part of it.

        Returns
        -------
        array, shape (n_steps, n_visible)
            Of floatX; a model of notes gives it as uint8.
        """
        n_steps = integer("n_steps", n_steps, 1)
        seed = None if seed is None else seed_number(seed)
        states = self.states_after(primer) if primer is not None and len(primer) else None
        streams = list(self.graphs.updates_generate)
        function, inputs = self._frames_and_states, self.inputs
        in_pieces = self.compiling.pieces(n_steps, N_STEPS) if self.graphs.states_generate else [slice(0, n_steps)]
        with self.compiling.bounded_threads(), deferred_interrupts() as check:
            before = [stream.get_value() for stream in streams]
            frames = []
            try:
                if seed is not None:
                    for stream, seeded in zip(streams, type(self.streams)(seed).rbm(), strict=False):
                        stream.set_value(seeded.get_value())
                for steps in in_pieces:
                    inputs.n_steps.set_value(np.int64(steps.stop - steps.start))
                    if states is not None:
                        self._start_from(states)
                    piece, *states = function()
                    frames.append(piece)
                    check()
            finally:  # `generate_function` can be called directly at any time
                inputs.n_steps.set_value(np.int64(N_STEPS))
                inputs.fresh.set_value(np.asarray(1, self.compiling.floatX))
                if seed is not None:
                    for stream, value in zip(streams, before, strict=True):
                        stream.set_value(value)
        return np.concatenate(frames)

    def _start_from(self, states):
        """Have the compiled generator go on from given states."""
        for shared, state in zip(self.inputs.states, states, strict=True):
            shared.set_value(np.asarray(state, self.compiling.floatX))
        self.inputs.fresh.set_value(np.asarray(0, self.compiling.floatX))
