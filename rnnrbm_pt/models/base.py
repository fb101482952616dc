"""Models that are trained on music and generate it: compiled functions around the graphs.

`SequenceModel` has what does not depend on the kind of model; each of its methods delegates. `RnnRbm` is the
tutorial's class. The related models are in `rnnrbm_pt.models.siblings`.
"""

import numpy as np
import pytensor

from rnnrbm_pt.checks import number, seed_number
from rnnrbm_pt.models import storage
from rnnrbm_pt.models.compiling import CompileSettings
from rnnrbm_pt.models.delegating import delegated, documented_by
from rnnrbm_pt.models.generation import frames_at
from rnnrbm_pt.models.generator import GenerationInputs
from rnnrbm_pt.models.monitor import Monitor
from rnnrbm_pt.models.params import ParamArrays, from_arrays
from rnnrbm_pt.models.predictor import Predictor
from rnnrbm_pt.models.pretrained import find, verified_file
from rnnrbm_pt.models.registry import classes_of, named_classes
from rnnrbm_pt.models.rolls import checked_rolls
from rnnrbm_pt.models.sampler import Sampler, draw_piece
from rnnrbm_pt.models.scorer import Scorer
from rnnrbm_pt.models.settings import AT_LEAST_1, DEFAULT_R, checked_settings, frames_of
from rnnrbm_pt.models.state import TrainState
from rnnrbm_pt.models.trainer import Trainer
from rnnrbm_pt.models.validation import validation_likelihood
from rnnrbm_pt.music.frames import NoteFrames
from rnnrbm_pt.streams.registry import kind_of_streams
from rnnrbm_pt.streams.srs import SEED, stream_seed


