"""Program that `test_devices` runs with four JAX devices. It writes models and prints its results as JSON.

python four_devices.py runs|models FOLDER
"""

import json
import sys

import numpy as np
from test_every_backend import MODELS
from test_every_backend import make as every_model

from rnnrbm_pt import RnnNade, RnnRbm

DRAWN_BY_JAX = [name for name in MODELS if name != "Gaussian"]
"""Kinds of models that JAX supports."""

RUN = {"batch_size": 10, "n_sequences": 4, "carry_state": True, "persistent": True, "clip_norm": 0.5, "average": 0.9}
RUN |= {"sparsity": 0.1, "sparsity_cost": 0.5, "dropout_hidden": 0.2, "dropout_recurrent": 0.1}


def make(devices, kind=RnnRbm, **settings):
    """Make a small model."""
    chains = {} if kind is RnnNade else {"k": 2, "k_generate": 2}
    return kind(8, 6, lr=0.05, r=(21, 33), backend="jax", devices=devices, **chains, **settings)


def compiled(function):
    """The code that XLA compiled for a function and the last shapes of its arguments."""
    *_, (sizes, shapes) = function._compiled
    inputs = function.place.inputs([np.zeros(shape) for shape in shapes], function.inputs)
    state = [function.place.state(container.storage[0]) for container in function._containers]
    return function._compiled[sizes, shapes].lower(*inputs, *state).compile().as_text()


def error(call, *arguments, **settings):
    """The error message of a call."""
    try:
        call(*arguments, **settings)
    except ValueError as error:
        return str(error)


def runs(folder, rolls):
    """Train on one device, and on two and then four devices."""
    make(1).fit(rolls, num_epochs=2, **RUN).save(folder + "/one.npz")
    make(2).fit(rolls, num_epochs=1, **RUN).save(folder + "/two.npz")
    model = RnnRbm.load(folder + "/two.npz", backend="jax", devices="all")
    model.resume(rolls, 2).save(folder + "/four.npz")
    found = {"devices": model.devices, "code": compiled(model.trainer.functions.persistent_carrying_function.function)}
    found["errors"] = [
        error(make, 5),
        error(make(4).fit, rolls, 10, 1, n_sequences=6),
        error(make(4).partial_fit, rolls, 10, n_sequences=6),
        error(RnnRbm.load(folder + "/two.npz", backend="jax", devices=3).resume, rolls, 2),
        error(make(4, RnnNade).fit, rolls, 10, 1, n_sequences=100, optimizer="hf"),
        error(model.batch_function, np.zeros((10, 6, 12)), np.ones((10, 6))),
    ]
    return found


def models(folder, rolls):
    """Train a model of each kind on one device and on two, and write both."""
    for name in DRAWN_BY_JAX:
        for devices in (1, 2):
            model = every_model(name, backend="jax", devices=devices)
            model.fit(rolls, 10, 2, n_sequences=4, optimizer="adam").save(f"{folder}/{name} {devices}.npz")
    return DRAWN_BY_JAX


if __name__ == "__main__":
    rolls = list(np.load(sys.argv[2] + "/rolls.npz").values())
    print(json.dumps({"runs": runs, "models": models}[sys.argv[1]](sys.argv[2], rolls)))
