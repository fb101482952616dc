"""The numbers that the original program printed.

There are two references. Both runs used the program's defaults on the tutorial's 694 training files: 150 and 100 hidden
units, lr=0.001, r=(21, 109), dt=0.3, batch_size=100, float64 and seed 0xbeef. An epoch has 1,912 updates. Its number is
the mean of their monitors.

- `THEANO` was recorded from the tutorial's program under Theano 1.0.5, Python 3.8 and NumPy 1.21, with the files in
  sorted order. A run of this package on the same files in the same order draws the same random numbers, so its results
  can be compared digit for digit.
- `PUBLISHED` is the log in the tutorial's text, without epochs 11 to 189. The order of the files in that run is
  unknown, so other runs agree with it only to the second decimal.
"""

import math
from types import MappingProxyType

PUBLISHED = MappingProxyType(
    {
        1: -15.0308940028,
        2: -10.4892606673,
        3: -10.2394696138,
        4: -10.1431669994,
        5: -9.7005382843,
        6: -8.5985647524,
        7: -8.35115428534,
        8: -8.26453580552,
        9: -8.21208991542,
        10: -8.16847274143,
        190: -4.74799179994,
        191: -4.73488515216,
        192: -4.7326138489,
        193: -4.73841636884,
        194: -4.70255511452,
        195: -4.71872634914,
        196: -4.7276415885,
        197: -4.73497644728,
        198: -math.inf,  # a single update with a monitor of log(0) makes the mean infinite
        199: -4.75554987143,
        200: -4.72591935412,
    }
)
"""{epoch: mean monitor} from the log in the tutorial's text, with the digits that Python 2 printed."""

THEANO = MappingProxyType(
    {
        1: -15.03681487503209,
        2: -10.483956282031544,
        3: -10.244357000021648,
        4: -10.13937677429406,
        5: -9.736667300679356,
        6: -8.620168881689157,
        7: -8.354171430876221,
        8: -8.263281348997698,
    }
)
"""{epoch: mean monitor} of Theano 1.0.5 with shared_randomstreams (srs), the streams of the published log."""

THEANO_MRG = MappingProxyType({1: -15.03576657174194})
"""{epoch: mean monitor} of Theano 1.0.5 with MRG31k3p (mrg), the streams of the tutorial's later versions."""

SETTINGS = MappingProxyType(
    {
        "model": "RnnRbm",
        "n_hidden": 150,
        "n_hidden_recurrent": 100,
        "k": 15,
        "lr": 0.001,
        "r": (21, 109),
        "dt": 0.3,
        "batch_size": 100,
        "seed": 0xBEEF,
        "streams": "srs",
        "floatX": "float64",
        "data": "30edbc926c0a1a63",  # from `training.loop.fingerprint`
        "frames": 147_737,
        "updates": 1912,
    }
)
"""The settings of `THEANO`. Except for the streams, they are also the settings of `THEANO_MRG`."""

LATE = range(190, 201)
"""The last epochs of the published log. Their mean is the final level of a run."""
