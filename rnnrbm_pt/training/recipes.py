"""Settings of training that go together, by a name: ``RnnRbm(**recipe.model).fit(rolls, **recipe.fit)``."""

from typing import Any, NamedTuple

from rnnrbm_pt.training.schedules import Cosine


class Recipe(NamedTuple):
    """Keywords of a model, and of its `fit`."""

    model: dict[str, Any]
    fit: dict[str, Any]


def tutorial(num_epochs: int = 200) -> Recipe:
    """What the tutorial's program does."""
    return Recipe({"lr": 0.001}, {"num_epochs": num_epochs})


def fast(num_epochs: int = 20) -> Recipe:
    """What reaches the tutorial's result with a fraction of the updates: Adam, whose rate falls to 0 along a cosine.

    What it was measured to bring, and what else was tried, is in benchmarks/results/ablation.
    """
    schedule = {"lr": Cosine(0.001, 0.0, num_epochs)}
    return Recipe({"lr": 0.001}, {"num_epochs": num_epochs, "optimizer": "adam", "schedule": schedule})


RECIPES = {"tutorial": tutorial, "fast": fast}
"""Functions of the number of epochs."""
