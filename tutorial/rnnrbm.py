"""The RNN-RBM tutorial's whole program in PyTensor, in the order of the original.

    python tutorial/rnnrbm.py FOLDER

trains an RNN-RBM on the MIDI files of a folder, then generates two pieces, sample1.mid and sample2.mid. The chapters
beside this file explain its equations (Boulanger-Lewandowski, Bengio and Vincent, ICML 2012). The page porting.md
explains where it differs from the original.
"""

import sys

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor import scan
from pytensor.tensor.special import xlogy
from threadpoolctl import threadpool_limits

from rnnrbm_pt import midiread, midiwrite
from rnnrbm_pt.interrupts import deferred_interrupts
from rnnrbm_pt.music.datasets import midi_files
from rnnrbm_pt.streams.draw import bernoulli
from rnnrbm_pt.streams.srs import RandomStreams

np.random.seed(0xBEEF)
rng = RandomStreams(seed=np.random.randint(1 << 30))  # its rbm() gives the four streams of a `build_rbm`


def build_rbm(v, W, bv, bh, k, rngs):
    """Construct a k-step Gibbs chain that starts at v, for an RBM.

    Parameters
    ----------
    v : vector (n_visible,), or matrix (n_steps, n_visible) of frames, each of which starts a chain of its own
    W : matrix (n_visible, n_hidden)
    bv, bh : biases of the visible and of the hidden units: vectors, or matrices with one row for each frame
    k : number of Gibbs steps
    rngs : four random streams: for h and v of the chain, then for h and v of the monitor's additional step

    Returns
    -------
    v_sample : end of the chain, of the shape of v
    cost : scalar; its gradient, with v_sample held constant, is the CD-k estimate
    monitor : scalar, log pseudo-likelihood per frame
    updates : dict {stream: its next state}
    """
    rng_h, rng_v, rng_h_monitor, rng_v_monitor = rngs

    def gibbs_step(v, rng_h, rng_v, W, bv, bh):
        mean_h = pt.sigmoid(pt.dot(v, W) + bh)
        next_rng_h, h = bernoulli(rng_h, mean_h)
        mean_v = pt.sigmoid(pt.dot(h, W.T) + bv)
        next_rng_v, v = bernoulli(rng_v, mean_v)
        return mean_v, v, next_rng_h, next_rng_v

    chain, next_rng_h, next_rng_v = scan(
        lambda *arguments: gibbs_step(*arguments)[1:],
        outputs_info=[v, rng_h, rng_v],
        non_sequences=[W, bv, bh],
        n_steps=k,
        strict=True,
        return_updates=False,
    )
    v_sample = chain[-1]

    # This step also draws a v, which nothing uses, so its stream stays where it is.
    mean_v, _, next_rng_h_monitor, _ = gibbs_step(v_sample, rng_h_monitor, rng_v_monitor, W, bv, bh)
    monitor = (xlogy(v, mean_v) + xlogy(1 - v, 1 - mean_v)).sum(axis=-1).mean()

    def free_energy(v):
        return -(v * bv).sum(axis=-1) - pt.softplus(pt.dot(v, W) + bh).sum(axis=-1)  # softplus(x) = log(1 + exp(x))

    cost = (free_energy(v) - free_energy(v_sample)).mean()

    updates = {rng_h: next_rng_h, rng_v: next_rng_v, rng_h_monitor: next_rng_h_monitor}
    return v_sample, cost, monitor, updates


def shared_normal(num_rows, num_cols, scale=1, name=None):
    """A shared matrix of normally distributed numbers with the given standard deviation."""
    value = np.random.normal(scale=scale, size=(num_rows, num_cols))
    return pytensor.shared(value.astype(pytensor.config.floatX), name=name)


def shared_zeros(*shape, name=None):
    """A shared vector, or other tensor, of zeros."""
    return pytensor.shared(np.zeros(shape, dtype=pytensor.config.floatX), name=name)


