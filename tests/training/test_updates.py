"""Optimisers against NumPy code of the papers' equations, and against optax and PyTorch if they are installed."""

import importlib.util

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode
from pytensor.graph.basic import equal_computations

from rnnrbm_pt.training import updates as u
from rnnrbm_pt.training.momentum import apply_momentum
from rnnrbm_pt.training.schedules import Constant
from rnnrbm_pt.training.slots import slots

CHEAP = Mode("py", "fast_compile")  # these graphs run 20 times, which takes less time than compiling them
N_STEPS = 20
START = {"W": np.linspace(-1, 1, 12).reshape(4, 3), "b": np.array([0.5, 0.0, -2.0])}

# Two ways to write an equation differ by rounding: in float64, or in float32 accumulated over 20 steps.
TOLERANCE = {"float64": {"rtol": 1e-12, "atol": 1e-13}, "float32": {"rtol": 2e-6, "atol": 1e-6}}


def gradient_sequence():
    """Gradients that do not depend on the parameters, of sizes from 1e-3 to 10, with some zeros, also at a start."""
    rng = np.random.default_rng(5)
    steps = []
    for i in range(N_STEPS):
        step = {name: rng.normal(size=x.shape) * 10.0 ** rng.uniform(-3, 1) for name, x in START.items()}
        step["b"][0] = 0.0 if i < 3 else step["b"][0]
        step["W"][rng.random((4, 3)) < 0.2] = 0.0
        steps.append(step)
    return steps


def shared_params(dtype="float64"):
    return [pytensor.shared(x.astype(dtype), name=name) for name, x in START.items()]


def run(optimiser, dtype="float64", **settings):
    """Parameters after each step."""
    params = shared_params(dtype)
    gradients = [param.type(f"g_{param.name}") for param in params]
    updates = optimiser(gradients, params, **settings)
    assert all(value.dtype == dtype for value in updates.values())
    step = pytensor.function(gradients, [], updates=updates, mode=CHEAP)
    found = []
    for gradient in gradient_sequence():
        step(*(gradient[param.name].astype(dtype) for param in params))
        found.append({param.name: param.get_value() for param in params})
    return found


# ---------------------------------------------------------------------------------------------------
# The papers' equations, for one array


def paper_sgd(p, gradients, lr):
    for g in gradients:
        p = p - lr * g
        yield p


def paper_momentum(p, gradients, lr, momentum):
    """Polyak's heavy ball method, from the last two points."""
    before = p
    for g in gradients:
        p, before = p + momentum * (p - before) - lr * g, p
        yield p


def paper_nesterov(p, gradients, lr, momentum):
    """Sutskever et al. 2013, equations 3 and 4: v' = mu v - lr g(theta + mu v), theta' = theta + v'.

    The parameters of our optimiser are the points theta + mu v, at which the gradients are taken.
    """
    theta, v = p, np.zeros_like(p)
    for g in gradients:
        v = momentum * v - lr * g
        theta = theta + v
        yield theta + momentum * v


def paper_adagrad(p, gradients, lr, epsilon):
    for t in range(1, len(gradients) + 1):
        p = p - lr * gradients[t - 1] / np.sqrt(sum(g**2 for g in gradients[:t]) + epsilon)
        yield p


def averaged(values, keep):
    """(1 - keep) sum_i keep^(t - i) values_i."""
    t = len(values)
    return (1 - keep) * sum(keep ** (t - i) * values[i - 1] for i in range(1, t + 1))


def paper_rmsprop(p, gradients, lr, rho, epsilon):
    for t in range(1, len(gradients) + 1):
        p = p - lr * gradients[t - 1] / np.sqrt(averaged([g**2 for g in gradients[:t]], rho) + epsilon)
        yield p


def paper_adadelta(p, gradients, lr, rho, epsilon):
    """Zeiler 2012, algorithm 1."""
    deltas = []
    for t in range(1, len(gradients) + 1):
        rms_g = np.sqrt(averaged([g**2 for g in gradients[:t]], rho) + epsilon)
        rms_x = np.sqrt(averaged([d**2 for d in deltas], rho) + epsilon)
        deltas.append(-rms_x / rms_g * gradients[t - 1])
        p = p + lr * deltas[-1]
        yield p


def paper_adam(p, gradients, lr, beta1, beta2, epsilon, weight_decay=0.0, amsgrad=False):
    """Kingma and Ba 2015, algorithm 1; Loshchilov and Hutter 2019, algorithm 2, line 12."""
    largest = np.zeros_like(p)
    for t in range(1, len(gradients) + 1):
        m = averaged(gradients[:t], beta1) / (1 - beta1**t)
        v = averaged([g**2 for g in gradients[:t]], beta2)
        largest = np.maximum(largest, v)
        v = (largest if amsgrad else v) / (1 - beta2**t)
        p = p - lr * (m / (np.sqrt(v) + epsilon) + weight_decay * p)
        yield p


