"""Models that are trained on music and generate it: compiled functions around the graphs.

`SequenceModel` holds what does not depend on the kind of model; `RnnRbm` is the tutorial's class. Its kin, which have
the same interface, are in `rnnrbm_pt.models.siblings`.
"""

import os
from functools import partial

import numpy as np
import pytensor

from rnnrbm_pt.graphs.rbm import VISIBLE
from rnnrbm_pt.graphs.sequence import NONLINEARITIES
from rnnrbm_pt.io.checks import boolean, choice, integer, number, plain, seed_number
from rnnrbm_pt.models import storage
from rnnrbm_pt.models.compiling import CompileSettings
from rnnrbm_pt.models.delegating import documented_by
from rnnrbm_pt.models.fitting import Fitting
from rnnrbm_pt.models.sampler import N_STEPS, GenerationInputs, Sampler
from rnnrbm_pt.models.scorer import Scorer
from rnnrbm_pt.music.datasets import ZipMember, midi_files
from rnnrbm_pt.music.pianoroll import check_range, check_real_roll, check_roll
from rnnrbm_pt.music.preprocessing import Preprocessing
from rnnrbm_pt.streams.registry import kind_of_streams
from rnnrbm_pt.streams.srs import stream_seed

AT_LEAST_1 = partial(integer, least=1)

SETTINGS = {
    **dict.fromkeys(("n_hidden", "n_hidden_recurrent", "k", "k_generate"), AT_LEAST_1),
    **dict.fromkeys(("learn_initial", "visible_from_u"), boolean),
    "nonlinearity": partial(choice, allowed=NONLINEARITIES),
    "visible": partial(choice, allowed=VISIBLE),
}
"""How each setting that only some models have is checked."""


def checked_settings(settings):
    """Settings of a model, each checked and as Python's own value, which a file can hold.

    Parameters
    ----------
    settings : dict
        A subclass may have settings beside those of `SETTINGS`; of these, NumPy's scalars alone are replaced.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        For the first setting that is not valid.
    """
    return {name: SETTINGS[name](name, x) if name in SETTINGS else plain(x) for name, x in settings.items()}


DEFAULT_R = 21, 109
"""The tutorial's range of MIDI notes: the 88 keys of a piano."""


def checked_width(r, n_visible, visible):
    """The range of notes and the width of a frame, of which one gives the other for notes.

    Parameters
    ----------
    r, n_visible, visible
        As `RnnRbm` takes them.

    Returns
    -------
    r : (int, int) or None
        None where `n_visible` is given: real-valued units are no notes.
    n_visible : int

    Raises
    ------
    ValueError
        If one of them is not valid, or there is a width beside a range, or a width of notes.
    """
    if n_visible is None:
        low, high = check_range(r)
        return (low, high), high - low
    n_visible = AT_LEAST_1("n_visible", n_visible)
    if visible != "gaussian":
        raise ValueError(
            f"n_visible: expected visible='gaussian' beside it, since notes have a range r, found {visible!r}"
        )
    if r is not None and check_range(r) != DEFAULT_R:
        raise ValueError(f"n_visible: expected either n_visible or r, found {n_visible} and {r!r}")
    return None, n_visible


def as_preprocessing(preprocess):
    """A `Preprocessing` as it is, or the one that a dict describes; a ValueError for anything else."""
    if isinstance(preprocess, dict):
        return Preprocessing.from_json(preprocess)
    if not isinstance(preprocess, Preprocessing):
        raise ValueError(f"preprocess: expected a Preprocessing or a dict, found {preprocess!r}")
    return preprocess


def classes_of(cls):
    """A class of models and all that derive from it, by name; those without a builder are no models themselves.

    Returns
    -------
    dict {str: class}
        Of one name, the class that is nearest to `cls`, and of equally near ones the one that was defined last.
    """
    found, level = {}, [cls]
    while level:
        further = {kind.__name__: kind for kind in level if kind.builder is not None}
        found |= {name: kind for name, kind in further.items() if name not in found}
        level = [derived for kind in level for derived in kind.__subclasses__()]
    return found


def named_classes(classes):
    """Classes of models by the names that files have for them.

    Parameters
    ----------
    classes : class, iterable of classes, or dict {str: class}

    Returns
    -------
    dict {str: class}

    Raises
    ------
    ValueError
        If one of them is no class of models.
    """
    classes = (classes,) if isinstance(classes, type) else classes
    pairs = list(classes.items()) if isinstance(classes, dict) else [(getattr(c, "__name__", c), c) for c in classes]
    for _, kind in pairs:
        if not (isinstance(kind, type) and issubclass(kind, SequenceModel)):
            raise ValueError(f"classes: expected classes that derive from SequenceModel, found {kind!r}")
    return dict(pairs)


