"""The base class of all models: it compiles the graphs and runs training, generation and evaluation.

`SequenceModel` holds everything that is common to the models; each of its methods delegates to a smaller class.
`RnnRbm` is the tutorial's model. The related models are in `rnnrbm_pt.models.siblings`.
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
    """Base class of the models: trains on sequences of frames, generates new ones and saves itself.

    Use a subclass, such as `RnnRbm` or `RnnNade`. A subclass sets `builder`, the function that constructs its graphs.
    The parameters below are the keywords that all models share.

    Parameters
    ----------
    lr : float, default 0.001
        Learning rate, at least 0. With 0, training changes no parameter.
    r : (int, int), default (21, 109)
        Range of MIDI notes, from the first number up to but excluding the second. The default is the 88 keys of a
        piano. The width of the range is the number of visible units.
    dt : float, default 0.3
        Seconds per frame, above 0. Ignored where `preprocess` aligns frames with beats.
    seed : int or None, default 0xbeef
        Seed of all randomness (initial parameters, order of the sequences, random streams), from 0 to 2**32 - 1. With
        None, the operating system provides a seed. The default is the tutorial's.
    backend : {"numba", "c", "jax"}, default "numba"
        Compiler of the functions.
    floatX : {"float64", "float32"}, optional
        Float type of the parameters. The default is PyTensor's `config.floatX`.
    streams : {"srs", "mrg", "philox"}, optional
        Kind of random streams: "srs" reproduces Theano's shared_randomstreams, "mrg" its MRG31k3p generator. "philox"
        is faster and draws the same numbers on every backend. The default is "srs", or "philox" on JAX, where nothing
        else is available.
    threads : int, default 1
        Number of Numba threads. Only Philox streams and the `RnnNade` use more than one. After a model has run
        on several threads, a child process made by `os.fork` or by multiprocessing's "fork" method cannot run it: GNU
        OpenMP ends the child. Use the "spawn" method instead.
    mode : pytensor.compile.mode.Mode, optional
        PyTensor mode that compiles the functions. The default is the backend's own mode.
    devices : int or "all", default 1
        Number of JAX devices that share the sequences of an update. `n_sequences` must be a multiple of it. The random
        draws do not depend on it. With several processes, the number counts the devices of all processes; see
        `compile.devices`.
    preprocess : Preprocessing or dict, optional
        Preprocessing of MIDI files: transposition to a common tonality, beat-aligned frames. It is undone in generated
        files. By default there is none.
    n_visible : int, optional
        Number of Gaussian visible units. The model then has no note range `r`.
    **settings
        Further keywords of `builder`, such as n_hidden.

    Raises
    ------
    ValueError
        If a setting is invalid. NumPy numbers are accepted like Python numbers; True and False are not numbers.
    ImportError
        If the backend needs a package that is not installed.

    Attributes
    ----------
    builder : function
        The ``build_*`` function that constructs the model's graphs. `graphs.builders.rbm_builder` makes one for a
        recurrence of your own.
    params : tuple of shared variables
        The named parameters, in the tutorial's order.
    lr : shared scalar
        Learning rate; ``model.lr.set_value(...)`` changes it.
    settings : dict
        Keywords of the constructor, as `save` writes them to a file.
    frames : NoteFrames or RealFrames
        Meaning of a frame: note range, seconds per frame and preprocessing, or the number of real-valued units.
    compiling : CompileSettings
        Backend, threads, float type, mode and devices. Only the float type is saved with the model.
    graphs : SequenceGraphs
        The symbolic graphs of training and generation.
    state : TrainState
        Everything that training and drawing change.
    trainer, sampler, scorer, predictor, monitoring, param_arrays
        The objects that the methods delegate to.
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
        """Build further graphs of the model that share its parameters.

        Parameters
        ----------
        streams : RandomStreams, optional
            Random streams of the new graphs. The default is the model's own streams.
        **changed
            Settings that differ from those of the model's own graphs, such as ``batched=True`` or another k; see
            `build_rnnrbm`.

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
        """The compiled update: takes a window, shape (n_steps, n_visible), and returns its monitor."""
        return self.trainer.functions.train_function

    @property
    def generate_function(self):
        """The compiled generator: takes no argument and returns 200 frames, shape (200, n_visible).

        Each call starts from the initial state and continues the model's random streams.
        """
        return self.sampler.generate_function

    def train(
        self, files, batch_size=100, num_epochs=200, *, validation=None, on_broken=None, on_epoch=None, **settings
    ):
        """Train on MIDI files and print the mean monitor of each epoch, as in the tutorial.

        Parameters
        ----------
        files : path or list of paths
            MIDI files, folders, glob patterns or zip files; see `read`.
        batch_size : int, default 100
            Frames per window.
        num_epochs : int, default 200
            Number of passes over the files. Ctrl+C ends training early and leaves a usable model.
        validation : path or list of paths, optional
            Files to validate on. Their monitor, or the quantity of `validate_by`, is printed as well.
        on_broken : callable, optional
            Called as on_broken(file, error) for each file that cannot be read, which is then skipped; see `read`.
        on_epoch : callable, optional
            Called with the record of each epoch, a dict, after its line is printed; see `fit`.
        **settings
            Further keywords of `fit`.

        Raises
        ------
        ValueError
            If a file cannot be read and there is no `on_broken`, or as in `fit`.
        FloatingPointError
            If a value is no longer finite.

        Examples
        --------
        >>> model = RnnRbm()
        >>> model.train("Nottingham/train", num_epochs=20, validation="Nottingham/valid")
        """
        rolls = self.read(files, on_broken=on_broken)
        validation = None if validation is None else self.read(validation, on_broken=on_broken)

        def show(record):
            more = f"  validation {record['validation']}" if "validation" in record else ""
            print(f"Epoch {record['epoch']}/{num_epochs} {record['monitor']}{more}", flush=True)
            if on_epoch is not None:
                on_epoch(record)

        try:
            self.fit(rolls, batch_size, num_epochs, validation=validation, on_epoch=show, **settings)
        except KeyboardInterrupt:
            print("Interrupted by user.")

    def generate(self, filename, show=True, *, n_steps=None, seed=None, primer=None, shift=0, **settings):
        """Generate a piece, write it to a MIDI file and plot its piano-roll.

        Parameters
        ----------
        filename : path
            MIDI file to write.
        show : bool, default True
            Whether to plot the piano-roll with matplotlib.pyplot.
        n_steps, seed, primer, **settings
            See `sample`.
        shift : int, default 0
            Semitones by which preprocessing moved a piece up. The generated piece is written in that piece's original
            key.

        Returns
        -------
        array of uint8, shape (n_steps, n_visible)
            Piano-roll of the file.

        Raises
        ------
        ValueError
            If the frames are real numbers instead of notes, or as in `sample`.

        Examples
        --------
        >>> roll = model.generate("sample.mid", show=False, n_steps=400, seed=1)
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
    # Attributes of the state, the frames and the compile settings

    log = delegated("state", "log", "Log of training: one record per epoch; see `fit`.")
    progress = delegated("state", "progress", "Progress of the last run: a `Progress`, or None before the first run.")
    learning = delegated("state", "learning", "Settings of the optimiser and the cost: a `Learning`.")
    backend = delegated("compiling", "backend", 'Compiler of the functions: "numba", "c" or "jax".')
    threads = delegated("compiling", "threads", "Number of Numba threads.")
    devices = delegated("compiling", "devices", "Number of JAX devices that share the sequences of an update.")
    floatX = delegated("compiling", "floatX", "Float type of the parameters.")
    mode = delegated("compiling", "mode", "PyTensor mode that compiles the functions.")
    r = delegated("frames", "r", "Range of MIDI notes, excluding its end; None for real-valued frames.")
    dt = delegated("frames", "dt", "Seconds per frame, for frames that are not beat-aligned.")
    n_visible = delegated("frames", "n_visible", "Number of visible units: the width of a frame.")
    preprocess = delegated("frames", "preprocess", "Preprocessing of MIDI files: a `Preprocessing`.")
    step_seconds = delegated("frames", "step_seconds", "Seconds per frame in generated files.")

    @property
    def real_valued(self):
        """Whether frames hold real numbers instead of 0 and 1."""
        return self.settings.get("visible") == "gaussian"

    def check_rolls(self, rolls):
        """Check that the model can read these rolls; see `checked_rolls`.

        A ValueError names the first invalid roll and the reason.
        """
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
        """The compiled update that carries the states from window to window; see `UpdateFunctions`."""
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
    def validation_likelihood(self, rolls, *, reverse=False):
        return validation_likelihood(self, self.check_rolls(rolls), reverse=reverse)

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
        """Write the model to a file: parameters, settings, random states and training progress.

        The file is a NumPy archive of arrays and one JSON text. It is written under a temporary name and then moved
        into place, so an interrupted save leaves the previous file intact.

        Parameters
        ----------
        filename : path
            File to write, usually with the suffix .npz.

        Examples
        --------
        >>> model.save("model.npz")
        >>> model = RnnRbm.load("model.npz")
        """
        with self.compiling.lock:
            storage.save(self, filename)

    @classmethod
    def load(
        cls, filename, *, backend="numba", threads=1, floatX=None, mode=None, devices=1, k_generate=None, classes=()
    ):
        """Load a model that `save` wrote.

        The file names the class of the model: this class or a subclass. Import a class of your own before you load its
        models. Its constructor must accept the settings in the file as keywords.

        Parameters
        ----------
        filename : path
            File to read.
        backend : {"numba", "c", "jax"}, default "numba"
            Compiler of the functions. Every backend can load every file, except that models with Gaussian units run
            on Numba and C only. JAX supports Philox streams only: a model with other streams gets new Philox streams
            from its seed, and keeps them when it is saved.
        threads : int, default 1
            Number of Numba threads. Only Philox streams and the `RnnNade` use more than one.
        floatX : {"float64", "float32"}, optional
            Float type to convert the model to. By default the model keeps its own.
        mode : pytensor.compile.mode.Mode, optional
            See `SequenceModel`.
        devices : int or "all", default 1
            See `SequenceModel`. A run can continue on another number of devices.
        k_generate : int, optional
            Gibbs steps in generation, instead of the number in the file.
        classes : list of classes, or dict {str: class}, optional
            Further classes that the file may name. A dict maps names in files to classes.

        Returns
        -------
        SequenceModel
            An instance of the class that the file names.

        Raises
        ------
        ValueError
            If an argument is invalid, or if the file does not hold a model of an accepted class in the current version
            of the format.
        FileNotFoundError
            If there is no such file.
        ImportError
            If the backend needs a package that is not installed.
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
        """Load a pretrained model that comes with the package.

        Parameters
        ----------
        name : str
            Name of a model, such as "nottingham-rnn-nade", or of a training set, "nottingham", for the first model of
            that set that has this class. `models.pretrained.PRETRAINED` lists all.
        **how
            Keywords of `load`.

        Returns
        -------
        SequenceModel

        Raises
        ------
        ValueError
            If this class has no pretrained model of that name, or its file is damaged, or as in `load`.

        Examples
        --------
        >>> RnnNade.pretrained("nottingham").generate("tune.mid")
        """
        return cls.load(verified_file(find(name, classes_of(cls))), **how)