ADAM = {"learning_rate": 0.02, "beta1": 0.8, "beta2": 0.99, "epsilon": 1e-4}
PAPER_ADAM = {"lr": 0.02, "beta1": 0.8, "beta2": 0.99, "epsilon": 1e-4}
CASES = {
    "sgd": ({"learning_rate": 0.1}, paper_sgd, {"lr": 0.1}),
    "momentum": ({"learning_rate": 0.1, "momentum": 0.8}, paper_momentum, {"lr": 0.1, "momentum": 0.8}),
    "nesterov": ({"learning_rate": 0.1, "momentum": 0.8}, paper_nesterov, {"lr": 0.1, "momentum": 0.8}),
    "adagrad": ({"learning_rate": 0.3, "epsilon": 1e-3}, paper_adagrad, {"lr": 0.3, "epsilon": 1e-3}),
    "rmsprop": (
        {"learning_rate": 0.02, "rho": 0.8, "epsilon": 1e-3},
        paper_rmsprop,
        {"lr": 0.02, "rho": 0.8, "epsilon": 1e-3},
    ),
    "adadelta": (
        {"learning_rate": 0.7, "rho": 0.9, "epsilon": 1e-3},
        paper_adadelta,
        {"lr": 0.7, "rho": 0.9, "epsilon": 1e-3},
    ),
    "adam": (ADAM, paper_adam, PAPER_ADAM),
    "amsgrad": (ADAM, paper_adam, {**PAPER_ADAM, "amsgrad": True}),
    "adamw": ({**ADAM, "weight_decay": 0.3}, paper_adam, {**PAPER_ADAM, "weight_decay": 0.3}),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_twenty_steps_as_the_papers_have_them(name, dtype):
    settings, paper, paper_settings = CASES[name]
    found = run(u.OPTIMIZERS[name], dtype, **settings)
    for param, start in START.items():
        gradients = [gradient[param] for gradient in gradient_sequence()]
        for step, expected in enumerate(paper(start, gradients, **paper_settings)):
            assert found[step][param].dtype == dtype
            np.testing.assert_allclose(found[step][param], expected, **TOLERANCE[dtype], err_msg=f"{param}, {step}")


def test_every_optimiser_is_held_to_an_equation():
    assert CASES.keys() == u.OPTIMIZERS.keys()


@pytest.mark.parametrize("name", ["adam", "amsgrad"])
def test_defaults_in_float32_keep_the_digits_of_one_minus_beta(name):
    # In float32 1 - 0.999 has an error of 5e-5. The first step of Adam equals the learning rate for any gradient.
    params = shared_params("float32")
    gradients = [param.type() for param in params]
    updates = u.OPTIMIZERS[name](gradients, params, learning_rate=1.0)
    step = pytensor.function(gradients, [updates[p] - p for p in params], mode=CHEAP)
    moved = step(*(np.full_like(param.get_value(), 3.0) for param in params))
    np.testing.assert_allclose(np.concatenate([x.ravel() for x in moved]), -1.0, rtol=1e-6)


# ---------------------------------------------------------------------------------------------------
# Other libraries, if they are installed


def torch_optimiser(name, params, s):
    from torch import optim

    lr = s["learning_rate"]
    adam = {"betas": (s.get("beta1"), s.get("beta2")), "eps": s.get("epsilon")}
    return {
        "sgd": lambda: optim.SGD(params, lr),
        "momentum": lambda: optim.SGD(params, lr, momentum=s["momentum"]),
        "nesterov": lambda: optim.SGD(params, lr, momentum=s["momentum"], nesterov=True),
        "adadelta": lambda: optim.Adadelta(params, lr, rho=s["rho"], eps=s["epsilon"]),
        "adam": lambda: optim.Adam(params, lr, **adam),
        "amsgrad": lambda: optim.Adam(params, lr, amsgrad=True, **adam),
        "adamw": lambda: optim.AdamW(params, lr, weight_decay=s["weight_decay"], **adam),
    }[name]()


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov", "adadelta", "adam", "amsgrad", "adamw"])
def test_twenty_steps_as_pytorch_does_them(name):
    # AdaGrad and RMSProp are left out, because PyTorch adds epsilon outside the square root.
    import torch

    settings = CASES[name][0]
    params = {key: torch.tensor(value, requires_grad=True) for key, value in START.items()}
    optimiser = torch_optimiser(name, list(params.values()), settings)
    for found, gradient in zip(run(u.OPTIMIZERS[name], **settings), gradient_sequence(), strict=True):
        for key, param in params.items():
            param.grad = torch.tensor(gradient[key])
        optimiser.step()
        for key, param in params.items():
            np.testing.assert_allclose(found[key], param.detach().numpy(), rtol=1e-11, atol=1e-12)


def optax_optimiser(name, s):
    import optax

    lr = s["learning_rate"]
    adam = {"b1": s.get("beta1"), "b2": s.get("beta2"), "eps": s.get("epsilon")}
    return {
        "sgd": lambda: optax.sgd(lr),
        "momentum": lambda: optax.sgd(lr, momentum=s["momentum"]),
        "nesterov": lambda: optax.sgd(lr, momentum=s["momentum"], nesterov=True),
        "adagrad": lambda: optax.adagrad(lr, initial_accumulator_value=0.0, eps=s["epsilon"]),
        "rmsprop": lambda: optax.rmsprop(lr, decay=s["rho"], eps=s["epsilon"]),
        "adadelta": lambda: optax.adadelta(lr, rho=s["rho"], eps=s["epsilon"]),
        "adam": lambda: optax.adam(lr, **adam),
        "adamw": lambda: optax.adamw(lr, weight_decay=s["weight_decay"], **adam),
    }[name]()


@pytest.mark.skipif(importlib.util.find_spec("optax") is None, reason="optax is not installed")
@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "adamw"])
def test_twenty_steps_as_optax_does_them(name):
    # AMSGrad is left out, because optax divides by 1 - beta2^t before it takes the maximum.
    import jax
    import optax

    settings = CASES[name][0]
    with jax.enable_x64(True):
        params = {key: jax.numpy.asarray(value) for key, value in START.items()}
        optimiser = optax_optimiser(name, settings)
        state = optimiser.init(params)
        for found, gradient in zip(run(u.OPTIMIZERS[name], **settings), gradient_sequence(), strict=True):
            changes, state = optimiser.update(gradient, state, params)
            params = optax.apply_updates(params, changes)
            for key, param in params.items():
                np.testing.assert_allclose(found[key], np.asarray(param), rtol=1e-11, atol=1e-12)