def build_rnnrbm(n_visible, n_hidden, n_hidden_recurrent):
    """Construct an RNN-RBM: the graph that trains it, and the graph that generates from it.

    Parameters
    ----------
    n_visible, n_hidden, n_hidden_recurrent : numbers of visible and hidden units of the RBMs, and of units of the RNN

    Returns
    -------
    v : matrix (n_steps, n_visible), the training sequence
    v_sample, cost, monitor : see `build_rbm`, here for the RBMs of all frames
    params : tuple of shared variables
    updates_train : dict {stream: its next state} for a function that returns the cost or the monitor
    v_t : matrix (200, n_visible), the generated sequence
    updates_generate : dict {stream: its next state} for a function that returns v_t
    """
    W = shared_normal(n_visible, n_hidden, 0.01, "W")
    bv = shared_zeros(n_visible, name="bv")
    bh = shared_zeros(n_hidden, name="bh")
    Wuh = shared_normal(n_hidden_recurrent, n_hidden, 0.0001, "Wuh")
    Wuv = shared_normal(n_hidden_recurrent, n_visible, 0.0001, "Wuv")
    Wvu = shared_normal(n_visible, n_hidden_recurrent, 0.0001, "Wvu")
    Wuu = shared_normal(n_hidden_recurrent, n_hidden_recurrent, 0.0001, "Wuu")
    bu = shared_zeros(n_hidden_recurrent, name="bu")
    params = W, bv, bh, Wuh, Wuv, Wvu, Wuu, bu

    v = pt.matrix("v")
    u0 = pt.zeros((n_hidden_recurrent,))  # state of the RNN before the first frame

    # If v_t is given, return the next state of the RNN and the biases of the RBM at this frame. If v_t is None, draw
    # v_t from that RBM, and return it with the next states of the RNN and of the two streams.
    def recurrence(v_t, u_tm1, *rngs):
        bv_t = bv + pt.dot(u_tm1, Wuv)
        bh_t = bh + pt.dot(u_tm1, Wuh)
        generate = v_t is None
        if generate:
            v_t, _, _, updates = build_rbm(pt.zeros((n_visible,)), W, bv_t, bh_t, k=25, rngs=rngs)
        u_t = pt.tanh(bu + pt.dot(v_t, Wvu) + pt.dot(u_tm1, Wuu))
        return [v_t, u_t, updates[rngs[0]], updates[rngs[1]]] if generate else [u_t, bv_t, bh_t]

    # In training, the frames are given. So the recurrence comes first, and then the RBMs of all frames are one batch.
    u_t, bv_t, bh_t = scan(
        lambda v_t, u_tm1, *_: recurrence(v_t, u_tm1),
        sequences=v,
        outputs_info=[u0, None, None],
        non_sequences=params,
        strict=True,
        return_updates=False,
    )
    v_sample, cost, monitor, updates_train = build_rbm(v, W, bv_t, bh_t, k=15, rngs=rng.rbm())

    # In generation, each frame has to be drawn before the next one: a Gibbs chain within each step of the recurrence.
    rng_h, rng_v, *rngs_monitor = rng.rbm()
    v_t, u_t, next_rng_h, next_rng_v = scan(
        lambda u_tm1, rng_h, rng_v, *_: recurrence(None, u_tm1, rng_h, rng_v, *rngs_monitor),
        outputs_info=[None, u0, rng_h, rng_v],
        non_sequences=params,
        n_steps=200,
        strict=True,
        return_updates=False,
    )
    updates_generate = {rng_h: next_rng_h, rng_v: next_rng_v}
    return v, v_sample, cost, monitor, params, updates_train, v_t, updates_generate


class RnnRbm:
    """Trains an RNN-RBM on MIDI files, and generates sequences.

    lr is the learning rate, dt the seconds per frame. r is the range of MIDI notes, half open: (21, 109) is a piano's.
    """

    def __init__(self, n_hidden=150, n_hidden_recurrent=100, lr=0.001, r=(21, 109), dt=0.3):
        self.r = r
        self.dt = dt
        v, v_sample, cost, monitor, params, updates_train, v_t, updates_generate = build_rnnrbm(
            r[1] - r[0], n_hidden, n_hidden_recurrent
        )
        self.params = params

        gradient = pt.grad(cost, params, consider_constant=[v_sample])
        updates_train.update((p, p - lr * g) for p, g in zip(params, gradient, strict=True))
        self.train_function = pytensor.function([v], monitor, updates=updates_train)
        self.generate_function = pytensor.function([], v_t, updates=updates_generate)

    def train(self, files, batch_size=100, num_epochs=200):
        """Train on MIDI files, folders or zip files (a list of paths, or one), and print the monitor of each epoch."""
        dataset = []
        for file in midi_files(files):
            with file.open("rb") as stream:
                piano_roll = midiread(stream, self.r, self.dt, str(file)).piano_roll
            dataset.append(piano_roll.astype(pytensor.config.floatX))

        try:
            for epoch in range(num_epochs):
                np.random.shuffle(dataset)
                monitors = []
                for sequence in dataset:
                    for i in range(0, len(sequence), batch_size):
                        with deferred_interrupts():  # Ctrl+C waits: within compiled code it can crash Python
                            monitors.append(self.train_function(sequence[i : i + batch_size]))
                print(f"Epoch {epoch + 1}/{num_epochs} {np.mean(monitors)}", flush=True)
        except KeyboardInterrupt:
            print("Interrupted by user.")

    def generate(self, filename, show=True):
        """Generate a sequence, write it to a MIDI file and, if `show`, draw its piano-roll."""
        piano_roll = self.generate_function()
        midiwrite(filename, piano_roll, self.r, self.dt)
        if show:
            from matplotlib import pyplot

            pyplot.figure()
            extent = (0, self.dt * len(piano_roll), *self.r)
            pyplot.imshow(piano_roll.T, cmap="gray_r", origin="lower", aspect="auto", extent=extent)
            pyplot.gca().set(xlabel="time (s)", ylabel="MIDI note number", title="generated piano-roll")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: python rnnrbm.py FOLDER, where FOLDER is a folder or a zip file of MIDI files.")
    model = RnnRbm()
    threadpool_limits(1)  # of BLAS, which compiling has loaded: for matrices this small, more threads take longer
    model.train(sys.argv[1])
    model.generate("sample1.mid")
    model.generate("sample2.mid")
    from matplotlib import pyplot

    pyplot.show()
