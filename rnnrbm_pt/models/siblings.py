"""The related models, with the interface of the RNN-RBM."""

from typing import Unpack

from rnnrbm_pt.graphs.biaxial_rnn import WINDOW, build_biaxial_rnn
from rnnrbm_pt.graphs.lstm_rtrbm import build_lstm_rtrbm
from rnnrbm_pt.graphs.rnn_nade import build_rnn_nade
from rnnrbm_pt.graphs.rtrbm import build_rtrbm
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.models.settings import DEFAULT_R, Common


class Rtrbm(SequenceModel):
    """The recurrent temporal RBM: the expected hidden units of each step move the hidden biases of the next.

    Parameters
    ----------
    n_hidden : int
        Number of hidden units of the RBMs, which are also those of the RNN.
    lr, r, dt, k, k_generate, visible, **common
        As `RnnRbm` takes them.
    dynamic_visible_bias : bool
        Whether the visible biases move too.
    learn_initial : bool
        Whether the hidden units of the first step have biases of their own, as in the paper.
    """

    builder = staticmethod(build_rtrbm)

    def __init__(
        self,
        n_hidden: int = 150,
        lr: float = 0.001,
        r: tuple[int, int] | None = DEFAULT_R,
        dt: float = 0.3,
        *,
        k: int = 15,
        k_generate: int = 25,
        dynamic_visible_bias: bool = False,
        learn_initial: bool = False,
        visible: str = "binary",
        **common: Unpack[Common],
    ) -> None:
        super().__init__(
            n_hidden=n_hidden,
            lr=lr,
            r=r,
            dt=dt,
            k=k,
            k_generate=k_generate,
            dynamic_visible_bias=dynamic_visible_bias,
            learn_initial=learn_initial,
            visible=visible,
            **common,
        )


class LstmRtrbm(SequenceModel):
    """An RTRBM beside which an LSTM reads the frames; a reconstruction, as `graphs.lstm_rtrbm` says.

    Parameters
    ----------
    n_hidden : int
        Number of hidden units of the RBMs.
    n_hidden_recurrent : int
        Number of cells of the LSTM.
    lr, r, dt, k, k_generate, visible, **common
        As `RnnRbm` takes them.
    dynamic_visible_bias : bool
        Whether the visible biases move too.
    learn_initial : bool
        Whether the hidden units of the first step have biases of their own, and the LSTM starts from learned states.
    """

    builder = staticmethod(build_lstm_rtrbm)

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
        dynamic_visible_bias: bool = False,
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
            dynamic_visible_bias=dynamic_visible_bias,
            learn_initial=learn_initial,
            visible=visible,
            **common,
        )


class RnnNade(SequenceModel):
    """The RNN-RBM with a NADE instead of each RBM: its likelihood is exact, and so are its gradient and samples.

    Parameters
    ----------
    n_hidden : int
        Number of hidden units of the conditional NADEs.
    n_hidden_recurrent : int
        Number of hidden units of the RNN.
    lr, r, dt, recurrence, nonlinearity, learn_initial, **common
        As `RnnRbm` takes them. There is no Gibbs chain, and so no k. The monitor is the log-likelihood.
    """

    builder = staticmethod(build_rnn_nade)

    def __init__(
        self,
        n_hidden: int = 150,
        n_hidden_recurrent: int = 100,
        lr: float = 0.001,
        r: tuple[int, int] = DEFAULT_R,
        dt: float = 0.3,
        *,
        recurrence: str = "tanh",
        nonlinearity: str = "tanh",
        learn_initial: bool = False,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(
            n_hidden=n_hidden,
            n_hidden_recurrent=n_hidden_recurrent,
            lr=lr,
            r=r,
            dt=dt,
            recurrence=recurrence,
            nonlinearity=nonlinearity,
            learn_initial=learn_initial,
            **common,
        )


class BiaxialRnn(SequenceModel):
    """Recurrent networks along time and along the notes, whose weights all notes share: Johnson's BALSTM with GRUs.

    What it learns in one key it knows in all others. Its likelihood is exact, and so are its gradient and samples.

    Parameters
    ----------
    n_hidden : int
        Number of hidden units of the network along the notes.
    n_hidden_recurrent : int
        Number of hidden units of the network along time, of each note.
    lr, r, dt, nonlinearity, learn_initial, **common
        As `RnnNade` takes them. The monitor is the log-likelihood.
    recurrence : {"gru", "lstm", "tanh"}
        The network along time.
    window : int
        How many notes on each side a note hears one by one.
    """

    builder = staticmethod(build_biaxial_rnn)

    def __init__(
        self,
        n_hidden: int = 48,
        n_hidden_recurrent: int = 64,
        lr: float = 0.001,
        r: tuple[int, int] = DEFAULT_R,
        dt: float = 0.3,
        *,
        recurrence: str = "gru",
        nonlinearity: str = "tanh",
        window: int = WINDOW,
        learn_initial: bool = False,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(
            n_hidden=n_hidden,
            n_hidden_recurrent=n_hidden_recurrent,
            lr=lr,
            r=r,
            dt=dt,
            recurrence=recurrence,
            nonlinearity=nonlinearity,
            window=window,
            learn_initial=learn_initial,
            **common,
        )