# ---------------------------------------------------------------------------------------------------
# Costs, rates, slots


def test_a_cost_is_differentiated_with_what_is_held_constant():
    W, b = shared_params()
    x = pt.vector("x")
    sample = pt.dot(x, W) + b
    sample.name = "sample"
    cost = pt.sum(sample * (pt.dot(x, W) + b))
    for consider_constant in (None, [sample]):
        found = u.sgd(cost, [W, b], 0.1, consider_constant=consider_constant)
        expected = {p: p - 0.1 * g for p, g in zip([W, b], pt.grad(cost, [W, b], consider_constant), strict=True)}
        f = pytensor.function([x], [found[W], expected[W], found[b], expected[b]], mode=CHEAP)
        values = f(np.arange(1.0, 5.0))
        np.testing.assert_array_equal(values[0], values[1])
        np.testing.assert_array_equal(values[2], values[3])


def test_sgd_is_the_same_graph_as_the_tutorials_line():
    W = shared_params()[0]
    lr, g = pytensor.shared(np.float64(0.1), name="lr"), W.type("g")
    assert equal_computations([u.sgd([g], [W], lr)[W]], [W - lr * g])


def moved(updates, params, gradients, values=1.0):
    f = pytensor.function(gradients, [updates[p] - p for p in params], mode=CHEAP)
    return [float(x.ravel()[0]) for x in f(*(np.full(p.get_value().shape, values) for p in params))]


