"""Sigmoid, softplus and tanh for the Numba backend, in a form that vector instructions can do.

PyTensor calls the C library for each number: 45 ns for one softplus, 22 ns for one tanh were measured.
These are polynomials and a shift of the exponent, which LLVM does for 8 or 16 numbers at once. They err by up to four
units in the last place (`tests/compile/test_elementwise.py`), and never give less than the smallest normal number.
Importing this module registers the rewrite with PyTensor under the tag of its Numba mode.

    exp(x) = 2^n exp(r), n = round(x / log 2), |r| <= log(2) / 2: a Taylor polynomial of r
    log(1 + e) = 2 artanh(s), s = e / (2 + e) <= 1 / 3: its Taylor polynomial, odd in s
"""

import math
from functools import cache
from itertools import permutations

import numpy as np
from pytensor.graph.rewriting.basic import copy_stack_trace, node_rewriter
from pytensor.scalar.basic import Add, BinaryScalarOp, Mul, Neg, Sub, Tanh
from pytensor.scalar.math import Sigmoid, Softplus
from pytensor.tensor.basic import get_underlying_scalar_constant_value
from pytensor.tensor.elemwise import Elemwise

from rnnrbm_pt.compile.dispatch.numba.key import cache_key
from rnnrbm_pt.compile.rewriting.scope import register
from rnnrbm_pt.ours import OurOp

FLOATS = "float64", "float32"


class VectorSigmoid(OurOp, Sigmoid):
    """1 / (1 + exp(-x))."""


class VectorSoftplus(OurOp, Softplus):
    """log(1 + exp(x))."""


class VectorTanh(OurOp, Tanh):
    """(exp(2x) - 1) / (exp(2x) + 1)."""


class CrossEntropy(OurOp, BinaryScalarOp):
    """-v log p - (1 - v) log(1 - p) of p = sigmoid(x), for inputs v and x of one float type."""

    def output_types(self, types):
        return [types[1]]

    def impl(self, v, x):
        return max(x, 0) - v * x + math.log1p(math.exp(-abs(x)))


cross_entropy = CrossEntropy(name="cross_entropy")

VECTORISED = {Sigmoid: VectorSigmoid, Softplus: VectorSoftplus, Tanh: VectorTanh}


@node_rewriter([Elemwise])
def local_vectorised(fgraph, node):
    """Replace the elementwise functions of this module by their vectorised forms."""
    scalar_op = node.op.scalar_op
    (x, *others), y = node.inputs, node.outputs[0]
    if type(scalar_op) not in VECTORISED or others or x.type.dtype != y.type.dtype:
        return None
    if x.type.dtype not in FLOATS:
        return None
    _tell_numba()
    vectorised = VECTORISED[type(scalar_op)](scalar_op.output_types_preference, name=scalar_op.name)
    replacement = Elemwise(vectorised, node.op.inplace_pattern)(x)
    copy_stack_trace(y, replacement)
    return [replacement]


def _terms(x, scalar_op):
    """What an elementwise operation of two operands is applied to; nothing if x is something else."""
    if x.owner is None or not isinstance(x.owner.op, Elemwise) or type(x.owner.op.scalar_op) is not scalar_op:
        return ()
    return x.owner.inputs if len(x.owner.inputs) == 2 else ()


def _weighted_softplus(x):
    """The v and y of v softplus(y); nothing if x is something else."""
    for v, function in permutations(_terms(x, Mul), 2):
        if function.owner and isinstance(function.owner.op, Elemwise):
            if type(function.owner.op.scalar_op) is Softplus:
                return v, function.owner.inputs[0]
    return ()


@node_rewriter([Elemwise])
def local_cross_entropy(fgraph, node):
    """Replace v softplus(-x) + (1 - v) softplus(x) by `CrossEntropy`: one exponential and one logarithm for two."""
    for first, second in permutations(_terms(node.outputs[0], Add), 2):
        if not (weighted := _weighted_softplus(first)) or not (others := _weighted_softplus(second)):
            continue
        (v, minus_x), (rest, x) = weighted, others
        negative = minus_x.owner is not None and isinstance(minus_x.owner.op, Elemwise)
        if not negative or type(minus_x.owner.op.scalar_op) is not Neg or minus_x.owner.inputs[0] is not x:
            continue
        one_and_v = _terms(rest, Sub)
        if not one_and_v or one_and_v[1] is not v:
            continue
        if get_underlying_scalar_constant_value(one_and_v[0], raise_not_constant=False) != 1:
            continue
        if len({v.type.dtype, x.type.dtype, node.outputs[0].type.dtype}) > 1 or x.type.dtype not in FLOATS:
            continue
        _tell_numba()
        replacement = Elemwise(cross_entropy)(v, x)
        copy_stack_trace(node.outputs[0], replacement)
        return [replacement]
    return None


