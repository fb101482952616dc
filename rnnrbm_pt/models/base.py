"""Models that are trained on music and generate it: compiled functions around the graphs.

`SequenceModel` holds what does not depend on the kind of model; each of its methods delegates. `RnnRbm` is the
tutorial's class. The related models, with the same interface, are in `rnnrbm_pt.models.siblings`.
"""

import numpy as np
import pytensor

from rnnrbm_pt.io.checks import number, seed_number
from rnnrbm_pt.models import storage
from rnnrbm_pt.models.compiling import CompileSettings
from rnnrbm_pt.models.delegating import delegated, documented_by
from rnnrbm_pt.models.monitor import Monitor
from rnnrbm_pt.models.reader import Reader
from rnnrbm_pt.models.registry import classes_of, named_classes
from rnnrbm_pt.models.sampler import N_STEPS, GenerationInputs, Sampler
from rnnrbm_pt.models.scorer import Scorer
from rnnrbm_pt.models.settings import AT_LEAST_1, DEFAULT_R, as_preprocessing, checked_settings, checked_width
from rnnrbm_pt.models.state import TrainState
from rnnrbm_pt.models.trainer import Trainer
from rnnrbm_pt.music.pianoroll import check_real_roll, check_roll
from rnnrbm_pt.music.preprocessing import Preprocessing
from rnnrbm_pt.streams.registry import kind_of_streams
from rnnrbm_pt.streams.srs import SEED, stream_seed


