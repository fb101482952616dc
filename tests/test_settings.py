"""Settings classes: what they check, what they say of their fields, and their two views, keywords and options."""

import argparse
import json
from dataclasses import FrozenInstanceError, fields
from inspect import signature

import numpy as np
import pytest

from rnnrbm_pt.cli.options import add_options, given
from rnnrbm_pt.evaluation.annealing import Annealing
from rnnrbm_pt.settings import sorted_into
from rnnrbm_pt.training import updates
from rnnrbm_pt.training.settings import OPTIMIZERS, Learning, Pretraining, Run, Validation

KINDS = Run, Validation, Learning, Pretraining, Annealing


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_are_valid_frozen_and_json(kind):
    value = kind()
    assert kind.from_json(json.loads(json.dumps(value.to_json()))) == value
    with pytest.raises(FrozenInstanceError):
        setattr(value, fields(kind)[0].name, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_documented_and_has_an_option_with_the_same_default(kind):
    parser = argparse.ArgumentParser()
    add_options(parser, kind, "x-")
    args = parser.parse_args([])
    assert given(args, kind, "x-") == {}
    text = " ".join(parser.format_help().split())
    for f in fields(kind):
        assert f"{f.name} :" in kind.__doc__
        if f.metadata["argument"] and f.default not in (None, False):
            assert f"{' '.join(f.metadata['help'].split())} [default: {f.default}]" in text


def test_numpys_numbers_become_pythons():
    run = Run(np.int64(5), carry_state=np.True_)
    assert run == Run(5, carry_state=True) and type(run.batch_size) is int and type(run.carry_state) is bool


def test_keywords_are_sorted_into_classes():
    run, when, learning = sorted_into({"batch_size": 7, "patience": 2, "clip_norm": 1}, Run, Validation, Learning)
    assert (run, when, learning) == (Run(7), Validation(patience=2), Learning(clip_norm=1.0))
    with pytest.raises(TypeError, match="batchsize: expected one of the settings batch_size, carry_state"):
        sorted_into({"batchsize": 7}, Run, Validation)


@pytest.mark.parametrize(
    ("described", "message"),
    [
        ({"batch": 1}, "Run: expected one of batch_size, .*, found 'batch'"),
        ({"batch_size": "1"}, "batch_size: expected an integer of at least 1, found '1'"),
        ([1], r"Run: expected a dict of settings, found \[1\]"),
    ],
)
def test_what_is_no_description(described, message):
    with pytest.raises(ValueError, match=message):
        Run.from_json(described)


def test_the_table_of_optimisers_is_that_of_their_functions():
    assert list(OPTIMIZERS) == [*updates.OPTIMIZERS, "hf"]
    for name, function in updates.OPTIMIZERS.items():
        taken = [p.name for p in signature(function).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD][3:]
        assert [setting for setting in taken if setting != "weight_decay"] == list(OPTIMIZERS[name])
