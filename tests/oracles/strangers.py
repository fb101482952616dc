"""Print how graphs that do not use this package compile: ``python strangers.py [module to import first]``.

`test_strangers.py` compares the output of two processes, with and without this package imported.
"""

import io
import re
import sys
import warnings
from importlib import import_module

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor import scan
from pytensor.tensor.random import shared_rng

warnings.simplefilter("ignore")
loaded = set(sys.modules)


def draw(kind, *args, **kwargs):
    """A draw with PyTensor, from a stream of its own."""
    _, drawn = getattr(shared_rng(np.random.default_rng(1)), kind)(*args, **kwargs)
    return drawn


def graphs():
    """The graphs: {name: (inputs, outputs)}."""
    x, y, z = pt.matrix("x"), pt.matrix("y"), pt.vector("z")
    states = scan(
        lambda a, u, W: (pt.tanh(a + pt.dot(u, W)), 2 * pt.dot(u, W)),
        sequences=[x],
        outputs_info=[pt.zeros(4), None],
        non_sequences=[pt.eye(4).T],
        return_updates=False,
    )
    entropy = x * pt.softplus(-x) + (1 - x) * pt.softplus(x)
    bits = pt.cast(draw("binomial", n=1, p=pt.sigmoid(pt.dot(x, y))), "float64")
    return {
        "product": ([x, y], pt.dot(x, y)),
        "product with a vector": ([x, z], pt.dot(x, z)),
        "product of transposed matrices": ([x, y], pt.dot(y.T, x.T)),
        "binomial of one trial": ([z], draw("binomial", n=1, p=z)),
        "binomial of three": ([z], draw("binomial", n=3, p=z)),
        "bernoulli": ([z], draw("bernoulli", z)),
        "layer of bits": ([x, y], bits),
        "elementwise": ([x], pt.sigmoid(x) + pt.softplus(x) + pt.tanh(x)),
        "cross-entropy": ([x], entropy.sum(axis=-1)),
        "sum": ([x], x.sum(axis=0)),
        "sizes": ([x], pt.zeros((x.shape[0], 2)) + x.shape[0] * 2),
        "scan": ([x], states),
        "gradient of a scan": ([x], pt.grad(states[0].sum(), x)),
        "gradient": ([x, y], pt.grad(pt.sigmoid(pt.dot(x, y)).sum(), [x, y])),
    }


def main():
    for name in sys.argv[1:]:
        import_module(name)
    print("loads", sorted({"jax", "numba"} & (set(sys.modules) - loaded)))
    pytensor.config.cxx = ""  # printing the C backend's graphs needs no compiler
    pytensor.config.on_opt_error = "raise"
    for mode in "NUMBA", "CVM", "JAX":
        for name, (inputs, outputs) in graphs().items():
            printed = io.StringIO()
            pytensor.dprint(pytensor.function(inputs, outputs, mode=mode), file=printed)
            print("#", mode, name)
            print(re.sub(r" at 0x[0-9A-F]+", "", printed.getvalue()))
    p = pt.vector("p")
    drawn = pytensor.function([p], draw("binomial", n=1, p=p), mode="CVM")
    for value in [0.5, 0.5], [1.5, 0.5], [-0.1, 0.5]:
        try:
            print("p =", value, drawn(value))
        except ValueError as error:
            print("p =", value, "ValueError", str(error).splitlines()[0])


if __name__ == "__main__":
    main()
