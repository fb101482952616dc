"""The tutorial's model."""

from typing import Unpack

from rnnrbm_pt.graphs.rnnrbm import build_rnnrbm
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.models.settings import DEFAULT_R, Common


class RnnRbm(SequenceModel):
    """The tutorial's model: trains an RNN-RBM on MIDI files and generates sequences.

    It has the tutorial's methods train and generate, and its compiled functions train_function and generate_function.

    Parameters
    ----------
    n_hidden : int
        Number of hidden units of the conditional RBMs, at least 1.
    n_hidden_recurrent : int
        Number of hidden units of the RNN, at least 1.
    lr, r, dt, **common
        As `SequenceModel` takes them.
    k, k_generate : int
        Gibbs steps in training and in generation, at least 1.
    recurrence : {"tanh", "lstm", "gru"}
        The recurrent network: the tutorial's simple RNN, an LSTM or a GRU; see `graphs.lstm` and `graphs.gru`.
    nonlinearity : {"tanh", "sigmoid", "relu"}
        What the simple RNN applies to its sums; an LSTM and a GRU have their own.
    learn_initial : bool
        Whether the state before the first frame, u0, is learned; of an LSTM u0 and c0.
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
