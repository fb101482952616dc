"""Comparison of runs with the numbers of the original program: read logs, compare them and plot them."""

from rnnrbm_pt.reference.against import Pair
from rnnrbm_pt.reference.comparison import Comparison, Comparisons, Row, compare, compare_all
from rnnrbm_pt.reference.logs import read_log, read_records
from rnnrbm_pt.reference.plot import plot_comparison, save_comparison, save_pair
from rnnrbm_pt.reference.recorded import LATE, PUBLISHED, THEANO, THEANO_MRG
from rnnrbm_pt.reference.recording import Recording, TheanoSettings, read_recording, write_recording
from rnnrbm_pt.reference.results import results_folder
from rnnrbm_pt.reference.runs import LoggedRun, fitting_recorded_run, notes, read_run, recorded_run

__all__ = [
    "LATE",
    "PUBLISHED",
    "THEANO",
    "THEANO_MRG",
    "Comparison",
    "Comparisons",
    "LoggedRun",
    "Pair",
    "Recording",
    "Row",
    "TheanoSettings",
    "compare",
    "compare_all",
    "fitting_recorded_run",
    "notes",
    "plot_comparison",
    "read_log",
    "read_recording",
    "read_records",
    "read_run",
    "recorded_run",
    "results_folder",
    "save_comparison",
    "save_pair",
    "write_recording",
]
