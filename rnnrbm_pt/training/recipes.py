"""Settings of training that go together, by a name."""

from typing import NamedTuple


class Recipe(NamedTuple):
    """Keywords of a model, and of its `fit`."""

    model: dict
    fit: dict


RECIPES = {
    "tutorial": Recipe({"lr": 0.001}, {}),
    "fast": Recipe({"lr": 0.001}, {"optimizer": "adam"}),
}
"""tutorial: what the tutorial's program does. fast: what reaches its result in a fraction of the updates; see
benchmarks/results/ablation."""
