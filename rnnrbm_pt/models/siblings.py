"""The kin of the RNN-RBM, with its interface: what it can do they can, trained, saved and asked in the same way."""

from rnnrbm_pt.graphs.lstm_rtrbm import build_lstm_rtrbm
from rnnrbm_pt.graphs.rnn_nade import build_rnn_nade
from rnnrbm_pt.graphs.rtrbm import build_rtrbm
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.models.settings import DEFAULT_R
from rnnrbm_pt.streams.srs import SEED


class Rtrbm(SequenceModel):
    """The recurrent temporal RBM: the expected hidden units of each step move the hidden biases of the next.

    Parameters
    ----------
    n_hidden : int
        Number of hidden units of the RBMs, which are those of the RNN too.
    lr, r, dt, seed, k, k_generate, backend, floatX, streams, threads, mode, preprocess, visible, n_visible
        As `RnnRbm` takes them.
    visible_from_u : bool
        Whether the visible biases move too.
    learn_initial : bool
        Whether the hidden units of the first step have biases of their own, as in the paper.
    """

    builder = staticmethod(build_rtrbm)
    n_states = 2

    def __init__(
        self,
        n_hidden=150,
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
        visible_from_u=False,
        learn_initial=False,
        visible="binary",
        n_visible=None,
    ):
        super().__init__(
            n_hidden=n_hidden,
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
            visible_from_u=visible_from_u,
            learn_initial=learn_initial,
            visible=visible,
            n_visible=n_visible,
        )


class LstmRtrbm(SequenceModel):
    """An RTRBM beside which an LSTM reads the frames; a reconstruction, as `graphs.lstm_rtrbm` says.

    Parameters
    ----------
    n_hidden : int
        Number of hidden units of the RBMs.
    n_hidden_recurrent : int
        Number of cells of the LSTM.
    lr, r, dt, seed, k, k_generate, backend, floatX, streams, threads, mode, preprocess, visible, n_visible
        As `RnnRbm` takes them.
    visible_from_u : bool
        Whether the visible biases move too.
    learn_initial : bool
        Whether the hidden units of the first step have biases of their own, and the LSTM starts from learned states.
    """

    builder = staticmethod(build_lstm_rtrbm)
    n_states = 4

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
        visible_from_u=False,
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
            visible_from_u=visible_from_u,
            learn_initial=learn_initial,
            visible=visible,
            n_visible=n_visible,
        )


class RnnNade(SequenceModel):
    """The RNN-RBM with a NADE in the place of each RBM: its likelihood is exact, and so are gradient and samples.

    Parameters
    ----------
    n_hidden : int
        Number of hidden units of the conditional NADEs.
    n_hidden_recurrent : int
        Number of hidden units of the RNN.
    lr, r, dt, seed, backend, floatX, streams, threads, mode, preprocess, nonlinearity, learn_initial
        As `RnnRbm` takes them. There is no Gibbs chain, and so no k. The monitor is the log-likelihood.
    """

    builder = staticmethod(build_rnn_nade)

    def __init__(
        self,
        n_hidden=150,
        n_hidden_recurrent=100,
        lr=0.001,
        r=DEFAULT_R,
        dt=0.3,
        *,
        seed=SEED,
        backend="numba",
        floatX=None,
        streams=None,
        threads=1,
        mode=None,
        preprocess=None,
        nonlinearity="tanh",
        learn_initial=False,
    ):
        super().__init__(
            n_hidden=n_hidden,
            n_hidden_recurrent=n_hidden_recurrent,
            lr=lr,
            r=r,
            dt=dt,
            seed=seed,
            backend=backend,
            floatX=floatX,
            streams=streams,
            threads=threads,
            mode=mode,
            preprocess=preprocess,
            nonlinearity=nonlinearity,
            learn_initial=learn_initial,
        )
