"""Compiled generators and the shared variables that they read."""

from functools import cached_property

import numpy as np
import pytensor

from rnnrbm_pt.graphs.dials import Dials
from rnnrbm_pt.graphs.sequence import Carried
from rnnrbm_pt.models.generation import N_STEPS

NEUTRAL = {"from_previous": 0, "floor": 0, "temperature": 1, "density": 0}
"""Values of `Dials` for which a graph with dials draws exactly what the model's own graph draws."""


class GenerationInputs:
    """Shared variables that a generation graph reads. A `Sampler` sets them for each sample and resets them afterwards.

    Parameters
    ----------
    floatX : str
        Float type of the model.

    Attributes
    ----------
    n_steps : shared scalar of int64
        Number of frames to generate. The tutorial's generator draws `N_STEPS`.
    fresh : shared scalar of floatX
        1 if generation starts from the model's initial states, 0 if it starts from `states`.
    states : tuple of shared vectors
        States to start from. They are empty until `Generator` gives them their sizes.
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
        """Make a shared scalar of floatX."""
        return pytensor.shared(np.asarray(value, self.floatX), name=name)

    def first_states(self, initial):
        """The states before the first generated frame, for `graphs.sequence.generate_graph`.

        Parameters
        ----------
        initial : sequence of vectors
            The model's own initial states.

        Returns
        -------
        tuple of vectors
        """
        if not self.states:
            empty = np.zeros(0, self.floatX)
            self.states = tuple(pytensor.shared(empty, name="u_init") for _ in initial)
        return Carried(self.fresh, self.states).first_states(initial)

    def start_from(self, states):
        """Make the compiled generator continue from given states."""
        for shared, state in zip(self.states, states, strict=True):
            shared.set_value(np.asarray(state, self.floatX))
        self.fresh.set_value(np.asarray(0, self.floatX))

    def set_dials(self, k, start, floor, temperature, density):
        """Set the values that a graph with dials reads; see `Generation`."""
        self.k.set_value(np.int64(k))
        for shared, value in zip(self.dials, (start == "previous", floor, temperature, density), strict=True):
            shared.set_value(np.asarray(value, self.floatX))

    def begin_again(self):
        """Make the compiled generator draw `N_STEPS` frames from the model's initial states."""
        self.n_steps.set_value(np.int64(N_STEPS))
        self.fresh.set_value(np.asarray(1, self.floatX))


class Generator:
    """A generation graph, compiled on first use.

    Parameters
    ----------
    graphs : SequenceGraphs
    inputs : GenerationInputs
        The shared variables that `graphs` was built with.
    compiling : CompileSettings
    remembers_frame : bool, default False
        Whether the graph has one additional state, the previous frame, before those of the model.
    """

    def __init__(self, graphs, inputs, compiling, remembers_frame=False):
        self.graphs, self.inputs, self.compiling = graphs, inputs, compiling
        self.remembers_frame = remembers_frame

    @property
    def streams(self):
        """The shared random streams that the graph draws from, in the order of their creation."""
        return list(self.graphs.updates_generate)

    @property
    def has_states(self):
        """Whether the graph returns the states after the last frame, so that a long sequence can be drawn in pieces."""
        return bool(self.graphs.states_generate)

    @cached_property
    def function(self):
        """The compiled generator. It returns the frames and the states after the last frame."""
        last = [states[-1] for states in self.graphs.states_generate]
        return self.compiling.function([], [self.graphs.v_t, *last], self.graphs.updates_generate)

    def compiled(self, initial):
        """Return the compiled generator; compile it first if needed.

        Parameters
        ----------
        initial : callable
            ``initial()`` returns the model's initial states.

        Returns
        -------
        callable
        """
        if "function" not in self.__dict__:
            states = initial()
            if self.remembers_frame:
                states = [np.zeros(self.graphs.params[0].get_value(borrow=True).shape[0]), *states]
            for shared, state in zip(self.inputs.states, states, strict=True):
                shared.set_value(np.asarray(state, self.inputs.floatX))  # compiling needs the size; values change later
        return self.function
