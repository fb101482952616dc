"""Compiled generators, and the shared variables that they read."""

from functools import cached_property

import numpy as np
import pytensor

from rnnrbm_pt.graphs.dials import Dials
from rnnrbm_pt.graphs.sequence import Carried
from rnnrbm_pt.models.generation import N_STEPS

NEUTRAL = {"from_previous": 0, "floor": 0, "temperature": 1, "density": 0}
"""The values of `Dials` at which a graph with dials draws what the model's own graph draws."""


class GenerationInputs:
    """Shared variables that a generation graph reads. A `Generator` sets them for a sample and puts them back.

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
        They are empty at first; `Generator` gives them their size.
    k : shared scalar of int64
        Gibbs steps, for a graph with dials.
    dials : Dials
        Shared scalars of floatX, for a graph with dials.
    """

    def __init__(self, floatX):
        self.floatX = floatX
        self.n_steps = pytensor.shared(np.int64(N_STEPS), name="n_steps")
        self.fresh = self.scalar(1, "fresh")
        self.states = ()
        self.k = pytensor.shared(np.int64(1), name="k_generate")
        self.dials = Dials(**{name: self.scalar(value, name) for name, value in NEUTRAL.items()})

    def scalar(self, value, name):
        """A shared scalar of floatX."""
        return pytensor.shared(np.asarray(value, self.floatX), name=name)

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
            empty = np.zeros(0, self.floatX)
            self.states = tuple(pytensor.shared(empty, name="u_init") for _ in initial)
        return Carried(self.fresh, self.states).first_states(initial)

    def start_from(self, states):
        """Have the compiled generator go on from given states."""
        for shared, state in zip(self.states, states, strict=True):
            shared.set_value(np.asarray(state, self.floatX))
        self.fresh.set_value(np.asarray(0, self.floatX))

    def set_dials(self, k, start, floor, temperature, density):
        """Set what a graph with dials reads; the values are those of `Generation`."""
        self.k.set_value(np.int64(k))
        for shared, value in zip(self.dials, (start == "previous", floor, temperature, density), strict=True):
            shared.set_value(np.asarray(value, self.floatX))

    def begin_again(self):
        """Have the compiled generator draw `N_STEPS` frames from the model's initial states."""
        self.n_steps.set_value(np.int64(N_STEPS))
        self.fresh.set_value(np.asarray(1, self.floatX))


class Generator:
    """A generation graph, compiled when it is first needed.

    Parameters
    ----------
    graphs : SequenceGraphs
    inputs : GenerationInputs
        The variables that `graphs` was built with.
    compiling : CompileSettings
    remembers_frame : bool
        Whether the first of its states is the frame before, beside those of the model.
    """

    def __init__(self, graphs, inputs, compiling, remembers_frame=False):
        self.graphs, self.inputs, self.compiling = graphs, inputs, compiling
        self.remembers_frame = remembers_frame

    @property
    def streams(self):
        """The shared random streams that it draws from, in the order in which they were given out."""
        return list(self.graphs.updates_generate)

    @property
    def has_states(self):
        """Whether it tells the states after the last frame, so that a long sequence can be drawn in pieces."""
        return bool(self.graphs.states_generate)

    @cached_property
    def function(self):
        """The compiled generator, which returns the frames and the states after the last one."""
        last = [states[-1] for states in self.graphs.states_generate]
        return self.compiling.function([], [self.graphs.v_t, *last], self.graphs.updates_generate)

    def compiled(self, initial):
        """The compiled generator, which is compiled if need be.

        Parameters
        ----------
        initial : callable
            Gives the model's initial states.
        """
        if "function" not in self.__dict__:
            states = initial()
            if self.remembers_frame:
                states = [np.zeros(self.graphs.params[0].get_value(borrow=True).shape[0]), *states]
            for shared, state in zip(self.inputs.states, states, strict=True):
                shared.set_value(np.asarray(state, self.inputs.floatX))  # other states replace it; it needs their size
        return self.function
