"""Settings of training that go together, by a name: ``RnnRbm(**recipe.model).fit(rolls, **recipe.fit)``."""

from typing import NamedTuple

from rnnrbm_pt.training.schedules import Cosine


class Recipe(NamedTuple):
    """Keywords of a model, and of its `fit`."""

    model: dict
    fit: dict


def tutorial(num_epochs=200):
    """What the tutorial's program does."""
    return Recipe({"lr": 0.001}, {"num_epochs": num_epochs})


def fast(num_epochs=20):
    """What reaches the tutorial's result with a fraction of the updates: Adam, whose rate falls to 0 along a cosine.

    What it was measured to bring, and what else was tried, is in benchmarks/results/ablation.
    """
    schedule = {"lr": Cosine(0.001, 0.0, num_epochs)}
    return Recipe({"lr": 0.001}, {"num_epochs": num_epochs, "optimizer": "adam", "schedule": schedule})


RECIPES = {"tutorial": tutorial, "fast": fast}
"""Functions of the number of epochs."""
