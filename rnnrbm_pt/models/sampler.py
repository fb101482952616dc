"""Drawing sequences from a model, from its initial state or after given frames."""

from functools import cached_property, partial

import numpy as np

from rnnrbm_pt.checks import integer, seed_number
from rnnrbm_pt.graphs.dials import generate_by_nade, generate_by_rbm
from rnnrbm_pt.interrupts import deferred_interrupts
from rnnrbm_pt.models.compiling import locked
from rnnrbm_pt.models.generation import N_STEPS, Generation, length
from rnnrbm_pt.models.generator import GenerationInputs, Generator
from rnnrbm_pt.settings import sorted_into

K_GENERATE = 25
"""Gibbs steps per frame of a model whose settings do not give a number: the default of `rbm_graphs`."""


class Sampler:
    """Draws sequences from the graphs of a model.

    Parameters
    ----------
    graphs : SequenceGraphs
    inputs : GenerationInputs
        The shared variables that `graphs` was built with.
    streams : RandomStreams
        The model's streams. `sample` with a seed draws from new streams of the same kind.
    compiling : CompileSettings
    build : callable
        ``build(**changed) -> SequenceGraphs`` makes further graphs with the same parameters and streams. They are used
        for settings of `Generation` that the model's own graph does not support.
    k : int, optional
        The model's Gibbs steps in generation, if its settings give a number.
    real_valued : bool, default False
        Whether frames hold real numbers instead of 0 and 1.
    """

    def __init__(self, graphs, inputs, streams, compiling, build, k=None, real_valued=False):
        self.graphs, self.streams, self.compiling, self.build = graphs, streams, compiling, build
        self.has_chain, self.has_notes = graphs.log_likelihood is None, not real_valued
        self.k = (k or K_GENERATE) if self.has_chain else None
        self.plain = Generator(graphs, inputs, compiling)

    @property
    def generate_function(self):
        """The compiled generator: takes no argument and returns 200 frames, shape (200, n_visible).

        It starts from the initial state, and is compiled on first use.
        """
        with self.compiling.lock:
            self.plain.compiled(self.initial_states)
        return self._generate

    def _generate(self):
        return self.plain.function()[0]

    @cached_property
    def with_dials(self):
        """The generator that supports all settings of `Generation`."""
        inputs = GenerationInputs(self.compiling.floatX)
        changed = {"n_steps": inputs.n_steps, "u_init": inputs.first_states}
        if self.has_chain:
            changed |= {"k_generate": inputs.k, "generate": partial(generate_by_rbm, dials=inputs.dials)}
        else:
            changed |= {"generate": partial(generate_by_nade, dials=inputs.dials)}
        return Generator(self.build(**changed), inputs, self.compiling, remembers_frame=self.has_chain)

    def generator(self, how):
        """The compiled generator for settings: the model's own, unless a setting changes how frames are drawn.

        Parameters
        ----------
        how : Generation

        Returns
        -------
        Generator

        Raises
        ------
        ValueError
            If a setting does not apply to this kind of model.
        """
        how.check_model(self.has_chain, self.has_notes)
        if not how.dials(self.k):
            return self.plain
        made = self.with_dials
        made.inputs.set_dials(how.k or self.k or 1, how.start, how.floor, how.temperature, how.density)
        return made

    @cached_property
    def _state_function(self):
        return self.compiling.function_as_written([self.graphs.v], [state[-1] for state in self.graphs.states])

    @cached_property
    def _initial_function(self):
        return self.compiling.function_as_written([], list(self.graphs.initial))

    def initial_states(self):
        """The states before the first frame: a list of vectors of floatX."""
        return self.compiling.on_host(self._initial_function)

    def states_after(self, frames):
        """Compute the states after a sequence of at least one frame.

        Parameters
        ----------
        frames : array, shape (n_steps, n_visible)

        Returns
        -------
        list of vectors of floatX
        """
        return self.compiling.on_host(self._state_function, frames.astype(self.compiling.floatX))

    @locked
    def sample(self, n_steps=N_STEPS, *, seed=None, primer=None, how=None):
        """Draw a sequence.

        Ctrl+C takes effect within about a second and leaves the model usable.

        Parameters
        ----------
        n_steps : int, default 200
            Number of frames.
        seed : int, optional
            Seed of the draws. Without it, the draws continue the model's streams.
        primer : array, shape (n_primer, n_visible), optional
            Frames that precede the sample. They are not part of it.
        how : Generation, optional
            How frames are drawn. The default is the tutorial's way.

        Returns
        -------
        array of floatX, shape (n_steps, n_visible)
        """
        n_steps = integer("n_steps", n_steps, 1)
        seed = None if seed is None else seed_number(seed)
        generator = self.generator(how or Generation())
        states = None
        if primer is not None and len(primer):
            states = self.states_after(primer)
            if generator.remembers_frame:
                states = [primer[-1], *states]
        function, inputs, streams = generator.compiled(self.initial_states), generator.inputs, generator.streams
        in_pieces = self.compiling.pieces(n_steps, N_STEPS) if generator.has_states else [slice(0, n_steps)]
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
                        inputs.start_from(states)
                    piece, *states = function()
                    frames.append(piece)
                    check()
            finally:  # users can call `generate_function` directly at any time
                inputs.begin_again()
                if seed is not None:
                    for stream, value in zip(streams, before, strict=True):
                        stream.set_value(value)
        return np.concatenate(frames)


def draw_piece(model, n_steps=None, *, seed=None, primer=None, **settings):
    """Draw a new sequence of frames from the model.

    Ctrl+C takes effect within about a second and leaves the model usable.

    Parameters
    ----------
    n_steps : int, optional
        Number of frames. The default is 200, or as many as `seconds` requires.
    seed : int, optional
        Seed of the draws. Without it, the draws continue the model's random streams.
    primer : array, shape (n_primer, n_visible), optional
        Frames that precede the sample. They are part of the result only with `keep_primer`.
    **settings
        Fields of `Generation`: k, start, floor, temperature, density, seconds, tempo, keep_primer. The defaults are the
        tutorial's. The first other value compiles one more function, which then serves all values. JAX compiles again
        for each k.

    Returns
    -------
    array, shape (n_steps, n_visible)
        Frames of type uint8, or of floatX if the frames are real-valued.

    Raises
    ------
    ValueError
        If a setting is invalid or does not apply to this kind of model.

    Examples
    --------
    >>> roll = model.sample(400, seed=1, temperature=0.9)
    >>> roll.shape
    (400, 88)
    """
    (how,) = sorted_into(settings, Generation)
    n_steps = length(n_steps, how, model.frames)
    if how.keep_primer and primer is None:
        raise ValueError("keep_primer: expected a primer, found none")
    primer = None if primer is None else model.frames.check(primer, "primer")
    roll = model.frames.from_model(model.sampler.sample(n_steps, seed=seed, primer=primer, how=how))
    return np.concatenate([primer, roll]) if how.keep_primer else roll
