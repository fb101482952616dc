"""The original's numbers (`recorded`), and comparing a run with them: read its log, compare, draw."""

from rnnrbm_pt.reference.comparison import Comparison, Comparisons, Row, compare, compare_all
from rnnrbm_pt.reference.logs import read_log, read_records
from rnnrbm_pt.reference.plot import plot_comparison, save_comparison
from rnnrbm_pt.reference.recorded import LATE, PUBLISHED, THEANO, THEANO_MRG
from rnnrbm_pt.reference.results import results_folder

__all__ = [
    "LATE",
    "PUBLISHED",
    "THEANO",
    "THEANO_MRG",
    "Comparison",
    "Comparisons",
    "Row",
    "compare",
    "compare_all",
    "plot_comparison",
    "read_log",
    "read_records",
    "results_folder",
    "save_comparison",
]
