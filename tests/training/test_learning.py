"""Settings of learning: invalid values, conversion to JSON, and which settings share compiled functions."""

import json

import numpy as np
import pytensor
import pytest

from rnnrbm_pt.roles import of_rbm
from rnnrbm_pt.training.scalars import learning_updates, scalars
from rnnrbm_pt.training.schedules import Cosine, Exponential, InverseTime, Step, Table, WarmUp, parse_schedule
from rnnrbm_pt.training.settings import Learning
from rnnrbm_pt.training.updates import OPTIMIZERS

FULL = Learning(
    "nesterov",
    momentum=0.8,
    lr_rnn=0.01,
    clip_norm=2.0,
    clip_value=0.5,
    weight_decay=1e-3,
    schedule={"lr": Cosine(0.1, 0, 5), "momentum": 0.9, "k": Table((0, 2), (1, 5))},
)


@pytest.mark.parametrize("learning", [FULL, Learning(), *(Learning(name) for name in OPTIMIZERS)])
def test_json_and_back(learning):
    assert Learning.from_json(json.loads(json.dumps(learning.to_json()))) == learning


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "adamax"}, "expected one of sgd"),
        ({"momentum": 0.9}, r"sgd: expected settings of this optimiser \(none\), found momentum"),
        ({"optimizer": "adam", "momentum": 0.9}, "adam: expected settings of this optimiser"),
        ({"optimizer": "adam", "schedule": {"momentum": 0.9}}, "adam: expected settings of this optimiser"),
        ({"clip_norm": -1.0}, "clip_norm: expected a finite number of at least 0, found -1.0"),
        ({"lr_rnn": np.nan}, "lr_rnn"),
        ({"lr_rnn": True}, "lr_rnn: expected a finite number of at least 0, found True"),
        ({"optimizer": "adam", "beta1": "0.5"}, "beta1: expected a finite number of at least 0"),
        ({"weight_decay": "much"}, "weight_decay"),
        ({"schedule": {"epsilon": 1}}, "schedule: expected any of lr, lr_rnn"),
        ({"schedule": {"lr": "cosine"}}, "finite number, found 'cosine'"),
        ({"schedule": {"lr": -0.1}}, "lr: expected a finite number of at least 0, found -0.1"),
        ({"schedule": {"clip_norm": -1.0}}, "clip_norm: expected a finite number of at least 0, found -1.0"),
        ({"schedule": {"k": 0}}, "k: expected a finite number of at least 1, found 0"),
        ({"schedule": {"dropout_recurrent": 1.5}}, "dropout_recurrent: .* at least 0 and below 1, found 1.5"),
        ({"schedule": {"max_norm": Cosine(0, 1, 5)}}, "max_norm: expected a finite number above 0, found 0"),
        ({"optimizer": "rmsprop", "rho": 1.0}, "rho: expected a finite number of at least 0 and below 1, found 1"),
        ({"optimizer": "adadelta", "rho": 1.5}, "rho: expected a finite number of at least 0 and below 1, found 1.5"),
    ],
)
def test_what_it_refuses(settings, message):
    with pytest.raises(ValueError, match=message):
        Learning(**settings)


def test_learning_of_a_file_of_version_0_1():
    old = {"optimizer": "nesterov", "settings": {"momentum": 0.5}, "clip_norm": 2.0, "schedule": {}}
    assert Learning.from_json(old) == Learning("nesterov", momentum=0.5, clip_norm=2.0)


def updated(learning, start=1.0, gradient=3.0, lr=0.1):
    """W and Wuu, two 1 x 1 matrices, and the bias bu, after one update with the same gradient for each."""
    params = [pytensor.shared(np.full((1, 1), start), name=name) for name in ("W", "Wuu")]
    of_rbm(params[0])
    params.append(pytensor.shared(np.full(1, start), name="bu"))
    numbers = scalars(learning, pytensor.shared(lr, name="lr"), "float64")
    updates = learning_updates(learning, [p * 0 + gradient for p in params], params, numbers)
    pytensor.function([], [], updates=updates, mode=pytensor.compile.mode.Mode("py", "fast_compile"))()
    return [float(p.get_value().sum()) for p in params]


def test_by_hand():
    assert updated(Learning()) == [0.7, 0.7, 0.7]
    assert updated(Learning(lr_rnn=0.01)) == [0.7, 0.97, 0.97]
    assert updated(Learning(clip_value=1.0)) == [0.9, 0.9, 0.9]
    np.testing.assert_allclose(updated(Learning(clip_norm=3.0)), 1 - 0.1 * 3 / np.sqrt(3))
    np.testing.assert_allclose(updated(Learning(weight_decay=0.5)), [0.65, 0.65, 0.7])
    np.testing.assert_allclose(updated(Learning("nesterov", momentum=0.5)), 1 - 0.3 - 0.15)
    np.testing.assert_allclose(updated(Learning(schedule={"lr_rnn": 0.01, "clip_value": 1})), [0.9, 0.99, 0.99])


def test_structure():
    assert Learning(clip_norm=1.0).structure == Learning(clip_norm=2.0).structure != Learning().structure
    assert Learning("momentum", momentum=0.5).structure == Learning("momentum", momentum=0.9).structure
    assert Learning("momentum").structure != Learning("momentum", momentum=0.9).structure
    assert Learning("adam", beta1=0.5).structure != Learning("adam").structure
    assert Learning(schedule={"lr": Cosine(1, 0, 2)}).structure == Learning().structure


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("0.5", None),
        ("cosine:0.01,0,200", Cosine(0.01, 0, 200)),
        ("step:0.1,0.5,50", Step(0.1, 0.5, 50)),
        ("exponential:0.1,0.99@update", Exponential(0.1, 0.99, "update")),
        ("1/t:0.1,20", InverseTime(0.1, 20)),
        ("table:0=1,10=5,50=15", Table((0, 10, 50), (1, 5, 15))),
        ("1/t:0.1,20+warmup:500", WarmUp(InverseTime(0.1, 20), 500)),
    ],
)
def test_schedules_as_text(text, schedule):
    found = parse_schedule(text)
    assert found(0, 0) == 0.5 if schedule is None else found == schedule


NO_SCHEDULES = "", "cosine", "cosine:1", "cosine:1,2,3,4", "ramp:1,2", "table:1,2", "table:5=1", "step:a,b,c"


@pytest.mark.parametrize("text", [*NO_SCHEDULES, "cosine:1,0,5@year", "1+warmup:"])
def test_texts_that_are_no_schedule(text):
    with pytest.raises(ValueError, match="schedule: expected one such as cosine"):
        parse_schedule(text)
