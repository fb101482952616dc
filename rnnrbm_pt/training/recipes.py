"""Settings of training that go together, by a name: ``RnnRbm(**recipe.model).fit(rolls, **recipe.fit)``."""

from typing import Any, NamedTuple

from rnnrbm_pt.training.schedules import Cosine


class Recipe(NamedTuple):
    """Keywords of a model, and of its `fit`."""

    model: dict[str, Any]
    fit: dict[str, Any]


def tutorial(num_epochs: int = 200, model: str = "RnnRbm") -> Recipe:
    """Train as the tutorial's program does.

    Parameters
    ----------
    num_epochs : int
    model : str
        The class of the model. The recipe is the same for all classes.
    """
    return Recipe({"lr": 0.001}, {"num_epochs": num_epochs})


def recommended(num_epochs: int = 24, model: str = "RnnRbm") -> Recipe:
    """Train for good likelihood, accuracy and music at once.

    Adam's learning rate falls to 0 along a cosine. Dropout and an average of the parameters help against overfitting.
    An RBM also gets persistent Gibbs chains and a small weight decay, which keep its chains mixing. The folder
    benchmarks/results/regularisers has measurements of each part.

    Parameters
    ----------
    num_epochs : int
    model : str
        The class of the model, "RnnRbm" for example. `RnnRbm` and `RnnNade` get a GRU of 200 units.
    """
    of_model: dict[str, Any] = {"lr": 0.003}
    if model in ("RnnRbm", "RnnNade"):
        of_model |= {"recurrence": "gru", "n_hidden_recurrent": 200}
    of_fit = {
        "num_epochs": num_epochs,
        "optimizer": "adam",
        "schedule": {"lr": Cosine(0.003, 0.0, num_epochs)},
        "n_sequences": 4,
        "dropout_recurrent": 0.1,
        "dropout_hidden": 0.1,
        "average": 0.999,
    }
    if model not in ("RnnNade", "BiaxialRnn"):
        of_fit |= {"persistent": True, "weight_decay_rbm": 0.0001}
    return Recipe(of_model, of_fit)


RECIPES = {"tutorial": tutorial, "recommended": recommended}
"""Functions of the number of epochs and the class of the model."""