class SequenceModel(Fitting):
    """A model of sequences of frames: training, generation, saving. Subclasses say which graphs to build.

    Attributes
    ----------
    builder : function
        What builds the graphs of the model, a ``build_*``.
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
    sampler : Sampler
        Draws sequences.
    scorer : Scorer
        Scores given sequences.
    """

    builder = None
    n_states = 1

    def __init__(
        self,
        *,
        lr,
        r,
        dt,
        seed,
        backend,
        floatX,
        streams,
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

        self.random_state = np.random.RandomState(seed)
        self.streams = self.compiling.streams(streams, stream_seed(self.random_state))
        self.generation_inputs = GenerationInputs.at_initial_states(self.n_states, self.floatX)
        with self.compiling.float_variables():
            self.lr = pytensor.shared(np.asarray(lr, self.floatX), name="lr")
            self.graphs = self.build(**settings)
        self.params = self.graphs.params
        self.sampler = Sampler(self.graphs, self.generation_inputs, self.streams, self.compiling)
        self.scorer = Scorer(self.graphs, streams, self.compiling, settings.get("visible", "binary"))
        self._prepare_to_learn()

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

    @property
    def backend(self):
        """What compiles the functions: "numba", "c" or "jax"."""
        return self.compiling.backend

    @property
    def threads(self):
        """Number of Numba threads."""
        return self.compiling.threads

    @property
    def floatX(self):
        """Float type of the parameters."""
        return self.compiling.floatX

    @property
    def mode(self):
        """PyTensor's mode that compiles the functions."""
        return self.compiling.mode

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

    def prepare(self, files, progress=False, on_outside=None, *, on_drums=None, on_broken=None):
        """Read MIDI files as the model's `preprocess` says.

        Parameters
        ----------
        files, progress, on_outside, on_drums, on_broken
            As for `read`.

        Returns
        -------
        Prepared
            rolls, and by how many semitones each was moved, the keys they were in, and how many notes were folded.

        Raises
        ------
        ValueError
            If the model has no range of notes.
        """
        if self.r is None:
            raise ValueError(f"read: expected a model of notes, found one of {self.n_visible} real numbers per frame")
        if isinstance(files, (str, os.PathLike, ZipMember)):
            files = [files]
        found = []
        for source in files:
            found += [source] if isinstance(source, ZipMember) else midi_files(source)
        calls = {"on_outside": on_outside, "on_drums": on_drums, "on_broken": on_broken}
        return self.preprocess.read(found, self.r, self.dt, progress, **calls)

    def read(self, files, progress=False, on_outside=None, *, on_drums=None, on_broken=None):
        """Read MIDI files as piano-rolls of the model's `r` and `dt`, prepared as its `preprocess` says.

        Parameters
        ----------
        files : path or list of paths
            MIDI files, in the order in which they are wanted; folders, patterns and zip files stand for the sorted
            MIDI files in them.
        progress : bool
            Whether to show a bar.
        on_outside : callable, optional
            Called as on_outside(file, n) for each file of which n notes lie outside `r` and are left out.
        on_drums : callable, optional
            Called as on_drums(file, n) for each file that has n notes on channel 10. `preprocess` says whether they are
            read as notes.
        on_broken : callable, optional
            Called as on_broken(file, error) for each file that cannot be read, which is skipped then. Without it, such
            a file is an error.

        Returns
        -------
        list of arrays, shape (n_steps, n_visible)
        """
        return self.prepare(files, progress, on_outside, on_drums=on_drums, on_broken=on_broken).rolls

    @property
    def generate_function(self):
        """The compiled generator: takes nothing, returns a roll (200, n_visible) that starts from the initial state."""
        return self.sampler.generate_function

    def sample(self, n_steps=N_STEPS, *, seed=None, primer=None):
        """Draw a piano-roll from the model.

        Parameters
        ----------
        n_steps : int
            Number of frames.
        seed : int, optional
            Seed of the draws. Without it they advance the model's streams; with it, these stay as they are.
        primer : array, shape (n_primer, n_visible), optional
            Frames that precede the sample; they are not part of it.

        Returns
        -------
        array, shape (n_steps, n_visible)
            Of uint8; of floatX where the visible units are Gaussian.
        """
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
            classes_of(cls) | named_classes(classes),
            backend=backend,
            threads=compiling.threads,
            floatX=None if floatX is None else compiling.floatX,
            mode=mode,
            k_generate=None if k_generate is None else AT_LEAST_1("k_generate", k_generate),
        )
