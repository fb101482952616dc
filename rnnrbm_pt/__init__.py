"""The RNN-RBM tutorial on PyTensor's symbolic graphs.

The tutorial's names can be imported from here: `build_rbm`, `build_rnnrbm`, `RnnRbm`, `midiread`, `midiwrite`. They are
loaded when they are first used, so that ``rnnrbm --help`` answers at once.
"""

__version__ = "0.1.0"

_HOMES = {
    "RnnRbm": "rnnrbm_pt.model",
    "build_rbm": "rnnrbm_pt.graphs.rbm",
    "build_rnnrbm": "rnnrbm_pt.graphs.rnnrbm",
    "midiread": "rnnrbm_pt.music.midi",
    "midiwrite": "rnnrbm_pt.music.midi",
}

__all__ = ["RnnRbm", "build_rbm", "build_rnnrbm", "midiread", "midiwrite"]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__():
    return [*globals(), *__all__]
