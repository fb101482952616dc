"""Models that are trained on music and generate it: compiled functions around the graphs.

`SequenceModel` holds what does not depend on the kind of model; `RnnRbm` is the tutorial's class. Its kin, which have
the same interface, are in `rnnrbm_pt.siblings`.
"""

import os
from functools import cached_property
from itertools import chain, repeat

import numpy as np
import pytensor
import pytensor.tensor as pt

from rnnrbm_pt import storage
from rnnrbm_pt.generating import Generating
from rnnrbm_pt.graphs.backends import backend_mode, bounded_threads, compile_function
from rnnrbm_pt.graphs.kinds_of_streams import STREAMS, kind_of_streams
from rnnrbm_pt.graphs.rnnrbm import build_rnnrbm
from rnnrbm_pt.graphs.sequence import sequence_weights
from rnnrbm_pt.graphs.streams import SEED, stream_seed
from rnnrbm_pt.music.datasets import ZipMember, midi_files, read_rolls
from rnnrbm_pt.music.pianoroll import check_range, check_real_roll, check_roll
from rnnrbm_pt.observing import Observing
from rnnrbm_pt.training.loop import Progress, batch_of, run_epochs


class SequenceModel(Generating, Observing):
    """A model of sequences of frames: training, generation, saving. Subclasses say which graphs to build.

    Attributes
    ----------
    builder : function
        What builds the graphs of the model, a ``build_*``.
    n_states : int
        How many vectors the model carries from frame to frame.
    params : tuple of shared variables
        In the tutorial's order, named.
    lr : shared scalar
        Learning rate; ``model.lr.set_value(...)`` changes it.
    log : list of dict
        One an epoch: epoch, monitor, updates, frames, seconds, frames_per_second, error: the mean squared difference of
        the frames and the negative particles, of an RNN-NADE that of the frames and p(v_i = 1 | v_<i).
    progress : Progress or None
        Where the last run stands.
    threads : int
        Of Numba while the model runs, where the streams are Philox's; BLAS has one. Neither this nor the backend is
        saved with the model.
    """

    builder = None
    n_states = 1

    def __init__(self, *, lr, r, dt, seed, backend, floatX, streams, threads=1, **settings):
        self.r = check_range(r)
        if not dt > 0:
            raise ValueError(f"dt: expected seconds above 0, found {dt!r}")
        if int(threads) < 1:
            raise ValueError(f"threads: expected at least 1, found {threads!r}")
        self.dt = dt
        self.threads = int(threads)
        self.floatX = pytensor.config.floatX if floatX is None else floatX
        if self.floatX not in ("float64", "float32"):
            raise ValueError(f"floatX: expected float64 or float32, found {self.floatX!r}")
        self.backend = backend
        self._mode = backend_mode(backend)
        streams = kind_of_streams(streams, backend)
        self._sizes = settings
        self.settings = {**settings, "lr": lr, "r": self.r, "dt": dt, "seed": seed, "streams": streams}
        self.log = []
        self.progress = None

        self.random_state = np.random.RandomState(seed)
        parallel = {"parallel": True} if streams == "philox" and self.threads > 1 else {}
        self.streams = STREAMS[streams](stream_seed(self.random_state), **parallel)
        with pytensor.config.change_flags(floatX=self.floatX):
            self.lr = pytensor.shared(np.asarray(lr, self.floatX), name="lr")
            self._errors = pytensor.shared(np.asarray(0, self.floatX), name="errors")  # of an epoch's updates, summed
            self._n_steps = pytensor.shared(np.int64(200), name="n_steps")
            self.graphs = self.build(**settings)
        self.params = self.graphs.params

    def build(self, *, streams=None, **settings):
        """Build the graphs of the model: a `SequenceGraphs`.

        Parameters
        ----------
        **settings
            What the constructor was given beyond what all models have; and, for the second graph, that of several
            sequences at once, ``batched=True, params=..., streams=...`` as `build_rnnrbm` takes them.
        """
        if not settings.get("batched"):  # vectors of no size yet: each sample begins by saying where it starts
            zeros = np.zeros(0, self.floatX)
            self._u_init = tuple(pytensor.shared(zeros, name="u_init") for _ in range(self.n_states))
        return type(self).builder(
            self.r[1] - self.r[0],
            random_state=self.random_state,
            streams=streams or self.streams,
            n_steps=self._n_steps,
            u_init=self._u_init,
            **settings,
        )

    @property
    def real_valued(self):
        """Whether frames are real numbers instead of 0 and 1."""
        return self.settings.get("visible") == "gaussian"

    def check(self, roll, name):
        """A roll as an array that the model can take; a ValueError says what is wrong with it."""
        return (check_real_roll if self.real_valued else check_roll)(roll, self.r, name)

    def on_host(self, function, *arguments):
        """Call a function of another backend, such as Python's, which needs the parameters where it can read them."""
        if self.backend == "jax":
            from rnnrbm_pt.graphs.jax_functions import to_host

            to_host(self.params)
        with bounded_threads(self.threads):
            return function(*arguments)

    @cached_property
    def train_function(self):
        """The compiled update: takes a window (n_steps, n_visible), returns its monitor."""
        return self._compile_update(self.graphs, [self.graphs.v])

    @cached_property
    def batch_function(self):
        """The compiled update by several windows at once.

        Takes v (n_steps, n_sequences, n_visible) and its mask (n_steps, n_sequences), 0 behind the end of a window;
        returns the monitor, the mean of those of the windows. Draws from the same streams as `train_function`. On JAX
        each shape is compiled once more.
        """
        with pytensor.config.change_flags(floatX=self.floatX):
            graphs = self.build(**self._sizes, batched=True, params=self.params, streams=self.streams.again())
        return self._compile_update(graphs, [graphs.v, graphs.mask])

    def _compile_update(self, graphs, inputs):
        gradient = pt.grad(graphs.cost, list(graphs.params), consider_constant=[graphs.v_sample])
        updates = {p: p - self.lr * g for p, g in zip(graphs.params, gradient, strict=True)}
        difference = ((graphs.v - graphs.v_sample.reshape(graphs.v.shape)) ** 2).mean(axis=-1)
        weighted = difference.mean() if graphs.mask is None else (difference * sequence_weights(graphs.mask)).sum()
        updates = {**graphs.updates_train, **updates, self._errors: self._errors + weighted.astype(self.floatX)}
        return compile_function(inputs, graphs.monitor, updates, mode=self._mode, floatX=self.floatX)

    def _update(self, windows, batch_size, n_sequences):
        """Update by the windows, and return their monitor. On JAX all are of one shape, as it compiles for that."""
        fixed = self.backend == "jax"
        if n_sequences == 1 and not fixed:
            return self.train_function(np.ascontiguousarray(windows[0], dtype=self.floatX))
        n_steps = batch_size if fixed else None
        return self.batch_function(*batch_of(windows, n_steps, n_sequences, self.floatX))

    def _first_update(self, windows, batch_size, n_sequences):
        """The first update may compile, for up to a minute. Ctrl+C within it leaves the model as it was."""
        before = storage.get_state(self)
        try:
            return self._update(windows, batch_size, n_sequences)
        except KeyboardInterrupt:
            storage.set_state(self, before)
            raise

    def updater(self, batch_size, n_sequences):
        """A function that takes up to n_sequences windows of up to batch_size frames, updates the model by them and
        returns their monitor."""
        updates = chain([self._first_update], repeat(self._update))
        return lambda *windows: next(updates)(windows, batch_size, n_sequences)

    def fit(self, rolls, batch_size=100, num_epochs=200, *, n_sequences=1, resume=False, on_update=None, on_epoch=None):
        """Train on piano-rolls by stochastic gradient descent, in silence.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
            Sequences of 0/1 frames, of any lengths.
        batch_size : int
            Frames of the window that one update looks at.
        num_epochs : int
        n_sequences : int
            Windows of one update, which then takes the mean of their gradients. With one it is the tutorial's.
        resume : bool
            Continue the run that was stopped, on the same rolls, to its end; `batch_size`, `num_epochs` and
            `n_sequences` are those of that run. The result equals that of a run which was not stopped.
        on_update, on_epoch : callable, optional
            See `training.loop.run_epochs`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there are no frames, a roll is not of 0/1 frames of the model's width, or there is no run to continue.
        KeyboardInterrupt
            After the update during which Ctrl+C was pressed; the model is usable and the run can be continued.
        """
        rolls = self._checked(rolls)
        if not sum(len(roll) for roll in rolls):
            raise ValueError("Training set is empty! (did you download the data files?)")
        if int(batch_size) < 1 or int(num_epochs) < 0 or int(n_sequences) < 1:
            raise ValueError(
                "expected batch_size and n_sequences of at least 1 and num_epochs of at least 0, "
                f"found {batch_size}, {n_sequences} and {num_epochs}"
            )
        if resume:
            if self.progress is None or self.progress.complete:
                raise ValueError("resume: there is no stopped run to continue")
            if len(self.progress.order) != len(rolls):
                raise ValueError(
                    f"resume: expected the {len(self.progress.order)} sequences of the stopped run, found {len(rolls)}"
                )
        else:
            order = list(range(len(rolls)))
            self._errors.set_value(np.asarray(0, self.floatX))
            self.progress = Progress(int(num_epochs), int(batch_size), order, n_sequences=int(n_sequences))

        def epoch_done(record):
            record["error"] = float(self._errors.get_value()) / record["updates"]
            self._errors.set_value(np.asarray(0, self.floatX))
            self.log.append(record)
            if on_epoch is not None:
                on_epoch(record)

        with bounded_threads(self.threads):
            run_epochs(
                self.updater(self.progress.batch_size, self.progress.n_sequences),
                rolls,
                self.random_state,
                self.progress,
                on_update=on_update,
                on_epoch=epoch_done,
            )
        return self

    def read(self, files, progress=False, on_outside=None):
        """Read MIDI files as piano-rolls of the model's `r` and `dt`.

        Parameters
        ----------
        files : path or list of paths
            MIDI files, in the order in which they are wanted; folders, patterns and zip files stand for the sorted
            MIDI files in them.
        progress : bool
            Whether to show a bar.
        on_outside : callable, optional
            Called as on_outside(file, n) for each file of which n notes lie outside `r` and are left out.

        Returns
        -------
        list of arrays, shape (n_steps, n_visible)
        """
        if isinstance(files, (str, os.PathLike, ZipMember)):
            files = [files]
        found = []
        for source in files:
            found += [source] if isinstance(source, ZipMember) else midi_files(source)
        return read_rolls(found, self.r, self.dt, progress=progress, on_outside=on_outside)

    def train(self, files, batch_size=100, num_epochs=200, *, n_sequences=1):
        """Train on MIDI files, and print the mean monitor of each epoch, as the tutorial does.

        Parameters
        ----------
        files : list of paths, or one
            MIDI files, folders, patterns, zip files; see `read`.
        batch_size : int
            Frames of the window that one update looks at.
        num_epochs : int
            Ctrl+C ends it before; the model can be used then.
        n_sequences : int
            Windows of one update.
        """
        rolls = self.read(files)

        def show(record):
            print(f"Epoch {record['epoch']}/{num_epochs} {record['monitor']}", flush=True)

        try:
            self.fit(rolls, batch_size, num_epochs, n_sequences=n_sequences, on_epoch=show)
        except KeyboardInterrupt:
            print("Interrupted by user.")

    def save(self, filename):
        """Write the model to a file: parameters, settings, random states and the progress of training.

        The file is a NumPy archive of arrays and one JSON text, written beside its place and moved there.
        """
        storage.save(self, filename)

    @classmethod
    def load(cls, filename, *, backend="numba", threads=1):
        """Read a model that `save` wrote.

        Parameters
        ----------
        filename : path
        backend : {"numba", "c", "jax"}
            A file fits each of them. JAX draws from streams of Philox only: a model that had others gets new ones
            there, by its seed, and is saved with these; all else goes on as it was.
        threads : int
            Of Numba while the model runs, where the streams are Philox's; BLAS has one.

        Raises
        ------
        ValueError
            If the file is not a model, not of this class, or of another version of the format.
        FileNotFoundError
        """
        from rnnrbm_pt import siblings  # noqa: F401  (a file may hold any of them)

        kinds = {kind.__name__: kind for kind in (cls, *cls.__subclasses__())}
        return storage.load(filename, kinds, backend=backend, threads=threads)


