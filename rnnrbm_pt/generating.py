"""How a trained model generates: from its own frames, or going on from frames that are given."""

from functools import cached_property

import numpy as np
from pytensor.compile.mode import Mode

from rnnrbm_pt.graphs.backends import bounded_threads, compile_function


class Generating:
    """The part of a `SequenceModel` that draws sequences."""

    @cached_property
    def generate_function(self):
        """The compiled generator: takes nothing, returns a roll (n_steps, n_visible); compiled when first asked for."""
        graphs = self.graphs
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
        if int(n_steps) < 1:
            raise ValueError(f"n_steps: expected at least 1, found {n_steps!r}")
        primer = None if primer is None else self.check(primer, "primer").astype(self.floatX)
        if primer is None or not len(primer):
            states = self.on_host(self._initial_function)
        else:
            states = self.on_host(self._state_function, primer)
        streams = list(self.graphs.updates_generate)
        before = [stream.get_value() for stream in streams]
        if seed is not None:
            for stream, fresh in zip(streams, type(self.streams)(seed).rbm(), strict=False):
                stream.set_value(fresh.get_value())
        self._n_steps.set_value(np.int64(n_steps))
        for shared, state in zip(self._u_init, states, strict=True):
            shared.set_value(np.asarray(state, self.floatX))
        try:
            with bounded_threads(self.threads):
                roll = np.asarray(self.generate_function())
            return roll if self.real_valued else roll.astype(np.uint8)
        finally:
            self._n_steps.set_value(np.int64(200))
            if seed is not None:
                for stream, value in zip(streams, before, strict=True):
                    stream.set_value(value)

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