class SequenceModel:
    """A model of sequences of frames: training, generation, saving. Subclasses say which graphs to build.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0. With 0, training changes no parameter.
    r : (int, int)
        Range of MIDI notes, half open; its width is the number of visible units.
    dt : float
        Seconds per frame, above 0.
    seed : int or None
        Seed of everything random (streams, initial parameters, shuffling), from 0 to 2**32 - 1. With None the operating
        system provides one.
    backend : {"numba", "c", "jax"}
        What compiles the functions.
    floatX : {"float64", "float32"}, optional
        Float type of the parameters. Without it, PyTensor's.
    streams : {"srs", "mrg", "philox"}, optional
        Kind of random streams: Theano's shared_randomstreams, its MRG31k3p, or Philox, which is faster and the same on
        every backend. Without it, the first; on JAX, which has no other, the last.
    threads : int
        Number of Numba threads. Only Philox streams use more than one. After a model ran on several threads, a child of
        this process that `os.fork` or `multiprocessing` forks cannot run it: with GNU OpenMP it is ended there. Start
        such processes by "spawn".
    mode : pytensor.compile.mode.Mode, optional
        PyTensor's mode that compiles the functions. Without it, the backend's.
    devices : int or "all"
        Number of JAX's devices that share the sequences of an update; n_sequences has to be a multiple of it. What is
        drawn does not depend on it. With several processes, it counts the devices of all; see `compile.devices`.
    preprocess : Preprocessing or dict, optional
        What is done to MIDI files before the model sees them, and undone for what it generates: transposition to a
        common tonality, beat-aligned frames. Without it, nothing.
    n_visible : int, optional
        Number of Gaussian visible units, of any size; the model then has no `r`.
    **settings
        Further keywords of `builder`, such as n_hidden.

    Raises
    ------
    ValueError
        If a setting is invalid. NumPy's numbers are as good as Python's; True and False are no numbers.

    Attributes
    ----------
    builder : function
        The ``build_*`` function of the model's graphs. For a recurrence of your own, `graphs.builders.rbm_builder`
        makes it.
    params : tuple of shared variables
        In the tutorial's order, named.
    lr : shared scalar
        Learning rate; ``model.lr.set_value(...)`` changes it.
    settings : dict
        What a file holds of the constructor's keywords.
    frames : NoteFrames or RealFrames
        What a frame is: range of notes, seconds and preprocessing, or the number of real-valued units.
    compiling : CompileSettings
        Backend, threads, float type, mode and devices. Of these, only the float type is saved with the model.
    graphs : SequenceGraphs
    state : TrainState
        Everything that learning and drawing change.
    trainer, sampler, scorer, predictor, monitoring, param_arrays
        What the methods delegate to.
    """

    builder = None

    def __init__(
        self,
        *,
        lr=0.001,
        r=DEFAULT_R,
        dt=NoteFrames.dt,
        seed=SEED,
        backend="numba",
        floatX=None,
        streams=None,
        threads=1,
        mode=None,
        devices=1,
        preprocess=None,
        n_visible=None,
        **settings,
    ):
        self.compiling = CompileSettings.checked(backend, threads, floatX, mode, devices)
        streams = kind_of_streams(streams, backend)
        lr = number("lr", lr, least=0)
        seed = None if seed is None else seed_number(seed)
        self._build_settings = settings = checked_settings(settings)
        visible = settings.get("visible", "binary")
        self.frames = frames_of(r, dt, preprocess, n_visible, visible)
        self.settings = {**settings, "lr": lr, "dt": self.dt, "seed": seed, "streams": streams}
        if n_visible is None:
            self.settings["r"] = tuple(map(int, r))
        else:
            self.settings |= {"r": None, "n_visible": self.n_visible}
        if preprocess is not None:
            self.settings["preprocess"] = self.preprocess.to_json()

        self.random_state = np.random.RandomState(seed)
        self.streams = self.compiling.streams(streams, stream_seed(self.random_state))
        self.generation_inputs = GenerationInputs(self.floatX)
        self.lr = pytensor.shared(np.asarray(lr, self.floatX), name="lr", allow_downcast=True)
        self.params = None
        self.graphs = self.build(streams=self.streams)
        self.params = self.graphs.params
        of_model = self.graphs, self.generation_inputs, self.streams, self.compiling
        self.sampler = Sampler(*of_model, self.build, settings.get("k_generate"), self.real_valued)
        self.scorer = Scorer(self.graphs, streams, self.compiling, visible)
        self.predictor = Predictor(self.graphs, streams, self.compiling, self.scorer)
        at_first = self.params, self.lr, self.streams, self.random_state
        self.state = TrainState.at_first(*at_first, n_states=len(self.graphs.initial), floatX=self.floatX)
        self.trainer = Trainer(self)
        self.monitoring = Monitor(self.build, type(self.streams), self.compiling)
        self.param_arrays = ParamArrays(self.params, self.compiling)

    def build(self, *, streams=None, **changed):
        """Build further graphs of the model, on the same parameters.

        Parameters
        ----------
        streams : RandomStreams, optional
            What the graphs draw from. Without it, the model's streams.
        **changed
            Differences from the model's own graphs, such as ``batched=True`` or another k; see `build_rnnrbm`.

        Returns
        -------
        SequenceGraphs
        """
        settings = {
            "random_state": self.random_state,
            "streams": self.streams.again() if streams is None else streams,
            "params": self.params,
            "n_steps": self.generation_inputs.n_steps,
            "u_init": self.generation_inputs.first_states,
            **self._build_settings,
            **changed,
        }
        with self.compiling.float_variables():
            return type(self).builder(self.n_visible, **settings)

    # ------------------------------------------------------------------------------------------------
    # As in the tutorial

    @property
    def train_function(self):
        """The compiled update: takes a window (n_steps, n_visible), returns its monitor."""
        return self.trainer.functions.train_function

    @property
    def generate_function(self):
        """The compiled generator: takes nothing, returns a roll (200, n_visible) that starts from the initial state."""
        return self.sampler.generate_function

    def train(self, files, batch_size=100, num_epochs=200, *, validation=None, on_broken=None, **settings):
        """Train on MIDI files, and print the mean monitor of each epoch, as the tutorial does.

        Parameters
        ----------
        files : list of paths, or one
            MIDI files, folders, patterns, zip files; see `read`.
        batch_size : int
            Frames per window.
        num_epochs : int
            Ctrl+C ends training earlier; the model can be used then.
        validation : list of paths, or one, optional
            Files whose monitor is printed too.
        on_broken : callable, optional
            Called as on_broken(file, error) for each file that cannot be read, which is then skipped; see `read`.
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

    def generate(self, filename, show=True, *, n_steps=None, seed=None, primer=None, shift=0, **settings):
        """Draw a sequence from the model, write it as a MIDI file and plot it.

        Parameters
        ----------
        filename : path
            The MIDI file to write.
        show : bool
            Whether to plot the piano-roll, with matplotlib.pyplot.
        n_steps, seed, primer, **settings
            See `sample`.
        shift : int
            Semitones by which a piece was moved up in preprocessing, to write in the key of that piece.

        Returns
        -------
        array of uint8, shape (n_steps, n_visible)
            The piano-roll in the file.

        Raises
        ------
        ValueError
            If frames are real numbers, which are no notes, or as `sample`.
        """
        piano_roll = self.sample(n_steps, seed=seed, primer=primer, **settings)
        if shift:
            piano_roll = self.preprocess.undo(piano_roll, self.r, shift=shift)
        frames = frames_at(self.frames, settings.get("tempo"))
        frames.write(filename, piano_roll)
        if show:
            from rnnrbm_pt.music.plot import plot_piano_roll

            plot_piano_roll(piano_roll, self.r, frames.step_seconds)
        return piano_roll

    # ------------------------------------------------------------------------------------------------
    # Parts of the state, of the frames and of how it is compiled

    log = delegated("state", "log", "One record per epoch; see `fit`.")
    progress = delegated("state", "progress", "How far the last run has come: a `Progress`, or None.")
    learning = delegated("state", "learning", "How the model learns: a `Learning`.")
    backend = delegated("compiling", "backend", 'What compiles the functions: "numba", "c" or "jax".')
    threads = delegated("compiling", "threads", "Number of Numba threads.")
    devices = delegated("compiling", "devices", "Number of devices that share the sequences of an update.")
    floatX = delegated("compiling", "floatX", "Float type of the parameters.")
    mode = delegated("compiling", "mode", "PyTensor's mode that compiles the functions.")
    r = delegated("frames", "r", "Range of MIDI notes, half open; None for real-valued frames.")
    dt = delegated("frames", "dt", "Seconds per frame, where frames are not beat-aligned.")
    n_visible = delegated("frames", "n_visible", "Number of visible units: the width of a frame.")
    preprocess = delegated("frames", "preprocess", "What is done to MIDI files: a `Preprocessing`.")
    step_seconds = delegated("frames", "step_seconds", "Seconds per frame in what the model generates.")

    @property
    def real_valued(self):
        """Whether frames are real numbers instead of 0 and 1."""
        return self.settings.get("visible") == "gaussian"

    def check_rolls(self, rolls):
        """Rolls that the model can take, see `checked_rolls`; a ValueError says which one is wrong, and why."""
        return checked_rolls(rolls, self.frames.check)

    @documented_by(NoteFrames.prepare)
    def prepare(self, files, *how, **callbacks):
        return self.frames.prepare(files, *how, **callbacks)

    @documented_by(NoteFrames.read)
    def read(self, files, *how, **callbacks):
        return self.frames.read(files, *how, **callbacks)

    # ------------------------------------------------------------------------------------------------
    # Training on piano-rolls

    @property
    def batch_function(self):
        """The compiled update by several windows at once; see `UpdateFunctions`."""
        return self.trainer.functions.batch_function

    @property
    def carrying_function(self):
        """The compiled update by windows that carry states over; see `UpdateFunctions`."""
        return self.trainer.functions.carrying_function

    @documented_by(Trainer.fit)
    def fit(self, rolls, *run, validation=None, **settings):
        validation = None if validation is None else self.check_rolls(validation)
        return self.trainer.fit(self.check_rolls(rolls), *run, validation=validation, **settings)

    @documented_by(Trainer.resume)
    def resume(self, rolls, *run, validation=None, **settings):
        validation = None if validation is None else self.check_rolls(validation)
        return self.trainer.resume(self.check_rolls(rolls), *run, validation=validation, **settings)

    @documented_by(Trainer.partial_fit)
    def partial_fit(self, rolls, *run, **settings):
        return self.trainer.partial_fit(self.check_rolls(rolls), *run, **settings)

    @documented_by(validation_likelihood)
    def validation_likelihood(self, rolls):
        return validation_likelihood(self, self.check_rolls(rolls))

    @documented_by(TrainState.take_averages)
    def use_averages(self):
        with self.compiling.lock:
            self.state.take_averages()

    # ------------------------------------------------------------------------------------------------
    # Sampling, scores and predictions

    monitor_function = delegated("monitoring", "monitor_function", "The compiled monitor; see `Monitor`.")

    @documented_by(Monitor.of)
    def monitor(self, rolls, *run, **settings):
        return self.monitoring.of(self.check_rolls(rolls), *run, **settings)

    @documented_by(draw_piece)
    def sample(self, n_steps=None, **how):
        return draw_piece(self, n_steps, **how)

    @documented_by(Scorer.score)
    def score(self, rolls, **settings):
        return self.scorer.score(self.check_rolls(rolls), **settings)

    @documented_by(Scorer.bracket)
    def bracket(self, rolls, **settings):
        return self.scorer.bracket(self.check_rolls(rolls), **settings)

    @documented_by(Scorer.log_likelihoods)
    def log_likelihoods(self, rolls, **settings):
        return self.scorer.log_likelihoods(self.check_rolls(rolls), **settings)

    @documented_by(Predictor.expected_accuracy)
    def expected_accuracy(self, rolls, **settings):
        return self.predictor.expected_accuracy(self.check_rolls(rolls), **settings)

    @documented_by(Predictor.accuracy_and_precision)
    def accuracy_and_precision(self, rolls, **settings):
        return self.predictor.accuracy_and_precision(self.check_rolls(rolls), **settings)

    @documented_by(Predictor.settled_accuracy)
    def settled_accuracy(self, rolls, **settings):
        return self.predictor.settled_accuracy(self.check_rolls(rolls), **settings)

    @documented_by(Predictor.predict_next)
    def predict_next(self, roll, **settings):
        return self.predictor.predict_next(*self.check_rolls([roll]), **settings)

    @documented_by(Scorer.reconstruct)
    def reconstruct(self, rolls):
        return self.scorer.reconstruct(self.check_rolls(rolls))

    @documented_by(Scorer.transform)
    def transform(self, rolls):
        return self.scorer.transform(self.check_rolls(rolls))

    # ------------------------------------------------------------------------------------------------
    # Parameters and files

    @documented_by(ParamArrays.get)
    def get_params(self):
        return self.param_arrays.get()

    @documented_by(ParamArrays.set)
    def set_params(self, params):
        self.param_arrays.set(params)

    @classmethod
    @documented_by(from_arrays)
    def from_arrays(cls, params, **settings):
        return from_arrays(cls, params, **settings)

    def save(self, filename):
        """Write the model to a file: parameters, settings, random states and the progress of training.

        The file is a NumPy archive of arrays and one JSON text, written beside its place and moved there.
        """
        with self.compiling.lock:
            storage.save(self, filename)

    @classmethod
    def load(
        cls, filename, *, backend="numba", threads=1, floatX=None, mode=None, devices=1, k_generate=None, classes=()
    ):
        """Read a model that `save` wrote.

        The file names its class: this class or a subclass. A class of your own has to be defined before, and its
        constructor has to take the settings in the file as keywords.

        Parameters
        ----------
        filename : path
        backend : {"numba", "c", "jax"}
            Any backend can take any file. JAX draws from Philox streams only: a model with other streams gets new ones
            from its seed, and is saved with these.
        threads : int
            Number of Numba threads. Only Philox streams use more than one.
        floatX : {"float64", "float32"}, optional
            Convert the model to this type. Without it, the model keeps its own.
        mode : pytensor.compile.mode.Mode, optional
            As `SequenceModel` takes it.
        devices : int or "all"
            As `SequenceModel` takes it. A run can go on with another number of devices.
        k_generate : int, optional
            Gibbs steps in generation, instead of those of the file.
        classes : list of classes, or dict {str: class}, optional
            Further classes that the file may name; a dict says which class stands for which name in a file.

        Raises
        ------
        ValueError
            If an argument is invalid, or the file is not a model, not of one of these classes, or of another version
            of the format.
        FileNotFoundError
        ImportError
            If a package that the backend needs is not installed.
        """
        compiling = CompileSettings.checked(backend, threads, floatX, mode, devices)  # before the file is read
        return storage.load(
            filename,
            classes_of(cls) | named_classes(classes, SequenceModel),
            backend=backend,
            threads=compiling.threads,
            floatX=None if floatX is None else compiling.floatX,
            mode=mode,
            devices=compiling.devices,
            k_generate=None if k_generate is None else AT_LEAST_1("k_generate", k_generate),
        )

    @classmethod
    def pretrained(cls, name, **how):
        """Load a pretrained model of the package: `RnnNade.pretrained("nottingham").generate("tune.mid")`.

        Parameters
        ----------
        name : str
            Of a model, "nottingham-rnn-rbm" or "nottingham-rnn-nade", or of the set that it learned from: "nottingham".
        **how
            As `load` takes it.

        Raises
        ------
        ValueError
            If there is no pretrained model of this name and class, or its file is damaged; or as `load`.
        """
        return cls.load(verified_file(find(name, classes_of(cls))), **how)
