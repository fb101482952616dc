"""Recipes: named settings of a model and its training, ``RnnRbm(**recipe.model).fit(rolls, **recipe.fit)``."""

from typing import Any, NamedTuple

from rnnrbm_pt.training.schedules import Cosine


class Recipe(NamedTuple):
    """Keywords of a model and of its `fit`."""

    model: dict[str, Any]
    fit: dict[str, Any]


def tutorial(num_epochs: int = 200) -> Recipe:
    """The settings of the tutorial's program."""
    return Recipe({"lr": 0.001}, {"num_epochs": num_epochs})


def fast(num_epochs: int = 20) -> Recipe:
    """Settings that reach the tutorial's result with fewer updates: Adam with cosine decay of the rate to 0.

    Measurements of this recipe and of the alternatives are in benchmarks/results/ablation.
    """
    schedule = {"lr": Cosine(0.001, 0.0, num_epochs)}
    return Recipe({"lr": 0.001}, {"num_epochs": num_epochs, "optimizer": "adam", "schedule": schedule})


RECIPES = {"tutorial": tutorial, "fast": fast}
"""Recipes by name: functions of the number of epochs."""
