"""The tutorial's model."""

from rnnrbm_pt.graphs.rnnrbm import build_rnnrbm
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.models.settings import DEFAULT_R
from rnnrbm_pt.streams.srs import SEED


class RnnRbm(SequenceModel):
    """The tutorial's model: trains an RNN-RBM on MIDI files and generates sequences.

    Parameters
    ----------
    n_hidden : int
        Number of hidden units of the conditional RBMs, at least 1.
    n_hidden_recurrent : int
        Number of hidden units of the RNN, at least 1.
    lr : float
        Learning rate, at least 0. With 0, training changes no parameter.
    r : (int, int)
        Range of MIDI notes, half open; its width is the number of visible units unless `n_visible` is given.
    dt : float
        Seconds of a frame, above 0.
    seed : int or None
        Of everything random (streams, initial parameters, shuffling), from 0 to 2**32 - 1. With None the operating
        system provides one.
    k, k_generate : int
        Gibbs steps in training and in generation, at least 1.
    backend : {"numba", "c", "jax"}
        What compiles the functions.
    floatX : {"float64", "float32"}, optional
        Without it, PyTensor's.
    streams : {"srs", "mrg", "philox"}, optional
        Kind of random streams: Theano's shared_randomstreams, or its MRG31k3p, or Philox, which is faster and the same
        on every backend. Without it, the first; on JAX the last, which has no other.
    threads : int
        Number of Numba threads. Only Philox streams use more than one.
    mode : pytensor.compile.mode.Mode, optional
        PyTensor's mode that compiles the functions. Without it, the backend's.
    preprocess : Preprocessing or dict, optional
        What is done to MIDI files before the model sees them, and undone for what it generates: transposition to a
        common tonality, frames by the beat. Without it nothing is.
    nonlinearity : {"tanh", "sigmoid", "relu"}
        What the RNN applies to its sums.
    learn_initial : bool
        Whether the state before the first frame, u0, is learned.
    visible : {"binary", "gaussian"}
        Kind of the visible units: notes, or real numbers of variance 1 given the hidden units. Only the streams "srs"
        draw the latter.
    n_visible : int, optional
        Number of Gaussian visible units, of any size; the model then has no `r`. Notes have a range instead.

    Raises
    ------
    ValueError
        If a setting is not valid. NumPy's numbers are as good as Python's; True and False are no numbers.

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
        r=DEFAULT_R,
        dt=0.3,
        *,
        seed=SEED,
        k=15,
        k_generate=25,
        backend="numba",
        floatX=None,
        streams=None,
        threads=1,
        mode=None,
        preprocess=None,
        nonlinearity="tanh",
        learn_initial=False,
        visible="binary",
        n_visible=None,
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
            mode=mode,
            preprocess=preprocess,
            nonlinearity=nonlinearity,
            learn_initial=learn_initial,
            visible=visible,
            n_visible=n_visible,
        )
