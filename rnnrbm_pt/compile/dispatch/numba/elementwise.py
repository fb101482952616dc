"""Vectorisable forms of the sigmoid, softplus, tanh and the cross-entropy.

PyTensor calls the C library for each number: measured at 45 ns per softplus and 22 ns per tanh. The functions below are
polynomials and a shift of the exponent, which LLVM computes for 8 or 16 numbers at once. Their errors are at most four
units in the last place (`tests/compile/test_elementwise.py`). They never return less than the smallest normal number.

    exp(x) = 2^n exp(r), n = round(x / log 2), |r| <= log(2) / 2: a Taylor polynomial of r
    log(1 + e) = 2 artanh(s), s = e / (2 + e) <= 1 / 3: its Taylor polynomial, odd in s
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numba.core import types
from numba.extending import intrinsic
from pytensor.graph.basic import Apply
from pytensor.link.numba.dispatch import vectorize_codegen
from pytensor.link.numba.dispatch.basic import (
    numba_funcify_and_cache_key,
    numba_njit,
    numba_typify,
    register_funcify_and_cache_key,
)
from pytensor.link.numba.dispatch.scalar import numba_funcify_Composite
from pytensor.link.utils import fgraph_to_python
from pytensor.scalar.basic import ScalarOp

from rnnrbm_pt.compile.dispatch.numba.key import Kernel, cache_key
from rnnrbm_pt.compile.ops.elementwise import CrossEntropy, InlinedComposite, VectorSigmoid, VectorSoftplus, VectorTanh

SMALL_FUNCTION: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy", "forceinline": True}
"""Numba options for these functions. They must be inlined: LLVM does not vectorise a loop with calls in it."""


@intrinsic
def float_of_bits(typingctx, bits):
    """The float that has the given bits."""
    kind = {types.int32: types.float32, types.int64: types.float64}[bits]

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(kind))

    return kind(bits), codegen


def horner(coefficients: Sequence[np.floating]) -> Callable:
    """Make a Numba function of a polynomial. The coefficients start with the constant term.

    Horner's scheme is written out for each degree. LLVM would unroll a loop over a tuple too late to vectorise it.
    """
    names = [f"c{i}" for i in range(len(coefficients))]
    body = names[-1]
    for name in reversed(names[:-1]):
        body = f"({name} + x * {body})"
    namespace: dict[str, Any] = dict(zip(names, coefficients, strict=True))
    exec(f"def polynomial(x):\n    return {body}", namespace)
    return numba_njit(**SMALL_FUNCTION)(namespace["polynomial"])


@cache
def parts(dtype: str) -> tuple[type[np.floating], Callable, Callable]:
    """The scalar type, and Numba functions for the parts of exp(x) with x <= 0 and for log(1 + e) with e in [0, 1]."""
    kind = np.dtype(dtype).type
    single = dtype == "float32"
    integer = np.int32 if single else np.int64
    mantissa, bias = (23, 127) if single else (52, 1023)
    lowest = kind(-87 if single else -708)
    per_log2 = kind(1 / math.log(2))
    log2_high = kind(0.693359375 if single else 0.6931471803691238)
    log2_low = kind(math.log(2) - float(log2_high)) if single else kind(1.9082149292705877e-10)
    half, two = kind(0.5), kind(2)
    e = tuple(kind(1 / math.factorial(k)) for k in range(1, 8 if single else 14))
    a = tuple(kind(1 / (2 * k + 1)) for k in range(9 if single else 18))

    exp_polynomial, artanh_polynomial = horner(e), horner(a)

    @numba_njit(**SMALL_FUNCTION)
    def exp_parts(x):
        """2^n and exp(r) - 1, for x <= 0."""
        x = x if x > lowest else lowest  # also if x is NaN
        n = integer(x * per_log2 - half)
        r = (x - kind(n) * log2_high) - kind(n) * log2_low
        return float_of_bits(integer((n + integer(bias)) << integer(mantissa))), r * exp_polynomial(r)

    @numba_njit(**SMALL_FUNCTION)
    def log1p(e):
        s = e / (two + e)
        return two * s * artanh_polynomial(s * s)

    return kind, exp_parts, log1p


@cache
def vector_sigmoid(dtype: str) -> Callable:
    """Make the Numba function for the sigmoid of a number."""
    kind, exp_parts, _ = parts(dtype)
    zero, one = kind(0), kind(1)

    @numba_njit(**SMALL_FUNCTION)
    def sigmoid(x):
        scale, rest = exp_parts(-abs(x))
        e = scale + scale * rest
        y = (one if x >= zero else e) / (one + e)
        return y if x == x else x

    return sigmoid


@register_funcify_and_cache_key(VectorSigmoid)
def numba_funcify_VectorSigmoid(op: VectorSigmoid, node: Apply, **kwargs: object) -> Kernel:
    dtype = node.inputs[0].type.dtype
    return vector_sigmoid(dtype), cache_key("exp", 4, "sigmoid", dtype)


@register_funcify_and_cache_key(VectorSoftplus)
def numba_funcify_VectorSoftplus(op: VectorSoftplus, node: Apply, **kwargs: object) -> Kernel:
    kind, exp_parts, log1p = parts(node.inputs[0].type.dtype)
    zero = kind(0)

    @numba_njit(**SMALL_FUNCTION)
    def softplus(x):
        scale, rest = exp_parts(-abs(x))
        y = (x if x > zero else zero) + log1p(scale + scale * rest)
        return y if x == x else x

    return softplus, cache_key("exp", 3, "softplus", kind.__name__)


@register_funcify_and_cache_key(CrossEntropy)
def numba_funcify_CrossEntropy(op: CrossEntropy, node: Apply, **kwargs: object) -> Kernel:
    kind, exp_parts, log1p = parts(node.inputs[1].type.dtype)
    zero = kind(0)

    @numba_njit(**SMALL_FUNCTION)
    def cross_entropy(v, x):
        scale, rest = exp_parts(-abs(x))
        y = ((x if x > zero else zero) - v * x) + log1p(scale + scale * rest)
        return y if x == x else x

    return cross_entropy, cache_key("exp", 3, "cross_entropy", kind.__name__)


@register_funcify_and_cache_key(VectorTanh)
def numba_funcify_VectorTanh(op: VectorTanh, node: Apply, **kwargs: object) -> Kernel:
    kind, exp_parts, _ = parts(node.inputs[0].type.dtype)
    zero, one, two = kind(0), kind(1), kind(2)

    @numba_njit(**SMALL_FUNCTION)
    def tanh(x):
        scale, rest = exp_parts(-two * abs(x))
        less_one = scale * rest + (scale - one)  # exp(-2|x|) - 1
        y = -less_one / (two + less_one)
        y = y if x >= zero else -y
        return y if x == x else x

    return tanh, cache_key("exp", 3, "tanh", kind.__name__)


@register_funcify_and_cache_key(InlinedComposite)
def numba_funcify_InlinedComposite(op: InlinedComposite, node: Apply, **kwargs: Any) -> tuple[Callable, str | None]:
    # PyTensor wraps each function of a composite, and version 3.0 also wraps the composite. LLVM inlines a wrapper that
    # is called once, but not one that is called twice. Two sigmoids would then cost thirteen times as much.
    _, key = numba_funcify_Composite(op, node, **kwargs)

    def unwrapped(scalar_op: ScalarOp, node: Apply, **kwargs: Any) -> Callable:
        return numba_funcify_and_cache_key(scalar_op, node=node, **kwargs)[0]

    composite = fgraph_to_python(op.fgraph, unwrapped, type_conversion_fn=numba_typify, squeeze_output=True)
    inlined: Any = numba_njit(composite, forceinline=True)
    if hasattr(vectorize_codegen, "store_core_outputs"):  # PyTensor 3.0
        stored: Any = vectorize_codegen.store_core_outputs(inlined, op.nin, op.nout)
        inlined = numba_njit(stored.py_func, forceinline=True)
        inlined.handles_out = True
    return inlined, key and cache_key("exp", 5, "composite", key)
