"""The tutorial's own graphs for Theano 1.0.5: a program of its own, since it needs an old Python.

    python3.8 theano_step.py '{"streams": "mrg", "floatX": "float64", ...}'

Builds the graphs, seeded as the tutorial's program is, and says "ready" and what it runs on. It answers each line on
stdin with a line of JSON:

    run                       one update of the window; {"seconds": ..., "cpu_seconds": ..., "monitor": ...}
    window FILE.npy           takes the frames of the updates from a file
    gradient IN.npz OUT.npz   cost and gradient at the parameters, v and v_sample of a file, written to another

Imports nothing of this project.
"""

import json
import sys
import time

import numpy as np
import theano
import theano.tensor as T

NAMES = "W", "bv", "bh", "Wuh", "Wuv", "Wvu", "Wuu", "bu"


def random_streams(kind, seed):
    if kind == "srs":
        from theano.tensor.shared_randomstreams import RandomStreams
    else:
        from theano.sandbox.rng_mrg import MRG_RandomStreams as RandomStreams
    return RandomStreams(seed=seed)


def shared(value, name):
    return theano.shared(value.astype(theano.config.floatX), name=name)


def build_params(n_visible, n_hidden, n_hidden_recurrent, random_state):
    def normal(name, rows, columns, scale):
        return shared(random_state.normal(scale=scale, size=(rows, columns)), name)

    def zeros(name, size):
        return shared(np.zeros(size), name)

    W = normal("W", n_visible, n_hidden, 0.01)
    Wuh = normal("Wuh", n_hidden_recurrent, n_hidden, 0.0001)
    Wuv = normal("Wuv", n_hidden_recurrent, n_visible, 0.0001)
    Wvu = normal("Wvu", n_visible, n_hidden_recurrent, 0.0001)
    Wuu = normal("Wuu", n_hidden_recurrent, n_hidden_recurrent, 0.0001)
    bv, bh, bu = zeros("bv", n_visible), zeros("bh", n_hidden), zeros("bu", n_hidden_recurrent)
    return W, bv, bh, Wuh, Wuv, Wvu, Wuu, bu


def biases(params, v):
    """The recurrence, biases emitted inside the scan."""
    _, bv, bh, Wuh, Wuv, Wvu, Wuu, bu = params

    def recurrence(v_t, u_tm1, *_):
        u_t = T.tanh(bu + T.dot(v_t, Wvu) + T.dot(u_tm1, Wuu))
        return u_t, bv + T.dot(u_tm1, Wuv), bh + T.dot(u_tm1, Wuh)

    u0 = T.zeros((bu.get_value(borrow=True).shape[0],))
    (_, bv_t, bh_t), _ = theano.scan(recurrence, sequences=v, outputs_info=[u0, None, None], non_sequences=params)
    return bv_t, bh_t


def build_rbm(v, W, bv, bh, k, rng):
    def gibbs_step(v):
        mean_h = T.nnet.sigmoid(T.dot(v, W) + bh)
        h = rng.binomial(size=mean_h.shape, n=1, p=mean_h, dtype=theano.config.floatX)
        mean_v = T.nnet.sigmoid(T.dot(h, W.T) + bv)
        v = rng.binomial(size=mean_v.shape, n=1, p=mean_v, dtype=theano.config.floatX)
        return mean_v, v

    chain, updates = theano.scan(lambda v: gibbs_step(v)[1], outputs_info=[v], n_steps=k)
    v_sample = chain[-1]

    mean_v = gibbs_step(v_sample)[0]
    monitor = T.xlogx.xlogy0(v, mean_v) + T.xlogx.xlogy0(1 - v, 1 - mean_v)
    monitor = monitor.sum() / v.shape[0]

    def free_energy(v):
        return -(v * bv).sum() - T.log(1 + T.exp(T.dot(v, W) + bh)).sum()

    cost = (free_energy(v) - free_energy(v_sample)) / v.shape[0]
    return v_sample, cost, monitor, updates


class Program:
    """The graphs, and the functions that have been compiled of them."""

    def __init__(self, streams, floatX, n_visible, n_hidden, n_hidden_recurrent, k, lr, seed=0xBEEF):
        theano.config.floatX = floatX
        # The tutorial draws the same from the global state: the stream seed first.
        random_state = np.random.RandomState(seed)
        rng = random_streams(streams, random_state.randint(1 << 30))
        self.params = build_params(n_visible, n_hidden, n_hidden_recurrent, random_state)
        self.v = T.matrix("v")
        bv_t, bh_t = biases(self.params, self.v)
        self.v_sample, self.cost, monitor, updates = build_rbm(self.v, self.params[0], bv_t, bh_t, k, rng)
        self.gradients = T.grad(self.cost, self.params, consider_constant=[self.v_sample])
        lr = np.asarray(lr, floatX)
        updates.update((p, p - lr * g) for p, g in zip(self.params, self.gradients))  # noqa: B905 (Python 3.8)
        self.train = theano.function([self.v], monitor, updates=updates)
        self.frames = None

    def window(self, path):
        self.frames = np.ascontiguousarray(np.load(path), dtype=theano.config.floatX)
        return {"shape": self.frames.shape}

    def run(self):
        start, cpu = time.perf_counter(), time.process_time()
        monitor = self.train(self.frames)
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
        return {"seconds": seconds, "cpu_seconds": cpu_seconds, "monitor": float(monitor)}

    def gradient(self, source, target):
        given = np.load(source)
        for param in self.params:
            param.set_value(given[param.name].astype(theano.config.floatX))
        function = theano.function([self.v, self.v_sample], [self.cost] + list(self.gradients))
        v, v_sample = (given[name].astype(theano.config.floatX) for name in ("v", "v_sample"))
        cost, *gradients = function(v, v_sample)
        np.savez(target, cost=cost, **dict(zip(NAMES, gradients)))  # noqa: B905 (Python 3.8)
        return {"written": target}


def main():
    program = Program(**json.loads(sys.argv[1]))
    versions = {"ready": True, "Theano": theano.__version__, "NumPy": np.__version__, "Python": sys.version.split()[0]}
    versions["BLAS"] = theano.config.blas.ldflags
    print(json.dumps(versions), flush=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        print(json.dumps(getattr(program, command)(*arguments)), flush=True)


if __name__ == "__main__":
    main()
