"""The recurrent networks that an RNN-RBM or an RNN-NADE may have, by name."""

from rnnrbm_pt.graphs.gru import gru_cell
from rnnrbm_pt.graphs.lstm import lstm_cell

GATED = {"lstm": lstm_cell, "gru": gru_cell}
"""Functions that make the cells of networks with gates, whose nonlinearities are given."""

RECURRENCES = "tanh", *GATED
"""The tutorial's simple RNN, the LSTM and the GRU."""


def check_recurrence(recurrence: str, nonlinearity: str = "tanh") -> None:
    """Check the name of a recurrence and the nonlinearity beside it.

    Parameters
    ----------
    recurrence, nonlinearity : str
        As `build_rnnrbm` takes them.

    Raises
    ------
    ValueError
        If there is no such recurrence, or its nonlinearities are given.
    """
    if recurrence not in RECURRENCES:
        raise ValueError(f"recurrence: expected one of {', '.join(RECURRENCES)}, found {recurrence!r}")
    if recurrence != "tanh" and nonlinearity != "tanh":
        raise ValueError(
            f"nonlinearity: expected 'tanh' beside recurrence={recurrence!r}, which has its own, found {nonlinearity!r}"
        )