class SequenceModel:
    """A model of sequences of frames: training, generation, saving. Subclasses say which graphs to build.

    Attributes
    ----------
    builder : function
        What builds the graphs of the model, a ``build_*``; of a recurrence of your own, `graphs.sequence.rbm_builder`
        makes it. Settings that the constructor does not know go to it.
    n_states : int
        How many vectors the model carries from frame to frame.
    n_visible : int
        Number of visible units: the width of a frame.
    r : (int, int) or None
        Range of MIDI notes, half open; None where real-valued frames were given a width of their own.
    params : tuple of shared variables
        In the tutorial's order, named.
    lr : shared scalar
        Learning rate; ``model.lr.set_value(...)`` changes it.
    log : list of dict
        One an epoch: epoch, monitor, updates, frames, seconds, frames_per_second; error: the mean squared difference of
        the frames and the negative particles, of an RNN-NADE that of the frames and p(v_i = 1 | v_<i); gradient_norm:
        the mean over updates; norms: of each parameter; validation, where there is one.
    progress : Progress or None
        Where the last run stands.
    learning : Learning
        How it learns.
    preprocess : Preprocessing
        What is done to MIDI files before the model sees them.
    compiling : CompileSettings
        Backend, threads, float type and mode. Of these, only the float type is saved with the model.
    reader : Reader
        Reads MIDI files.
    sampler : Sampler
        Draws sequences.
    scorer : Scorer
        Scores given sequences.
    state : TrainState
        Everything that learning and drawing change.
    trainer : Trainer
        Trains the model.
    monitoring : Monitor
        Computes the monitor of given sequences.
    """

    builder = None
    n_states = 1

    def __init__(
        self,
        *,
        lr=0.001,
        r=DEFAULT_R,
        dt=0.3,
        seed=SEED,
        backend="numba",
        floatX=None,
        streams=None,
        threads=1,
        mode=None,
        preprocess=None,
        n_visible=None,
        **settings,
    ):
        self.compiling = CompileSettings.checked(backend, threads, floatX, mode)
        streams = kind_of_streams(streams, backend)
        self.dt = number("dt", dt, above=0)
        lr = number("lr", lr, least=0)
        seed = None if seed is None else seed_number(seed)
        self._sizes = settings = checked_settings(settings)
        self.r, self.n_visible = checked_width(r, n_visible, settings.get("visible", "binary"))
        self.settings = {**settings, "lr": lr, "r": self.r, "dt": self.dt, "seed": seed, "streams": streams}
        if n_visible is not None:
            self.settings["n_visible"] = self.n_visible
        if preprocess is not None:
            preprocess = as_preprocessing(preprocess)
            self.settings["preprocess"] = preprocess.to_json()
        self.preprocess = preprocess or Preprocessing()
        self.reader = Reader(self.preprocess, self.r, self.dt, self.n_visible)

        self.random_state = np.random.RandomState(seed)
        self.streams = self.compiling.streams(streams, stream_seed(self.random_state))
        self.generation_inputs = GenerationInputs.at_initial_states(self.n_states, self.floatX)
        with self.compiling.float_variables():
            self.lr = pytensor.shared(np.asarray(lr, self.floatX), name="lr")
            self.graphs = self.build(**settings)
        self.params = self.graphs.params
        self.sampler = Sampler(self.graphs, self.generation_inputs, self.streams, self.compiling)
        self.scorer = Scorer(self.graphs, streams, self.compiling, settings.get("visible", "binary"))
        self.state = TrainState.at_first(
            self.params, self.lr, self.streams, self.random_state, n_states=self.n_states, floatX=self.floatX
        )
        self.trainer = Trainer(self)
        self.monitoring = Monitor(self.build_again, type(self.streams), self.compiling)

    def build(self, *, streams=None, **settings):
        """Build the graphs of the model: a `SequenceGraphs`.

        Parameters
        ----------
        **settings
            What the constructor was given beyond what all models have; and, for further graphs such as that of several
            sequences at once, ``batched=True, params=..., streams=...`` as `build_rnnrbm` takes them.
        """
        return type(self).builder(
            self.n_visible,
            random_state=self.random_state,
            streams=streams or self.streams,
            n_steps=self.generation_inputs.n_steps,
            u_init=self.generation_inputs.u_init,
            **settings,
        )

    def build_again(self, *, streams=None, **settings):
        """Further graphs of the model, on the same parameters.

        Parameters
        ----------
        streams : RandomStreams, optional
            What the graphs draw from. Without it, the model's streams.
        **settings
            What differs from the model's own graphs, such as ``batched=True`` or another k.

        Returns
        -------
        SequenceGraphs
        """
        streams = self.streams.again() if streams is None else streams
        with self.compiling.float_variables():
            return self.build(**{**self._sizes, **settings}, params=self.params, streams=streams)

    log = delegated("state", "log", "One record per epoch.")
    progress = delegated("state", "progress", "Where the last run stands.")
    learning = delegated("state", "learning", "How the model learns.")
    backend = delegated("compiling", "backend", 'What compiles the functions: "numba", "c" or "jax".')
    threads = delegated("compiling", "threads", "Number of Numba threads.")
    floatX = delegated("compiling", "floatX", "Float type of the parameters.")
    mode = delegated("compiling", "mode", "PyTensor's mode that compiles the functions.")

    @property
    def real_valued(self):
        """Whether frames are real numbers instead of 0 and 1."""
        return self.settings.get("visible") == "gaussian"

    def check(self, roll, name):
        """A roll as an array that the model can take; a ValueError says what is wrong with it."""
        return check_real_roll(roll, self.n_visible, name) if self.real_valued else check_roll(roll, self.r, name)

    def check_rolls(self, rolls):
        """Rolls as a list of arrays that the model can take; a ValueError says which one it cannot take, and why."""
        return [self.check(roll, f"roll {i}") for i, roll in enumerate(rolls)]

    def on_host(self, function, *arguments):
        """Call a function of another backend, such as Python's, which needs the parameters where it can read them."""
        return self.compiling.on_host(self.params, function, *arguments)

    @property
    def step_seconds(self):
        """Seconds of a frame in what the model generates: dt, or by the tempo where frames are by the beat."""
        return self.preprocess.step_seconds(self.dt)

    @documented_by(Reader.prepare)
    def prepare(self, files, *how, **callbacks):
        return self.reader.prepare(files, *how, **callbacks)

    @documented_by(Reader.read)
    def read(self, files, *how, **callbacks):
        return self.reader.read(files, *how, **callbacks)

    @property
    def train_function(self):
        """The compiled update: takes a window (n_steps, n_visible), returns its monitor."""
        return self.trainer.functions.train_function

    @property
    def batch_function(self):
        """The compiled update by several windows at once; see `UpdateFunctions`."""
        return self.trainer.functions.batch_function

    @property
    def carrying_function(self):
        """The compiled update by windows that carry states over; see `UpdateFunctions`."""
        return self.trainer.functions.carrying_function

    monitor_function = delegated("monitoring", "monitor_function", "The compiled monitor; see `Monitor`.")

    @documented_by(Trainer.fit)
    def fit(self, rolls, *run, validation=None, **settings):
        validation = None if validation is None else self.check_rolls(validation)
        return self.trainer.fit(self.check_rolls(rolls), *run, validation=validation, **settings)

    @documented_by(Trainer.partial_fit)
    def partial_fit(self, rolls, *run, **settings):
        return self.trainer.partial_fit(self.check_rolls(rolls), *run, **settings)

    @documented_by(Trainer.updater)
    def updater(self, batch_size, n_sequences):
        return self.trainer.updater(batch_size, n_sequences)

    @documented_by(Trainer.validation_likelihood)
    def validation_likelihood(self, rolls):
        return self.trainer.validation_likelihood(rolls)

    @documented_by(TrainState.check_finite)
    def check_finite(self, monitor=None):
        self.state.check_finite(monitor)

    @documented_by(Monitor.of)
    def monitor(self, rolls, *run, **settings):
        return self.monitoring.of(self.check_rolls(rolls), *run, **settings)

    def train(self, files, batch_size=100, num_epochs=200, *, validation=None, on_broken=None, **settings):
        """Train on MIDI files, and print the mean monitor of each epoch, as the tutorial does.

        Parameters
        ----------
        files : list of paths, or one
            MIDI files, folders, patterns, zip files; see `read`.
        batch_size : int
            Frames of the window that one update looks at.
        num_epochs : int
            Ctrl+C ends it before; the model can be used then.
        validation : list of paths, or one, optional
            Files whose monitor is printed too.
        on_broken : callable, optional
            Called as on_broken(file, error) for each file that cannot be read, which is skipped then; see `read`.
        **settings
            See `fit`.
        """
        rolls = self.read(files, on_broken=on_broken)
        validation = None if validation is None else self.read(validation, on_broken=on_broken)

        def show(record):
            more = f"  validation {record['validation']}" if "validation" in record else ""
            print(f"Epoch {record['epoch']}/{num_epochs} {record['monitor']}{more}", flush=True)

        try:
            self.fit(rolls, batch_size, num_epochs, validation=validation, on_epoch=show, **settings)
        except KeyboardInterrupt:
            print("Interrupted by user.")

    @property
    def generate_function(self):
        """The compiled generator: takes nothing, returns a roll (200, n_visible) that starts from the initial state."""
        return self.sampler.generate_function

    @documented_by(Sampler.sample)
    def sample(self, n_steps=N_STEPS, *, seed=None, primer=None):
        primer = None if primer is None else self.check(primer, "primer")
        roll = self.sampler.sample(n_steps, seed=seed, primer=primer)
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

    @documented_by(Scorer.score)
    def score(self, rolls, **settings):
        return self.scorer.score(self.check_rolls(rolls), **settings)

    @documented_by(Scorer.log_likelihoods)
    def log_likelihoods(self, rolls, **settings):
        return self.scorer.log_likelihoods(self.check_rolls(rolls), **settings)

    @documented_by(Scorer.expected_accuracy)
    def expected_accuracy(self, rolls, **settings):
        return self.scorer.expected_accuracy(self.check_rolls(rolls), **settings)

    @documented_by(Scorer.accuracy_and_precision)
    def accuracy_and_precision(self, rolls, **settings):
        return self.scorer.accuracy_and_precision(self.check_rolls(rolls), **settings)

    @documented_by(Scorer.predict_next)
    def predict_next(self, roll, **settings):
        return self.scorer.predict_next(*self.check_rolls([roll]), **settings)

    @documented_by(Scorer.reconstruct)
    def reconstruct(self, rolls):
        return self.scorer.reconstruct(self.check_rolls(rolls))

    @documented_by(Scorer.transform)
    def transform(self, rolls):
        return self.scorer.transform(self.check_rolls(rolls))

    def save(self, filename):
        """Write the model to a file: parameters, settings, random states and the progress of training.

        The file is a NumPy archive of arrays and one JSON text, written beside its place and moved there.
        """
        storage.save(self, filename)

    @classmethod
    def load(cls, filename, *, backend="numba", threads=1, floatX=None, mode=None, k_generate=None, classes=()):
        """Read a model that `save` wrote.

        The file names its class, which is this class or one that derives from it. A class of your own has to be
        defined before, and its constructor has to take the settings in the file as keywords.

        Parameters
        ----------
        filename : path
        backend : {"numba", "c", "jax"}
            A file fits each of them. JAX draws from streams of Philox only: a model that had others gets new ones
            there, by its seed, and is saved with these; all else goes on as it was.
        threads : int
            Of Numba while the model runs, where the streams are Philox's; BLAS has one.
        floatX : {"float64", "float32"}, optional
            Convert the model to this type. Without it, the model keeps its own.
        mode : pytensor.compile.mode.Mode, optional
            As `RnnRbm` takes it.
        k_generate : int, optional
            Gibbs steps in generation, instead of those of the file.
        classes : list of classes, or dict {str: class}, optional
            Further classes that the file may name; a dict says which class stands for which name in a file.

        Raises
        ------
        ValueError
            If an argument is not valid, or the file is not a model, not of one of these classes, or of another version
            of the format.
        FileNotFoundError
        ImportError
            If what the backend needs is not installed.
        """
        compiling = CompileSettings.checked(backend, threads, floatX, mode)  # before the file is read
        return storage.load(
            filename,
            classes_of(cls) | named_classes(classes, SequenceModel),
            backend=backend,
            threads=compiling.threads,
            floatX=None if floatX is None else compiling.floatX,
            mode=mode,
            k_generate=None if k_generate is None else AT_LEAST_1("k_generate", k_generate),
        )
