"""The tutorial's model, the RNN-RBM."""

from typing import Unpack

from rnnrbm_pt.graphs.rnnrbm import build_rnnrbm
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.models.settings import DEFAULT_R, Common


class RnnRbm(SequenceModel):
    """The RNN-RBM: a recurrent network that gives an RBM new biases at every frame.

    It learns from MIDI files or piano-rolls by contrastive divergence with k Gibbs steps (CD-k), and generates new
    music. The equations are in `graphs.rnnrbm`. The class has the tutorial's methods `train` and `generate`, and its
    compiled functions `train_function` and `generate_function`. All default settings are the tutorial's.

    Parameters
    ----------
    n_hidden : int, default 150
        Number of hidden units of the RBMs, at least 1.
    n_hidden_recurrent : int, default 100
        Number of hidden units of the recurrent network, at least 1.
    lr : float, default 0.001
        Learning rate, at least 0.
    r : (int, int), default (21, 109)
        Range of MIDI notes, from the first number up to but excluding the second: the 88 keys of a piano.
    dt : float, default 0.3
        Seconds per frame, above 0.
    k : int, default 15
        Gibbs steps per training frame, at least 1.
    k_generate : int, default 25
        Gibbs steps per generated frame, at least 1.
    recurrence : {"tanh", "lstm", "gru"}, default "tanh"
        Recurrent network: the tutorial's simple RNN, an LSTM or a GRU; see `graphs.lstm` and `graphs.gru`.
    nonlinearity : {"tanh", "sigmoid", "relu"}, default "tanh"
        Activation function of the simple RNN. An LSTM or a GRU accepts only the default.
    learn_initial : bool, default False
        Whether to learn the state before the first frame: u0, and also c0 of an LSTM. Otherwise the state is zero.
    visible : {"binary", "gaussian"}, default "binary"
        Kind of visible units: notes (0 or 1), or real numbers of variance 1 given the hidden units. Gaussian units
        need the streams "srs".
    **common
        Keywords of all models, such as seed, backend, streams and preprocess; see `SequenceModel`.

    Raises
    ------
    ValueError
        If a setting is invalid.

    References
    ----------
    Boulanger-Lewandowski, Bengio and Vincent, Modeling temporal dependencies in high-dimensional sequences, ICML 2012.

    Examples
    --------
    >>> model = RnnRbm()
    >>> model.train(sorted(glob.glob("Nottingham/train/*.mid")), batch_size=100, num_epochs=200)
    >>> model.generate("sample1.mid")
    """

    builder = staticmethod(build_rnnrbm)

    def __init__(
        self,
        n_hidden: int = 150,
        n_hidden_recurrent: int = 100,
        lr: float = 0.001,
        r: tuple[int, int] | None = DEFAULT_R,
        dt: float = 0.3,
        *,
        k: int = 15,
        k_generate: int = 25,
        recurrence: str = "tanh",
        nonlinearity: str = "tanh",
        learn_initial: bool = False,
        visible: str = "binary",
        **common: Unpack[Common],
    ) -> None:
        super().__init__(
            n_hidden=n_hidden,
            n_hidden_recurrent=n_hidden_recurrent,
            lr=lr,
            r=r,
            dt=dt,
            k=k,
            k_generate=k_generate,
            recurrence=recurrence,
            nonlinearity=nonlinearity,
            learn_initial=learn_initial,
            visible=visible,
            **common,
        )
