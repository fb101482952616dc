"""Recipes: their settings fit each class."""

import numpy as np
import pytest

import rnnrbm_pt
from rnnrbm_pt.training.recipes import RECIPES


@pytest.mark.parametrize("name", ["RnnRbm", "Rtrbm", "LstmRtrbm", "RnnNade", "TiedRnnRbm", "BiaxialRnn"])
def test_a_recipe_fits_every_class(name, as_written):
    """Each class takes the recipe's keywords and learns by them."""
    recipe = RECIPES["recommended"](num_epochs=1, model=name)
    small = {"n_hidden": 4, "r": (60, 72)}
    if "n_hidden_recurrent" in recipe.model:
        small["n_hidden_recurrent"] = 3
    if name not in ("RnnNade", "BiaxialRnn"):
        small |= {"k": 2}
    model = getattr(rnnrbm_pt, name)(**recipe.model | small, streams="philox")
    before = [p.get_value() for p in model.params]
    model.fit([np.eye(12, dtype=np.uint8)] * 4, **recipe.fit)
    assert model.log[0]["epoch"] == 1
    assert any((p.get_value() != value).any() for p, value in zip(model.params, before, strict=True))
