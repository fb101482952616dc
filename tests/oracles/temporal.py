"""The sequence models in NumPy, frame by frame, to compare their graphs with.

A model is a class that takes a dict of parameters. It has a method for the biases of a step, `biases`, and one that
advances the state by a frame, `see`. Everything else follows from these two, by sums over all states.
"""

import numpy as np
from scipy.special import expit

from oracles import distribution, states

RNN = {"tanh": np.tanh, "sigmoid": expit, "relu": lambda x: np.maximum(x, 0)}


class RnnRbm:
    def __init__(self, p, nonlinearity="tanh"):
        self.p, self.f = p, RNN[nonlinearity]
        self.u = p.get("u0", np.zeros(len(p["bu"])))

    def biases(self):
        return self.p["bv"] + self.u @ self.p["Wuv"], self.p["bh"] + self.u @ self.p["Wuh"]

    def see(self, v):
        self.u = self.f(self.p["bu"] + v @ self.p["Wvu"] + self.u @ self.p["Wuu"])

    def probabilities(self):
        """Probabilities of all 2^n frames, in the order of `states`."""
        return distribution(self.p["W"], *self.biases())


class Rtrbm(RnnRbm):
    def __init__(self, p):
        self.p, self.u = p, None

    def biases(self):
        if self.u is None:
            return self.p["bv"], self.p["bh"] + self.p.get("bh0", 0)
        bv = self.p["bv"] + (self.u @ self.p["Wuv"] if "Wuv" in self.p else 0)
        return bv, self.p["bh"] + self.u @ self.p["Wuh"]

    def see(self, v):
        self.u = expit(v @ self.p["W"] + self.biases()[1])


class LstmRtrbm(Rtrbm):
    def __init__(self, p):
        super().__init__(p)
        self.s, self.c = (p.get(name, np.zeros(len(p["bi"]))) for name in ("s0", "c0"))

    def biases(self):
        bv, bh = super().biases()
        bv = bv + (self.s @ self.p["Wsv"] if "Wsv" in self.p else 0)
        return bv, bh if self.u is None else bh + self.s @ self.p["Wsh"]

    def see(self, v):
        super().see(v)
        i, f, o, g = (self.p["b" + x] + v @ self.p["Wv" + x] + self.s @ self.p["Ws" + x] for x in "ifog")
        self.c = expit(f) * self.c + expit(i) * np.tanh(g)
        self.s = expit(o) * np.tanh(self.c)


class LstmRnnRbm(RnnRbm):
    """RNN-RBM with an LSTM."""

    def __init__(self, p):
        self.p = p
        self.u, self.c = (p.get(name, np.zeros(len(p["bi"]))) for name in ("u0", "c0"))

    def see(self, v):
        i, f, o, g = (self.p["b" + x] + v @ self.p["Wv" + x] + self.u @ self.p["Wu" + x] for x in "ifog")
        self.c = expit(f) * self.c + expit(i) * np.tanh(g)
        self.u = expit(o) * np.tanh(self.c)


class GruRnnRbm(RnnRbm):
    """RNN-RBM with a GRU."""

    def __init__(self, p):
        self.p = p
        self.u = p.get("u0", np.zeros(len(p["bz"])))

    def see(self, v):
        self.u = gru(gru_weights(self.p), v, self.u)


class RnnNade(RnnRbm):
    def probabilities(self):
        return np.array(
            [nade_probability(v, self.p["W"], self.p["V"], *self.biases()) for v in states(len(self.p["bv"]))]
        )


class LstmRnnNade(RnnNade, LstmRnnRbm):
    """RNN-NADE with an LSTM."""


class GruRnnNade(RnnNade, GruRnnRbm):
    """RNN-NADE with a GRU."""


