"""Gauss-Newton products through a recurrence equal J'HJ by finite differences, symmetric and positive semi-definite."""

import numpy as np
import pytensor
import pytensor.tensor as pt
from oracles import AS_WRITTEN
from pytensor import scan

from rnnrbm_pt.training.gauss_newton import Objective, bernoulli_curvature, compiled_objective


def function(inputs, outputs):
    return pytensor.function(inputs, outputs, mode=AS_WRITTEN)


def rnn_objective():
    """The cross-entropy of bits that an RNN predicts. The RNN returns its states and logits."""
    rng = np.random.default_rng(0)
    shapes = {"Wvu": (3, 4), "Wuu": (4, 4), "Wuv": (4, 3), "bv": (3,)}
    params = [pytensor.shared(rng.normal(size=shape), name=name) for name, shape in shapes.items()]
    v, weights = pt.matrix("v"), pt.vector("weights")

    def step(v_t, u_tm1, Wvu, Wuu, Wuv, bv):
        return pt.tanh(pt.dot(v_t, Wvu) + pt.dot(u_tm1, Wuu)), bv + pt.dot(u_tm1, Wuv)

    u_t, bv_t = scan(
        step, sequences=v, outputs_info=[pt.zeros(4), None], non_sequences=params, strict=True, return_updates=False
    )
    cost = ((pt.softplus(bv_t) - v * bv_t).sum(axis=-1) * weights).sum()
    state_weights = pt.zeros_like(u_t) + weights[:, None]
    curvature = bernoulli_curvature(bv_t, weights)
    return Objective(weights.sum(), cost, bv_t, curvature, (u_t,), (state_weights,)), params, [v, weights]


def jacobian(f, params, step=1e-6):
    """d f / d params by central differences, one column per value. The error is about step^2 plus 1e-16 / step."""
    columns = []
    for k, param in enumerate(params):
        for i in np.ndindex(param.shape):
            ends = []
            for sign in (step, -step):
                moved = [p.copy() for p in params]
                moved[k][i] += sign
                ends.append(f(*moved).ravel())
            columns.append((ends[0] - ends[1]) / (2 * step))
    return np.stack(columns, axis=1)


def matrix_of(product, values, structural, batch):
    """The full Gauss-Newton matrix, from its products with the unit vectors."""
    size, rows = sum(x.size for x in values), []
    for unit in np.eye(size):
        vectors = [
            x.reshape(p.shape)
            for x, p in zip(np.split(unit, np.cumsum([p.size for p in values])[:-1]), values, strict=True)
        ]
        _, *found = product(*values, *vectors, np.asarray(structural), *batch)
        rows.append(np.concatenate([x.ravel() for x in found]))
    return np.stack(rows)


def test_products_are_those_of_the_matrix():
    objective, params, inputs = rnn_objective()
    compiled = compiled_objective(objective, params, inputs, function)
    values = [p.get_value() for p in params]
    rng = np.random.default_rng(1)
    batch = rng.integers(2, size=(6, 3)).astype(float), rng.random(6)
    given = [p.type() for p in params]

    def of_params(output):
        replaced = pytensor.graph.replace.clone_replace([output], dict(zip(params, given, strict=True)))
        f = pytensor.function([*given, *inputs], replaced, mode=AS_WRITTEN, on_unused_input="ignore")
        return lambda *values: f(*values, *batch)[0]

    J, S = (jacobian(of_params(x), values) for x in (objective.output, objective.states[0]))
    p = 1 / (1 + np.exp(-of_params(objective.output)(*values)))
    H = (batch[1][:, None] * p * (1 - p)).ravel()
    weights = np.repeat(batch[1], 4)
    for structural in (0.0, 0.7):
        found = matrix_of(compiled.product, values, structural, batch)
        expected = J.T @ (H[:, None] * J) + structural * S.T @ (weights[:, None] * S)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
        np.testing.assert_allclose(found, found.T, rtol=0, atol=1e-12)
        assert np.linalg.eigvalsh(found).min() > -1e-12
    # The gradient is the derivative of the cost.
    weight, cost, *gradients = compiled.gradient(*values, *batch)
    slopes = jacobian(lambda *values: compiled.costs(*values, *batch)[1], values)[0]
    np.testing.assert_allclose(np.concatenate([g.ravel() for g in gradients]), slopes, rtol=0, atol=1e-8)
    assert weight == batch[1].sum() and cost == compiled.costs(*values, *batch)[1]
