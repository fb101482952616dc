"""Table 1 of the paper: log-likelihoods and accuracies on four sets of piano-rolls. Some cells are missing.

N. Boulanger-Lewandowski, Y. Bengio, P. Vincent: Modeling temporal dependencies in high-dimensional sequences:
application to polyphonic music generation and transcription, ICML 2012.

The cells come from memory and from quotations, not from the paper itself, so some may be wrong. Later papers quote
-5.19 for an RNN-NADE on the JSB chorales. These rows were checked by computing them on the test splits:

- "Random": -88 log 2. Its accuracies equal the mean number n of notes per frame divided by 88, in all four sets. For
  fair coins this is the expected TP / (TP + FP), without missed notes. With missed notes, TP / (TP + FP + FN) would be
  n / (88 + n). So all accuracies in the table seem to ignore missed notes, like `expected_accuracy` with
  `missed=False`. An RNN-NADE of this library supports this. It has a likelihood of -2.24 and an accuracy of 72 % on
  Nottingham, and -5.14 and 33 % on the chorales. If missed notes count, its accuracies are 56 % and 19 %. The RNN-NADE
  that the authors trained by Hessian-free optimisation has -2.31 and 71.5 %, and -5.56 and 32.5 %.
- "Note 1-gram": `baselines.NoteFrequencies` gives the same numbers to the last digit in all four sets.
- "1-gram (add-p)": `baselines.ChordFrequencies` comes close, with another choice of the smoothing mass.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Cell(NamedTuple):
    """Result of one model on one set: log-likelihood in nats per frame, and accuracy in percent (None if unknown)."""

    log_likelihood: float
    accuracy: float | None


SETS = "piano_midi", "nottingham", "musedata", "jsb_chorales"


def _row(*cells: tuple[float, float | None]) -> Mapping[str, Cell]:
    return MappingProxyType({name: Cell(*cell) for name, cell in zip(SETS, cells, strict=True)})


TABLE = MappingProxyType(
    {
        "Random": _row((-61.00, 3.35), (-61.00, 4.53), (-61.00, 3.74), (-61.00, 4.42)),
        "1-gram (add-p)": _row((-27.64, None), (-5.94, None), (-19.03, None), (-12.22, None)),
        "Note 1-gram": _row((-11.05, None), (-10.25, None), (-11.51, None), (-11.06, None)),
        "RBM": _row((-10.17, 5.63), (-5.25, 5.81), (-9.56, 8.19), (-7.43, 4.47)),
        "NADE": _row((-10.28, 5.82), (-5.48, 22.67), (-10.06, 7.65), (-7.19, 17.88)),
        "RTRBM": _row((-7.36, 22.99), (-2.62, 75.01), (-6.35, 30.85), (-6.35, 30.17)),
        "RNN-RBM": _row((-7.09, 28.92), (-2.39, 75.40), (-6.01, 34.02), (-6.27, 33.12)),
        "RNN-NADE": _row((-7.48, 20.69), (-2.91, 64.95), (-6.74, 24.91), (-5.83, 32.11)),
    }
)
"""{row: {set: Cell}}, for the test splits."""

ROWS = MappingProxyType(
    {"RnnRbm": "RNN-RBM", "TiedRnnRbm": "RNN-RBM", "Rtrbm": "RTRBM", "RnnNade": "RNN-NADE"},
)
"""{model class: row}. The LSTM-RTRBM and the biaxial RNN have no row, since they were published later."""
