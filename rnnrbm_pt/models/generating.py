"""How a trained model generates: from its own frames, or going on from frames that are given."""

from functools import cached_property

import numpy as np
from pytensor.compile.mode import Mode

from rnnrbm_pt.compile.modes import bounded_threads, compile_function
from rnnrbm_pt.io.checks import integer, seed_number

N_STEPS = 200
"""Frames of a sequence that is generated, unless `sample` is asked for another number."""


class Generating:
    """The part of a `SequenceModel` that draws sequences."""

    @cached_property
    def generate_function(self):
        """The compiled generator: takes nothing, returns a roll (200, n_visible) that starts from the initial state.

        It is compiled when it is first asked for. `sample` calls it for other lengths and starts.
        """
        graphs = self.graphs
        for shared, state in zip(self._start.states, self.on_host(self._initial_function), strict=True):
            shared.set_value(state)  # not used before a primer replaces it, but it has to have the size of a state
        return compile_function([], graphs.v_t, graphs.updates_generate, mode=self._mode, floatX=self.floatX)

    @cached_property
    def _state_function(self):
        """The states after a sequence; run step by step in Python, since compiling takes longer than it."""
        mode = Mode(linker="py", optimizer="fast_compile")
        states = [state[-1] for state in self.graphs.states]
        return compile_function([self.graphs.v], states, mode=mode, floatX=self.floatX)

    @cached_property
    def _initial_function(self):
        mode = Mode(linker="py", optimizer="fast_compile")
        return compile_function([], list(self.graphs.initial), mode=mode, floatX=self.floatX)

    def sample(self, n_steps=200, *, seed=None, primer=None):
        """Draw a piano-roll from the model.

        Parameters
        ----------
        n_steps : int
            Frames.
        seed : int, optional
            Draw from streams seeded by it instead of from the model's, which then stay as they are.
        primer : array, shape (n_steps, n_visible), optional
            Frames that are taken to precede the sample; they are not part of it.

        Returns
        -------
        array, shape (n_steps, n_visible)
            Of uint8; of Gaussian units of floatX.
        """
        n_steps = integer("n_steps", n_steps, 1)
        seed = None if seed is None else seed_number(seed)
        primer = None if primer is None else self.check(primer, "primer").astype(self.floatX)
        states = self.on_host(self._state_function, primer) if primer is not None and len(primer) else None
        streams = list(self.graphs.updates_generate)
        before = [stream.get_value() for stream in streams]
        with bounded_threads(self.threads):
            function = self.generate_function
            try:
                if seed is not None:
                    for stream, fresh in zip(streams, type(self.streams)(seed).rbm(), strict=False):
                        stream.set_value(fresh.get_value())
                self._n_steps.set_value(np.int64(n_steps))
                if states is not None:
                    for shared, state in zip(self._start.states, states, strict=True):
                        shared.set_value(np.asarray(state, self.floatX))
                    self._start.fresh.set_value(np.asarray(0, self.floatX))
                roll = np.asarray(function())
            finally:  # `generate_function` can be called directly at any time
                self._n_steps.set_value(np.int64(N_STEPS))
                self._start.fresh.set_value(np.asarray(1, self.floatX))
                if seed is not None:
                    for stream, value in zip(streams, before, strict=True):
                        stream.set_value(value)
        return roll if self.real_valued else roll.astype(np.uint8)

    def generate(self, filename, show=True, *, n_steps=200, seed=None, primer=None, shift=0):
        """Draw a sequence from the model, write it as a MIDI file and plot it.

        Parameters
        ----------
        filename : path
            The MIDI file to write.
        show : bool
            Whether to plot the piano-roll, with matplotlib.pyplot.
        n_steps, seed, primer
            See `sample`.
        shift : int
            Semitones by which a piece was moved up in preprocessing, to write in the key of that piece.

        Returns
        -------
        uint8 array, shape (n_steps, n_visible)
            What was written.

        Raises
        ------
        ValueError
            If frames are real numbers: those are no notes; see `sample`.
        """
        if self.real_valued:
            raise ValueError("generate: expected binary visible units, found Gaussian ones, which are no notes")
        piano_roll = self.sample(n_steps, seed=seed, primer=primer)
        if shift:
            piano_roll = self.preprocess.undo(piano_roll, self.r, shift=shift)
        self.preprocess.write(filename, piano_roll, self.r, self.dt)
        if show:
            from rnnrbm_pt.music.plot import plot_piano_roll

            plot_piano_roll(piano_roll, self.r, self.step_seconds)
        return piano_roll
