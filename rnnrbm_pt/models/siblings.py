"""The related models, with the same methods as the RNN-RBM."""

from typing import Unpack

from rnnrbm_pt.graphs.biaxial_rnn import build_biaxial_rnn
from rnnrbm_pt.graphs.lstm_rtrbm import build_lstm_rtrbm
from rnnrbm_pt.graphs.rnn_nade import build_rnn_nade
from rnnrbm_pt.graphs.rtrbm import build_rtrbm
from rnnrbm_pt.graphs.tied import WINDOW
from rnnrbm_pt.graphs.tied_rnn_rbm import build_tied_rnn_rbm
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.models.settings import DEFAULT_R, Common


class Rtrbm(SequenceModel):
    """The recurrent temporal RBM (RTRBM): the hidden units of each frame set the hidden biases of the next frame.

    It is an RNN-RBM whose recurrent network is the RBM itself: the expected hidden units u_t are the state. The
    equations are in `graphs.rtrbm`.

    Parameters
    ----------
    n_hidden : int, default 150
        Number of hidden units of the RBMs, at least 1. They are also the state of the recurrence.
    lr : float, default 0.001
        Learning rate, at least 0.
    r : (int, int), default (21, 109)
        Range of MIDI notes, from the first number up to but excluding the second.
    dt : float, default 0.3
        Seconds per frame, above 0.
    k : int, default 15
        Gibbs steps per training frame, at least 1.
    k_generate : int, default 25
        Gibbs steps per generated frame, at least 1.
    dynamic_visible_bias : bool, default False
        Whether the state also changes the visible biases, through an additional matrix Wuv.
    learn_initial : bool, default False
        Whether to learn an additional hidden bias bh0 for the first frame, as in the paper. Otherwise it is zero.
    visible : {"binary", "gaussian"}, default "binary"
        Kind of visible units; see `RnnRbm`.
    **common
        Keywords of all models; see `SequenceModel`.

    Raises
    ------
    ValueError
        If a setting is invalid.

    References
    ----------
    Sutskever, Hinton and Taylor, The recurrent temporal restricted Boltzmann machine, NIPS 2008.

    Examples
    --------
    >>> model = Rtrbm(n_hidden=100).fit(rolls, num_epochs=20)
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
    """The LSTM-RTRBM: an RTRBM with an additional LSTM that reads the frames and changes the hidden biases.

    This is a reconstruction of the paper's model, and its equations may differ from the paper's. They are in
    `graphs.lstm_rtrbm`.

    Parameters
    ----------
    n_hidden : int, default 150
        Number of hidden units of the RBMs, at least 1.
    n_hidden_recurrent : int, default 100
        Number of LSTM cells, at least 1.
    lr : float, default 0.001
        Learning rate, at least 0.
    r : (int, int), default (21, 109)
        Range of MIDI notes, from the first number up to but excluding the second.
    dt : float, default 0.3
        Seconds per frame, above 0.
    k : int, default 15
        Gibbs steps per training frame, at least 1.
    k_generate : int, default 25
        Gibbs steps per generated frame, at least 1.
    dynamic_visible_bias : bool, default False
        Whether the states also change the visible biases, through additional matrices Wuv and Wsv.
    learn_initial : bool, default False
        Whether to learn an additional hidden bias for the first frame and the initial states of the LSTM. Otherwise
        they are zero.
    visible : {"binary", "gaussian"}, default "binary"
        Kind of visible units; see `RnnRbm`.
    **common
        Keywords of all models; see `SequenceModel`.

    Raises
    ------
    ValueError
        If a setting is invalid.

    References
    ----------
    Lyu, Wu, Zhu and Meng, Modelling high-dimensional sequences with LSTM-RTRBM: application to polyphonic music
    generation, IJCAI 2015.

    Examples
    --------
    >>> model = LstmRtrbm(n_hidden=100, n_hidden_recurrent=50).fit(rolls, num_epochs=20)
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
    """The RNN-NADE: an RNN-RBM with a NADE instead of each RBM, so its likelihood is exact.

    A NADE (neural autoregressive distribution estimator) predicts the notes of a frame one after another, from the
    lowest to the highest. Likelihood, gradient and samples need no Gibbs chain, so there is no k. The monitor is the
    log-likelihood in nats per frame. The equations are in `graphs.rnn_nade` and `graphs.nade`.

    Parameters
    ----------
    n_hidden : int, default 150
        Number of hidden units of the NADEs, at least 1.
    n_hidden_recurrent : int, default 100
        Number of hidden units of the recurrent network, at least 1.
    lr : float, default 0.001
        Learning rate, at least 0.
    r : (int, int), default (21, 109)
        Range of MIDI notes, from the first number up to but excluding the second.
    dt : float, default 0.3
        Seconds per frame, above 0.
    recurrence : {"tanh", "lstm", "gru"}, default "tanh"
        Recurrent network; see `RnnRbm`.
    nonlinearity : {"tanh", "sigmoid", "relu"}, default "tanh"
        Activation function of the simple RNN. An LSTM or a GRU accepts only the default.
    learn_initial : bool, default False
        Whether to learn the state before the first frame: u0, and also c0 of an LSTM. Otherwise the state is zero.
    **common
        Keywords of all models; see `SequenceModel`.

    Raises
    ------
    ValueError
        If a setting is invalid.

    References
    ----------
    Boulanger-Lewandowski, Bengio and Vincent, Modeling temporal dependencies in high-dimensional sequences, ICML 2012,
    section 4.2.

    Examples
    --------
    >>> model = RnnNade(recurrence="gru").fit(rolls, num_epochs=20, optimizer="adam")
    >>> model.score(rolls)  # log-likelihood in nats per frame
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


class TiedRnnRbm(SequenceModel):
    """The tied RNN-RBM: an RNN-RBM whose recurrent network has the same weights for all notes.

    Every note has its own state, which depends on the notes around it. So a pattern learned in one key is known in
    every key, and the model overfits less than an RNN-RBM. The equations are in `graphs.tied_rnn_rbm`.

    Parameters
    ----------
    n_hidden : int, default 4
        Number of hidden units of the RBMs per note, at least 1.
    n_hidden_recurrent : int, default 64
        Number of hidden units of the recurrent network per note, at least 1.
    lr : float, default 0.001
        Learning rate, at least 0.
    r : (int, int), default (21, 109)
        Range of MIDI notes, from the first number up to but excluding the second.
    dt : float, default 0.3
        Seconds per frame, above 0.
    k : int, default 15
        Gibbs steps per training frame, at least 1.
    k_generate : int, default 25
        Gibbs steps per generated frame, at least 1.
    recurrence : {"gru", "lstm", "tanh"}, default "gru"
        Recurrent network: a GRU, an LSTM or a simple RNN.
    nonlinearity : {"tanh", "sigmoid", "relu"}, default "tanh"
        Activation function of the simple RNN. An LSTM or a GRU accepts only the default.
    window : int, default 12
        Number of neighbouring notes on each side that a note reads individually: an octave by default.
    learn_initial : bool, default False
        Whether to learn the state before the first frame. Otherwise it is zero.
    **common
        Keywords of all models; see `SequenceModel`.

    Raises
    ------
    ValueError
        If a setting is invalid.

    References
    ----------
    Johnson, Generating polyphonic music using tied parallel networks, EvoMUSART 2017.

    Examples
    --------
    >>> model = TiedRnnRbm().fit(rolls, num_epochs=20, optimizer="adam", persistent=True)
    """

    builder = staticmethod(build_tied_rnn_rbm)

    def __init__(
        self,
        n_hidden: int = 4,
        n_hidden_recurrent: int = 64,
        lr: float = 0.001,
        r: tuple[int, int] = DEFAULT_R,
        dt: float = 0.3,
        *,
        k: int = 15,
        k_generate: int = 25,
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
            k=k,
            k_generate=k_generate,
            recurrence=recurrence,
            nonlinearity=nonlinearity,
            window=window,
            learn_initial=learn_initial,
            **common,
        )


class BiaxialRnn(SequenceModel):
    """The biaxial RNN: one recurrent network along time and one along the notes, with weights that all notes share.

    Because the weights are shared, a pattern learned in one key is known in every key. Likelihood, gradient and samples
    are exact. The monitor is the log-likelihood in nats per frame. The model is Johnson's BALSTM with a GRU along the
    notes and other note inputs; the equations are in `graphs.biaxial_rnn`.

    Parameters
    ----------
    n_hidden : int, default 48
        Number of hidden units of the network along the notes, at least 1.
    n_hidden_recurrent : int, default 64
        Number of hidden units per note of the network along time, at least 1.
    lr : float, default 0.001
        Learning rate, at least 0.
    r : (int, int), default (21, 109)
        Range of MIDI notes, from the first number up to but excluding the second.
    dt : float, default 0.3
        Seconds per frame, above 0.
    recurrence : {"gru", "lstm", "tanh"}, default "gru"
        Network along time: a GRU, an LSTM or a simple RNN.
    nonlinearity : {"tanh", "sigmoid", "relu"}, default "tanh"
        Activation function of the simple RNN. An LSTM or a GRU accepts only the default.
    window : int, default 12
        Number of neighbouring notes on each side that a note reads individually: an octave by default.
    learn_initial : bool, default False
        Whether to learn the state before the first frame. Otherwise it is zero.
    **common
        Keywords of all models; see `SequenceModel`.

    Raises
    ------
    ValueError
        If a setting is invalid.

    References
    ----------
    Johnson, Generating polyphonic music using tied parallel networks, EvoMUSART 2017.

    Examples
    --------
    >>> model = BiaxialRnn(recurrence="lstm").fit(rolls, num_epochs=20, optimizer="adam")
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