register("cross_entropy", local_cross_entropy, "numba", position=48.75)

# After layers were fused (48.6), which are recognised by their sigmoid, and before elementwise operations are (49).
register("vectorised", local_vectorised, "numba", position=48.8)


SMALL_FUNCTION = {"fastmath": {"contract"}, "error_model": "numpy", "forceinline": True}
"""How Numba compiles these: a call that LLVM leaves standing keeps the loop around it from being vectorised."""


@cache
def _tell_numba():
    """Register the scalar operations with Numba: when they are first needed, since Numba takes a second to import."""
    from numba.core import types
    from numba.extending import intrinsic
    from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

    @intrinsic
    def float_of_bits(typingctx, bits):
        """The float whose bits these are."""
        kind = {types.int32: types.float32, types.int64: types.float64}[bits]

        def codegen(context, builder, signature, args):
            return builder.bitcast(args[0], context.get_value_type(kind))

        return kind(bits), codegen

    @cache
    def parts(dtype):
        """exp(x) - 1 and log1p of what lies in [0, 1], for x <= 0 of this type."""
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

        # Horner's scheme, written out for each degree: LLVM unrolls no loop over a tuple in time to vectorise.
        def horner(coefficients):
            names = [f"c{i}" for i in range(len(coefficients))]
            body = names[-1]
            for name in reversed(names[:-1]):
                body = f"({name} + x * {body})"
            namespace = dict(zip(names, coefficients, strict=True))
            exec(f"def polynomial(x):\n    return {body}", namespace)
            return numba_njit(**SMALL_FUNCTION)(namespace["polynomial"])

        exp_polynomial, artanh_polynomial = horner(e), horner(a)

        @numba_njit(**SMALL_FUNCTION)
        def exp_parts(x):
            """2^n and exp(r) - 1 of x <= 0."""
            x = x if x > lowest else lowest  # also where x is not a number
            n = integer(x * per_log2 - half)
            r = (x - kind(n) * log2_high) - kind(n) * log2_low
            return float_of_bits(integer((n + integer(bias)) << integer(mantissa))), r * exp_polynomial(r)

        @numba_njit(**SMALL_FUNCTION)
        def log1p(e):
            s = e / (two + e)
            return two * s * artanh_polynomial(s * s)

        return kind, exp_parts, log1p

    @register_funcify_and_cache_key(VectorSigmoid)
    def numba_funcify_VectorSigmoid(op, node, **kwargs):
        kind, exp_parts, _ = parts(node.inputs[0].type.dtype)
        zero, one = kind(0), kind(1)

        @numba_njit(**SMALL_FUNCTION)
        def sigmoid(x):
            scale, rest = exp_parts(-abs(x))
            e = scale + scale * rest
            y = (one if x >= zero else e) / (one + e)
            return y if x == x else x

        return sigmoid, cache_key("exp", 3, "sigmoid", kind.__name__)

    @register_funcify_and_cache_key(VectorSoftplus)
    def numba_funcify_VectorSoftplus(op, node, **kwargs):
        kind, exp_parts, log1p = parts(node.inputs[0].type.dtype)
        zero = kind(0)

        @numba_njit(**SMALL_FUNCTION)
        def softplus(x):
            scale, rest = exp_parts(-abs(x))
            y = (x if x > zero else zero) + log1p(scale + scale * rest)
            return y if x == x else x

        return softplus, cache_key("exp", 3, "softplus", kind.__name__)

    @register_funcify_and_cache_key(CrossEntropy)
    def numba_funcify_CrossEntropy(op, node, **kwargs):
        kind, exp_parts, log1p = parts(node.inputs[1].type.dtype)
        zero = kind(0)

        @numba_njit(**SMALL_FUNCTION)
        def cross_entropy(v, x):
            scale, rest = exp_parts(-abs(x))
            y = ((x if x > zero else zero) - v * x) + log1p(scale + scale * rest)
            return y if x == x else x

        return cross_entropy, cache_key("exp", 3, "cross_entropy", kind.__name__)

    @register_funcify_and_cache_key(VectorTanh)
    def numba_funcify_VectorTanh(op, node, **kwargs):
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