@pytest.mark.parametrize(
    "rate",
    [
        lambda W, b: {W: 0.1, b: 0.5},
        lambda W, b: {"W": 0.1, "b": 0.5},
        lambda W, b: {W: pt.constant(0.1), "b": np.float32(0.5)},
        lambda W, b: lambda p: 0.1 if p.ndim == 2 else 0.5,
    ],
)
@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_each_parameter_can_have_a_rate_of_its_own(name, rate):
    params = shared_params()
    gradients = [p.type() for p in params]
    updates = u.OPTIMIZERS[name](gradients, params, learning_rate=rate(*params))
    assert moved(updates, params, gradients) == pytest.approx([-0.1, -0.5], rel=1e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shared_settings_can_be_set_between_steps(dtype):
    param = pytensor.shared(np.zeros(1), name="p")
    lr = pytensor.shared(np.asarray(0.5, dtype), name="lr")
    mu = pytensor.shared(np.asarray(0.5, dtype), name="mu")
    step = pytensor.function([], [], updates=u.momentum([pt.ones(1)], [param], lr, mu), mode=CHEAP)
    for rate, momentum, expected in [(0.5, 0.5, -0.5), (0.25, 0.5, -1.0), (0.0, 0.25, -1.125)]:
        lr.set_value(np.asarray(rate, dtype))
        mu.set_value(np.asarray(momentum, dtype))
        step()
        assert param.get_value()[0] == expected


def test_symbolic_betas_are_those_of_numbers():
    betas = [pytensor.shared(np.float64(0.8)), pytensor.shared(np.float64(0.99))]
    found = run(u.adam, **{**ADAM, "beta1": betas[0], "beta2": betas[1]})
    np.testing.assert_allclose(found[-1]["W"], run(u.adam, **ADAM)[-1]["W"], rtol=1e-12)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("sgd", []),
        ("momentum", ["momentum_velocity_W", "momentum_velocity_b"]),
        ("nesterov", ["nesterov_velocity_W", "nesterov_velocity_b"]),
        ("adagrad", ["adagrad_accu_W", "adagrad_accu_b"]),
        ("rmsprop", ["rmsprop_accu_W", "rmsprop_accu_b"]),
        ("adadelta", ["adadelta_accu_W", "adadelta_delta_accu_W", "adadelta_accu_b", "adadelta_delta_accu_b"]),
        ("adam", ["adam_t", "adam_m_W", "adam_v_W", "adam_m_b", "adam_v_b"]),
        ("amsgrad", ["amsgrad_t", *(f"amsgrad_{slot}_{p}" for p in "Wb" for slot in ("m", "v", "v_hat"))]),
        ("adamw", ["adamw_t", "adamw_m_W", "adamw_v_W", "adamw_m_b", "adamw_v_b"]),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_slots_have_names_and_the_parameters_type(name, expected, dtype):
    params = shared_params(dtype)
    updates = u.optimizer_updates(name, [p * 2 for p in params], params, learning_rate=0.1)
    found = slots({pytensor.shared(np.random.default_rng(0)): None, **updates})
    assert [slot.name for slot in found] == expected
    assert set(found) | set(params) == set(updates)
    for slot in found:
        assert slot.get_value().dtype == dtype and not slot.get_value().any()


@pytest.mark.parametrize("name", ["nesterov", "adadelta", "amsgrad"])
def test_a_run_goes_on_from_the_values_of_params_and_slots(name):
    def make():
        params = shared_params()
        gradients = [p.type() for p in params]
        updates = u.OPTIMIZERS[name](gradients, params, **CASES[name][0])
        step = pytensor.function(gradients, [], updates=updates, mode=CHEAP)
        return [*params, *slots(updates)], step

    steps = [list(gradient.values()) for gradient in gradient_sequence()]
    whole, step = make()
    for gradient in steps[:10]:
        step(*gradient)
    checkpoint = {variable.name: variable.get_value() for variable in whole}
    resumed, resumed_step = make()
    for variable in resumed:
        variable.set_value(checkpoint[variable.name])
    for gradient in steps[10:]:
        step(*gradient)
        resumed_step(*gradient)
    for one, other in zip(whole, resumed, strict=True):
        np.testing.assert_array_equal(one.get_value(), other.get_value())


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda W, b: u.sgd([W], [W, b], 0.1), "expected 2 gradients, one per parameter, found 1"),
        (lambda W, b: u.sgd([W, b], [W, b], 0.1, consider_constant=[W]), "consider_constant: expected a cost with it"),
        (lambda W, b: u.sgd([W], [W * 2], 0.1), "params: expected shared variables of a floating type"),
        (lambda W, b: u.sgd([W], [pytensor.shared(1)], 0.1), "params: expected shared variables of a floating type"),
        (lambda W, b: u.adam([W, W], [W, W]), "params: expected different names, found W, W"),
        (lambda W, b: u.sgd([W, b], [W, b], {"W": 0.1}), "learning_rate: expected a value for b, found values for W"),
        (lambda W, b: u.sgd([W], [W], float("nan")), "learning_rate: expected a finite number or a scalar variable"),
        (lambda W, b: u.sgd([W], [W], "0.1"), "learning_rate: expected a finite number or a scalar variable"),
        (lambda W, b: u.sgd([W], [W], b), "learning_rate: expected a scalar, found b"),
        (lambda W, b: u.sgd([W], [W], Constant(0.1)), "learning_rate: expected a shared scalar that the schedule sets"),
        (lambda W, b: u.adam([W], [W], beta1=1.0), "beta: expected a number of at least 0 and less than 1, found 1.0"),
        (lambda W, b: apply_momentum({W: W}, [b]), "updates: expected one per parameter, found none for b"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make(*shared_params())
