"""Record random configurations of the tutorial's program under Theano, and repeat them with this library.

    python -m oracles.theano_runs --theano PYTHON [--first N] [--last N] [--backends numba c jax] [--keep FOLDER]

Run this in the folder tests. It runs some configurations and prints a table. With `--keep` recordings are saved to the
folder, and existing ones are used.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.replace import clone_replace

from rnnrbm_pt.reference.record import record, synthetic_rolls
from rnnrbm_pt.reference.recording import NAMES, TheanoSettings, read_recording, write_recording

N = 40
TOLERANCE = {"float64": 1e-9, "float32": 1e-5}


def configuration(i):
    """Settings and training sequences number `i`. Four successive ones cover all pairs of streams and float types."""
    draw = np.random.RandomState(1000 + i)
    low = int(draw.randint(20, 90))
    n_visible = int(draw.randint(3, 21))
    settings = TheanoSettings(
        n_hidden=int(draw.randint(1, 16)),
        n_hidden_recurrent=max(2, int(draw.randint(1, 12))),
        k=int(draw.choice([1, 2, 3, 5, 8, 15, 20])),
        k_generate=int(draw.choice([1, 2, 5, 25, 30])),
        n_steps=int(draw.randint(5, 41)),
        lr=float(draw.choice([0.0, 0.001, 0.01, 0.05, 0.1, 0.3])),
        r=(low, low + n_visible),
        batch_size=int(draw.choice([1, 7, 10, 16, 25, 60, 100])),
        num_epochs=int(draw.randint(1, 5)),
        seed=int(draw.randint(0, 2**32, dtype=np.int64)),
        streams=("srs", "mrg")[i % 2],
        floatX=("float64", "float32")[i // 2 % 2],
    )
    return settings, synthetic_rolls(int(draw.randint(1, 6)), n_visible, seed=i)


def gradient(model, v, v_sample):
    """The cost and its gradient for given negative particles, compiled by the model's backend."""
    graphs = model.build(batched=True)
    given = graphs.v_sample.type("given")
    gradients = pt.grad(graphs.cost, graphs.params, consider_constant=[graphs.v_sample])
    outputs = clone_replace([graphs.cost, *gradients], {graphs.v_sample: given})
    function = model.compiling.function([graphs.v, graphs.mask, given], outputs)
    v, v_sample = (x.astype(model.floatX) for x in (v, v_sample))
    sample = v_sample.reshape(v_sample[:, None].shape if given.ndim == 3 else v_sample.shape)
    return [np.asarray(x) for x in function(v[:, None], np.ones((len(v), 1), model.floatX), sample)]


def largest(found, recorded):
    """The largest difference between two lists of arrays, relative for numbers above 1."""
    pairs = zip(found, recorded, strict=True)
    return max(float(np.max(np.abs(a - b) / np.maximum(1, np.abs(b)), initial=0)) for a, b in pairs)


def repeated(recording, backend):
    """Largest differences between a run of this library and a recording, as a dict.

    For JAX only the gradient is compared, since it does not have Theano's streams.
    """
    settings, floats = recording.settings, recording.settings.floatX
    if backend == "jax":
        from rnnrbm_pt import RnnRbm

        model = RnnRbm(
            settings.n_hidden, settings.n_hidden_recurrent, r=settings.r, k=settings.k, floatX=floats, backend="jax"
        )
        found = {}
    else:
        model = recording.model(backend=backend)
        model.fit(
            recording.numbered("sequence"),
            settings.batch_size,
            settings.num_epochs,
            log_updates=True,
        )
        monitors = np.concatenate([epoch["monitors"] for epoch in model.log])
        recorded = recording.arrays["monitor"]
        off = np.abs(monitors - recorded) > TOLERANCE[floats] * np.maximum(1, np.abs(recorded))
        generated = [model.sample(settings.n_steps) for _ in recording.numbered("generated")]
        found = {
            "monitor": largest([monitors], [recorded]),
            "parted": int(off.argmax()) + 1 if off.any() else None,
            "params": largest(model.get_params().values(), recording.named("final").values()),
            "bits": int(sum((a != b).sum() for a, b in zip(generated, recording.numbered("generated"), strict=True))),
        }
    model.set_params(recording.named("final"))
    found["gradient"] = largest(
        gradient(model, recording.arrays["grad_v"], recording.arrays["grad_v_sample"]),
        [recording.arrays[f"grad_{name}"] for name in ("cost", *NAMES)],
    )
    return found


def recorded(python, i, keep=None):
    """The recording of a configuration, taken from the folder `keep` if it is there."""
    path = None if keep is None else Path(keep, f"configuration{i}.npz")
    if path is not None and path.exists():
        return read_recording(path)
    settings, rolls = configuration(i)
    found = record(python, rolls, settings, n_generated=2)
    if path is not None:
        write_recording(path, found)
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--theano", default=os.environ.get("RNNRBM_THEANO"))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--last", type=int, default=N - 1)
    parser.add_argument("--backends", nargs="*", default=["numba", "c"])
    parser.add_argument("--keep")
    args = parser.parse_args()
    for i in range(args.first, args.last + 1):
        start = time.perf_counter()
        recording = recorded(args.theano, i, args.keep)
        used = recording.settings
        sizes = f"{used.n_visible}/{used.n_hidden}/{used.n_hidden_recurrent}"
        what = (
            f"{i:2} {used.streams} {used.floatX} {sizes:>8} k={used.k:2}/{used.k_generate:2} lr={used.lr:<5} "
            f"window={used.batch_size:3} updates={len(recording.arrays['monitor']):4}"
        )
        print(f"{what}  recorded {time.perf_counter() - start:.0f} s", flush=True)
        for backend in args.backends:
            start = time.perf_counter()
            found = repeated(recording, backend)
            shown = " ".join(f"{k}={v:.0e}" if isinstance(v, float) else f"{k}={v}" for k, v in found.items())
            print(f"    {backend:5} {shown}  ({time.perf_counter() - start:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
