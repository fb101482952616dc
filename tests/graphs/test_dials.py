"""Generation with dials: each frame comes from exactly the distribution that the dials define."""

import numpy as np
import pytest
from oracles import STEP_BY_STEP, counts_of, states
from oracles import temporal as oracle
from scipy.special import expit
from scipy.stats import chisquare, kstest

from rnnrbm_pt import RnnNade, RnnRbm

R = (60, 64)
NEUTRAL = {"k": 2, "start": "zeros", "floor": 0.0, "temperature": 1.0, "density": 0.0}


def floored(p, floor):
    """Apply the floor to probabilities: 0 below it, 1 above 1 - floor."""
    return np.where(p < floor, 0.0, np.where(p > 1 - floor, 1.0, p))


def of_each(p, x):
    """The probability of each row of x for independent units with the means of each row of p, (len(p), len(x))."""
    return np.prod(np.where(x[None] > 0, p[:, None], 1 - p[:, None]), axis=2)


class Dialled(oracle.RnnRbm):
    """An RNN-RBM with dials: the distribution of a frame after k Gibbs steps, by sums over all h and v."""

    def __init__(self, p, dials):
        super().__init__(p)
        self.dials, self.last = {**NEUTRAL, **dials}, np.zeros(len(p["bv"]))

    def probabilities(self):
        k, start, floor, temperature, density = self.dials.values()
        bv, bh = self.biases()
        W, bv, bh = self.p["W"] / temperature, (bv + density) / temperature, bh / temperature
        v, h = states(len(bv)), states(len(bh))
        to_h, p_v = of_each(expit(v @ W + bh), h), expit(h @ W.T + bv)
        p = np.zeros(len(v))
        p[oracle.index_of(self.last) if start == "previous" else 0] = 1
        for _ in range(k - 1):
            p = p @ to_h @ of_each(p_v, v)
        return p @ to_h @ of_each(floored(p_v, floor), v)

    def see(self, v):
        super().see(v)
        self.last = v


class DialledNade(oracle.RnnRbm):
    """An RNN-NADE with dials: each conditional probability by its definition."""

    def __init__(self, p, dials):
        super().__init__(p)
        self.dials = {**NEUTRAL, **dials}

    def probabilities(self):
        _, _, floor, temperature, density = self.dials.values()
        (bv, bh), W, V = self.biases(), self.p["W"], self.p["V"]
        p = []
        for v in states(len(bv)):
            logits = [bv[i] + density + V[i] @ expit(bh + v[:i] @ W[:i]) for i in range(len(v))]
            p_i = floored(expit(np.array(logits) / temperature), floor)
            p.append(np.prod(np.where(v > 0, p_i, 1 - p_i)))
        return np.array(p)


def random_model(kind, scale=1.0, **settings):
    """A small model with random parameters."""
    model = kind(3, 2, r=R, mode=STEP_BY_STEP, floatX="float64", **settings)
    draws = np.random.default_rng(4)
    for param in model.params:
        param.set_value(draws.normal(scale=scale, size=param.get_value().shape))
    return model


@pytest.fixture(scope="module")
def rnnrbm():
    """A model with large weights and balancing biases, so that a chain remembers its start for some time."""
    model = random_model(RnnRbm, k_generate=2)
    W, bv, bh, *_ = model.params
    weights = 2 * W.get_value()
    W.set_value(weights)
    bv.set_value(bv.get_value() - weights.sum(axis=1) / 2)
    bh.set_value(bh.get_value() - weights.sum(axis=0) / 2)
    return model


@pytest.fixture(scope="module")
def rnn_nade():
    return random_model(RnnNade)


SOME = {"floor": 0.2, "temperature": 0.7, "density": 0.4}
OF_RBM = [
    {"k": 1},
    {"k": 6},
    {"start": "previous"},
    {"k": 1, "start": "previous"},
    {"floor": 0.15},
    {"temperature": 0.5},
    {"temperature": 2.0},
    {"density": -1.0},
    {"k": 1, "start": "previous", **SOME},
]
OF_NADE = [{"floor": 0.15}, {"temperature": 0.5}, {"temperature": 2.0}, {"density": -1.0}, SOME]


def log_p(model, roll):
    """For each frame, given the earlier frames: log p(v_t), and the mean and the variance of this number."""
    found = []
    for p, v in zip(oracle.step_probabilities(model, roll), roll, strict=True):
        possible = p[p > 0]
        mean = possible @ np.log(possible)
        with np.errstate(divide="ignore"):
            found.append((np.log(p[oracle.index_of(v)]), mean, possible @ np.log(possible) ** 2 - mean**2))
    return np.array(found).T


def check_roll(oracle_class, values, roll, dials):
    """Check that a roll comes from the distribution that the dials define, and not from that of neutral dials."""
    assert kstest(oracle.uniforms_of(oracle_class(values, dials), roll, seed=1), "uniform").pvalue > 1e-3
    found, mean, variance = log_p(oracle_class(values, dials), roll)
    assert abs((found - mean).sum()) < 4 * np.sqrt(variance.sum())
    assert found.sum() > log_p(oracle_class(values, {}), roll)[0].sum() + 10  # 10 nats: odds of e^10 to 1


@pytest.mark.parametrize("dials", OF_RBM, ids=str)
def test_frames_of_an_rbm_are_those_of_k_gibbs_steps(rnnrbm, dials):
    values = {param.name: param.get_value() for param in rnnrbm.params}
    check_roll(Dialled, values, rnnrbm.sample(1000, seed=3, **dials), dials)


@pytest.mark.parametrize("dials", OF_NADE, ids=str)
def test_frames_of_a_nade_are_those_of_its_conditionals(rnn_nade, dials):
    values = {param.name: param.get_value() for param in rnn_nade.params}
    check_roll(DialledNade, values, rnn_nade.sample(1000, seed=3, **dials), dials)


def test_no_note_below_the_floor_is_drawn():
    """If the floor leaves only one possible frame, the model draws this frame."""
    model = random_model(RnnRbm, scale=0.01, k_generate=2)
    model.params[1].set_value(np.array([-3.0, 3.0, -3.0, 3.0]))
    assert (model.sample(300, seed=1).mean(axis=0) != [0, 1, 0, 1]).all()
    assert (model.sample(300, seed=1, floor=0.1) == [0, 1, 0, 1]).all()


def test_a_long_chain_at_a_temperature_has_the_energy_divided_by_it():
    model = random_model(RnnRbm, scale=0.6, k_generate=2)
    values = {param.name: param.get_value() for param in model.params}
    for name in ("Wuh", "Wuv"):  # makes the frames independent of each other
        next(p for p in model.params if p.name == name).set_value(0 * values[name])
    roll = model.sample(1500, seed=1, k=20, temperature=1.5, density=0.5)
    h, v = states(3), states(4)
    energy = -(v @ (values["bv"] + 0.5))[:, None] - h @ values["bh"] - v @ values["W"] @ h.T
    p = np.exp(-energy / 1.5).sum(axis=1)
    assert chisquare(counts_of(roll), len(roll) * p / p.sum()).pvalue > 1e-3
