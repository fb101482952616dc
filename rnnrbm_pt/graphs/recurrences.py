"""Names of the recurrent networks of an RNN-RBM or an RNN-NADE."""

from rnnrbm_pt.graphs.gru import gru_cell
from rnnrbm_pt.graphs.lstm import lstm_cell

GATED = {"lstm": lstm_cell, "gru": gru_cell}
"""Functions that make the cells of networks with gates. Their nonlinearities are fixed."""

RECURRENCES = "tanh", *GATED
"""The tutorial's simple RNN, the LSTM and the GRU."""


def check_recurrence(recurrence: str, nonlinearity: str = "tanh") -> None:
    """Check that a recurrence exists, and that it allows the nonlinearity.

    Parameters
    ----------
    recurrence, nonlinearity : str
        See `build_rnnrbm`.

    Raises
    ------
    ValueError
        If the recurrence does not exist, or if it has gates and the nonlinearity is not tanh.
    """
    if recurrence not in RECURRENCES:
        raise ValueError(f"recurrence: expected one of {', '.join(RECURRENCES)}, found {recurrence!r}")
    if recurrence != "tanh" and nonlinearity != "tanh":
        raise ValueError(
            f"nonlinearity: expected 'tanh' with recurrence={recurrence!r}, which has its own, found {nonlinearity!r}"
        )