class RnnRbm(SequenceModel):
    """The tutorial's model: trains an RNN-RBM on MIDI files and generates sequences.

    Parameters
    ----------
    n_hidden : int
        Number of hidden units of the conditional RBMs.
    n_hidden_recurrent : int
        Number of hidden units of the RNN.
    lr : float
        Learning rate.
    r : (int, int)
        Range of MIDI notes, half open; its width is the number of visible units.
    dt : float
        Seconds of a frame.
    seed : int
        Of everything random: streams, initial parameters, shuffling.
    k, k_generate : int
        Gibbs steps in training and in generation.
    backend : {"numba", "c", "jax"}
        What compiles the functions.
    floatX : {"float64", "float32"}, optional
        Without it, PyTensor's.
    streams : {"srs", "mrg", "philox"}, optional
        Kind of random streams: Theano's shared_randomstreams, or its MRG31k3p, or Philox, which is faster and the same
        on every backend. Without it, the first; on JAX the last, which has no other.
    threads : int
        Of Numba while the model runs, where the streams are Philox's; BLAS has one.
    nonlinearity : {"tanh", "sigmoid", "relu"}
        What the RNN applies to its sums.
    learn_initial : bool
        Whether the state before the first frame, u0, is learned.
    visible : {"binary", "gaussian"}
        Kind of the visible units: notes, or real numbers of variance 1 given the hidden units. Only the streams "srs"
        draw the latter.

    Examples
    --------
    >>> model = RnnRbm()
    >>> model.train(sorted(glob.glob("Nottingham/train/*.mid")), batch_size=100, num_epochs=200)
    >>> model.generate("sample1.mid")
    """

    builder = staticmethod(build_rnnrbm)

    def __init__(
        self,
        n_hidden=150,
        n_hidden_recurrent=100,
        lr=0.001,
        r=(21, 109),
        dt=0.3,
        *,
        seed=SEED,
        k=15,
        k_generate=25,
        backend="numba",
        floatX=None,
        streams=None,
        threads=1,
        nonlinearity="tanh",
        learn_initial=False,
        visible="binary",
    ):
        super().__init__(
            n_hidden=n_hidden,
            n_hidden_recurrent=n_hidden_recurrent,
            lr=lr,
            r=r,
            dt=dt,
            seed=seed,
            k=k,
            k_generate=k_generate,
            backend=backend,
            floatX=floatX,
            streams=streams,
            threads=threads,
            nonlinearity=nonlinearity,
            learn_initial=learn_initial,
            visible=visible,
        )
