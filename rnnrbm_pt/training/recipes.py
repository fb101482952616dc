"""Recipes: named settings of a model and its training, ``RnnRbm(**recipe.model).fit(rolls, **recipe.fit)``."""

from typing import Any, NamedTuple

from rnnrbm_pt.training.schedules import Cosine


class Recipe(NamedTuple):
    """Keywords of a model and of its `fit`."""

    model: dict[str, Any]
    fit: dict[str, Any]


def tutorial(num_epochs: int = 200, model: str = "RnnRbm") -> Recipe:
    """The settings of the tutorial's program.

    Parameters
    ----------
    num_epochs : int
    model : str
        The class of the model. The recipe is the same for all classes.
    """
    return Recipe({"lr": 0.001}, {"num_epochs": num_epochs})


def recommended(num_epochs: int = 24, model: str = "RnnRbm") -> Recipe:
    """Settings that give good likelihood, accuracy and music together.

    Adam's learning rate falls to 0 along a cosine. Dropout before the recurrence and an average of the parameters
    reduce overfitting. RBMs also get persistent Gibbs chains and a small weight decay, which keep their chains mixing.

    Parameters
    ----------
    num_epochs : int
    model : str
        The class of the model, "RnnRbm" for example. `RnnRbm` and `RnnNade` get a GRU of 200 units. `TiedRnnRbm` has
        few weights, so its learning rate is higher and its dropout lower. At that rate its chains need 100 Gibbs steps
        per update: with 15 steps, training can diverge. A generated frame gets 400 steps, because its chain starts from
        silence.
    """
    lr, dropout = (0.004, 0.05) if model == "TiedRnnRbm" else (0.0015, 0.2)
    of_model: dict[str, Any] = {"lr": lr}
    if model == "TiedRnnRbm":
        of_model |= {"k": 100, "k_generate": 400}
    if model in ("RnnRbm", "RnnNade"):
        of_model |= {"recurrence": "gru", "n_hidden_recurrent": 200}
    of_fit = {
        "num_epochs": num_epochs,
        "optimizer": "adam",
        "schedule": {"lr": Cosine(lr, 0.0, max(num_epochs, 1))},
        "dropout_recurrent": dropout,
        "average": 0.999,
    }
    if model not in ("RnnNade", "BiaxialRnn"):
        of_fit |= {"persistent": True, "weight_decay_rbm": 0.0001}
    return Recipe(of_model, of_fit)


RECIPES = {"tutorial": tutorial, "recommended": recommended}
"""Recipes by name: functions of the number of epochs and of the class of the model."""
