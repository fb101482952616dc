"""The RNN-RBM tutorial on PyTensor's symbolic graphs.

This module exports the names of the tutorial (`build_rbm`, `build_rnnrbm`, `RnnRbm`, `midiread`, `midiwrite`) and of
the related models. Each name is imported on first use, which keeps ``rnnrbm --help`` fast.
"""

__version__ = "0.2.0"

_HOMES = {
    "RnnRbm": "rnnrbm_pt.models.rnnrbm",
    "Rtrbm": "rnnrbm_pt.models.siblings",
    "LstmRtrbm": "rnnrbm_pt.models.siblings",
    "RnnNade": "rnnrbm_pt.models.siblings",
    "TiedRnnRbm": "rnnrbm_pt.models.siblings",
    "BiaxialRnn": "rnnrbm_pt.models.siblings",
    "build_rbm": "rnnrbm_pt.graphs.rbm",
    "build_rnnrbm": "rnnrbm_pt.graphs.rnnrbm",
    "build_rtrbm": "rnnrbm_pt.graphs.rtrbm",
    "build_lstm_rtrbm": "rnnrbm_pt.graphs.lstm_rtrbm",
    "build_nade": "rnnrbm_pt.graphs.nade",
    "build_rnn_nade": "rnnrbm_pt.graphs.rnn_nade",
    "build_tied_rnn_rbm": "rnnrbm_pt.graphs.tied_rnn_rbm",
    "build_biaxial_rnn": "rnnrbm_pt.graphs.biaxial_rnn",
    "midiread": "rnnrbm_pt.music.midi",
    "midiwrite": "rnnrbm_pt.music.midi",
}

__all__ = list(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    from rnnrbm_pt.interrupts import deferred_interrupts

    with deferred_interrupts():  # a C library may crash if its import is interrupted
        return getattr(import_module(_HOMES[name]), name)


def __dir__():
    return [*globals(), *__all__]