class TiedRnnRbm(RnnRbm):
    """The tied RNN-RBM, computed note by note, with a GRU."""

    def __init__(self, p, window):
        self.p, self.window = p, window
        self.u = np.zeros((len(p["bv"]), len(p["bz"])))
        self.u += p.get("u0", 0)

    def biases(self):
        bv = self.p["bv"] + self.u @ self.p["Wuv"][:, 0]
        return bv, self.p["bh"] + np.concatenate([u @ self.p["Wuh"] for u in self.u])

    def around(self, v, n):
        near = [v[i] if 0 <= i < len(v) else 0 for i in range(n - self.window, n + self.window + 1)]
        pitch_classes = [sum(v[i] for i in range(len(v)) if (i - n) % 12 == k) for k in range(12)]
        return np.array([*near, *pitch_classes, sum(v), sum(v[:n])], float)

    def see(self, v):
        for n, x in enumerate([self.around(v, n) for n in range(len(v))]):
            self.u[n] = gru(gru_weights(self.p), x, self.u[n])


class BiaxialRnn(TiedRnnRbm):
    """The biaxial RNN, computed note by note, with a GRU along time."""

    def below(self, v, n):
        near = [v[i] if i >= 0 else 0 for i in range(n - self.window, n)]
        pitch_classes = [sum(v[i] for i in range(n) if (i - n) % 12 == k) for k in range(12)]
        return np.array([*near, *pitch_classes, sum(v[:n])], float)

    def probability(self, v):
        """p(v | earlier frames), by the definition."""
        n_hidden, product = len(self.p["V"]), 1.0
        h = np.zeros(n_hidden)
        places = {gate: slice(i * n_hidden, (i + 1) * n_hidden) for i, gate in enumerate("zrg")}
        for n in range(len(v)):
            bias = self.p["bh"] + self.u[n] @ self.p["Wuh"]
            weights = {g: (self.p["W"][:, s], self.p["Whh"][:, s], bias[s]) for g, s in places.items()}
            h = gru(weights, self.below(v, n), h)
            on = expit(self.p["bv"][n] + self.u[n] @ self.p["Wuv"][:, 0] + h @ self.p["V"][:, 0])
            product *= on if v[n] else 1 - on
        return product

    def probabilities(self):
        return np.array([self.probability(v) for v in states(len(self.p["bv"]))])


def gru_weights(p):
    """(Wv, Wu, b) of each gate of the GRU along time."""
    return {gate: [p[what + gate] for what in ("Wv", "Wu", "b")] for gate in "zrg"}


def gru(weights, x, u):
    """The next state of a GRU, from (Wv, Wu, b) of the gates z, r and g."""
    z, r = (expit(x @ Wv + u @ Wu + b) for Wv, Wu, b in (weights["z"], weights["r"]))
    Wv, Wu, b = weights["g"]
    return z * u + (1 - z) * np.tanh(x @ Wv + (r * u) @ Wu + b)


def nade_probability(v, W, V, bv, bh):
    """p(v) of a NADE by the definition: each hidden layer is computed from all earlier units."""
    p = 1.0
    for i in range(len(v)):
        p_i = expit(bv[i] + V[i] @ expit(bh + v[:i] @ W[:i]))
        p *= p_i if v[i] else 1 - p_i
    return p


def index_of(v):
    """Index of a frame in `states`."""
    return int(v @ 2.0 ** np.arange(len(v) - 1, -1, -1))


def log_likelihoods(model, roll):
    """Exact log p(v_t | v_1, ..., v_{t-1}) for each frame."""
    log_p = []
    for v in roll:
        log_p.append(np.log(model.probabilities()[index_of(v)]))
        model.see(v)
    return np.array(log_p)


def step_probabilities(model, roll):
    """The distribution over all frames at each step, given the earlier frames."""
    p = []
    for v in roll:
        p.append(model.probabilities())
        model.see(v)
    return np.array(p)


def uniforms_of(model, roll, seed=0):
    """One number per frame. They are independent and uniform in [0, 1] if and only if the model drew the roll exactly.

    This is the randomised probability integral transform: a random point between the probability of all states before
    v_t and that of all states up to v_t, in the order of `states`.
    """
    coins = np.random.default_rng(seed).random(len(roll))
    numbers = []
    for v, coin in zip(roll, coins, strict=True):
        p, i = model.probabilities(), index_of(v)
        numbers.append(p[:i].sum() + coin * p[i])
        model.see(v)
    return np.array(numbers)
