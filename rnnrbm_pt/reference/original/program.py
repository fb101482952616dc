"""The tutorial's own program for Theano 1.0.5. It runs by itself in an old Python, and imports nothing of this project.

    python3.8 program.py '{"streams": "mrg", "floatX": "float64", "n_visible": 88, ...}'

It prints a line of JSON with versions, or with "missing" if there is no Theano. It builds the training graph, seeded as
the tutorial's program is, and prints "ready". Then it answers each line on stdin, a command and its arguments as a list
of JSON, by a line of JSON:

    ["window", "FILE.npy"]               take the frames of the updates from a file
    ["run"]                              one update by the window: its monitor, seconds and CPU seconds
    ["rolls", "FILE.npz"]                take the training sequences sequence_0, sequence_1, ... from a file
    ["epoch", 100]                       one epoch, in windows of 100 frames: the monitor of each update, and seconds
    ["params", "FILE.npz"]               give the parameters the values in a file
    ["save", "FILE.npz"]                 write the parameters
    ["pickle", "FILE.pkl", 2, true]      pickle the parameters by a protocol: shared variables (true) or arrays
    ["generate", "FILE.npy"]             write a generated piano-roll
    ["gradient", "IN.npz", "OUT.npz"]    write the cost and its gradient at v and v_sample of a file, at the parameters
                                         in it where it has any
"""

import json
import pickle
import sys
import time

try:
    import numpy as np
    import theano
    import theano.tensor as T
except ImportError as error:
    print(json.dumps({"missing": str(error)}), flush=True)
    sys.exit(0)

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


def recurrence(params, v_t, u_tm1):
    """The next state of the RNN."""
    _, _, _, _, _, Wvu, Wuu, bu = params
    return T.tanh(bu + T.dot(v_t, Wvu) + T.dot(u_tm1, Wuu))


def biases(params, u_tm1):
    """The biases of the RBM of a step."""
    _, bv, bh, Wuh, Wuv, _, _, _ = params
    return bv + T.dot(u_tm1, Wuv), bh + T.dot(u_tm1, Wuh)


def initial_state(params):
    return T.zeros((params[-1].get_value(borrow=True).shape[0],))


def biases_of_sequence(params, v):
    """The recurrence in training, biases emitted inside the scan."""

    def step(v_t, u_tm1, *_):
        bv_t, bh_t = biases(params, u_tm1)
        return recurrence(params, v_t, u_tm1), bv_t, bh_t

    outputs_info = [initial_state(params), None, None]
    (_, bv_t, bh_t), _ = theano.scan(step, sequences=v, outputs_info=outputs_info, non_sequences=params)
    return bv_t, bh_t


def build_generation(params, k, n_steps, rng):
    """The generator: each frame is the end of a Gibbs chain that starts at silence."""
    n_visible = params[0].get_value(borrow=True).shape[0]

    def step(u_tm1, *_):
        v_t, _, _, updates = build_rbm(T.zeros((n_visible,)), params[0], *biases(params, u_tm1), k=k, rng=rng)
        return [v_t, recurrence(params, v_t, u_tm1)], updates

    outputs_info = [None, initial_state(params)]
    (v_t, _), updates = theano.scan(step, outputs_info=outputs_info, non_sequences=params, n_steps=n_steps)
    return theano.function([], v_t, updates=updates)


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

    def __init__(
        self,
        streams,
        floatX,
        n_visible,
        n_hidden,
        n_hidden_recurrent,
        k,
        lr,
        k_generate=25,
        n_steps=200,
        seed=0xBEEF,
    ):
        theano.config.floatX = floatX
        # The tutorial draws the same from NumPy's global state: the seed of the streams first.
        self.random_state = np.random.RandomState(seed)
        self.rng = random_streams(streams, self.random_state.randint(1 << 30))
        self.params = build_params(n_visible, n_hidden, n_hidden_recurrent, self.random_state)
        self.k_generate, self.n_steps = k_generate, n_steps
        self.v = T.matrix("v")
        bv_t, bh_t = biases_of_sequence(self.params, self.v)
        self.v_sample, self.cost, monitor, updates = build_rbm(self.v, self.params[0], bv_t, bh_t, k, self.rng)
        self.gradients = T.grad(self.cost, self.params, consider_constant=[self.v_sample])
        lr = np.asarray(lr, floatX)
        updates.update((p, p - lr * g) for p, g in zip(self.params, self.gradients))  # noqa: B905 (Python 3.8)
        self.train = theano.function([self.v], monitor, updates=updates)
        self.generator = self.frames = self.sequences = None

    def window(self, path):
        self.frames = as_floats(np.load(path))
        return {"shape": self.frames.shape}

    def run(self):
        start, cpu = time.perf_counter(), time.process_time()
        monitor = self.train(self.frames)
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
        return {"seconds": seconds, "cpu_seconds": cpu_seconds, "monitor": float(monitor)}

    def rolls(self, path):
        given = np.load(path)
        self.sequences = [as_floats(given[f"sequence_{i}"]) for i in range(len(given.files))]
        return {"sequences": len(self.sequences)}

    def epoch(self, batch_size):
        """As the tutorial's `train` has it."""
        start, monitors = time.perf_counter(), []
        self.random_state.shuffle(self.sequences)
        for sequence in self.sequences:
            for i in range(0, len(sequence), batch_size):
                monitors.append(float(self.train(sequence[i : i + batch_size])))
        return {"monitors": monitors, "seconds": time.perf_counter() - start}

    def set_params(self, path):
        given = np.load(path)
        for param in self.params:
            if param.name in given.files:
                param.set_value(as_floats(given[param.name]))
        return {"read": path}

    def save(self, path):
        np.savez(path, **{param.name: param.get_value() for param in self.params})
        return {"written": path}

    def pickle_params(self, path, protocol, as_shared):
        with open(path, "wb") as file:
            pickle.dump(list(self.params) if as_shared else [p.get_value() for p in self.params], file, protocol)
        return {"written": path}

    def generate(self, path):
        if self.generator is None:
            self.generator = build_generation(self.params, self.k_generate, self.n_steps, self.rng)
        np.save(path, self.generator().astype(np.uint8))
        return {"written": path}

    def gradient(self, source, target):
        self.set_params(source)
        given = np.load(source)
        function = theano.function([self.v, self.v_sample], [self.cost] + list(self.gradients))
        cost, *gradients = function(as_floats(given["v"]), as_floats(given["v_sample"]))
        np.savez(target, cost=cost, **dict(zip(NAMES, gradients)))  # noqa: B905 (Python 3.8)
        return {"written": target}


def as_floats(array):
    return np.ascontiguousarray(array, dtype=theano.config.floatX)


def main():
    versions = {"Theano": theano.__version__, "NumPy": np.__version__, "Python": sys.version.split()[0]}
    versions["BLAS"] = theano.config.blas.ldflags
    print(json.dumps(versions), flush=True)
    program = Program(**json.loads(sys.argv[1]))
    print(json.dumps({"ready": True}), flush=True)
    commands = {
        "window": program.window,
        "run": program.run,
        "rolls": program.rolls,
        "epoch": program.epoch,
        "params": program.set_params,
        "save": program.save,
        "pickle": program.pickle_params,
        "generate": program.generate,
        "gradient": program.gradient,
    }
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        print(json.dumps(commands[command](*arguments)), flush=True)


if __name__ == "__main__":
    main()
