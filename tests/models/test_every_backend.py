"""Every model on every backend, in both precisions, with one sequence and with two.

What a model learns and plays must agree with its graphs run operation by operation. Compiling everything takes most of
an hour, so most rows are slow tests. `BY_DEFAULT` lists the others.
"""

from functools import cache
from itertools import product

import numpy as np
import pytest
from oracles.runs import interrupting

from rnnrbm_pt import BiaxialRnn, LstmRtrbm, RnnNade, RnnRbm, Rtrbm, TiedRnnRbm
from rnnrbm_pt.models.compiling import AS_WRITTEN

MODELS = {
    "RnnRbm": (RnnRbm, {"n_hidden_recurrent": 6, "k": 2, "k_generate": 2}),
    "Rtrbm": (Rtrbm, {"k": 2, "k_generate": 2, "dynamic_visible_bias": True, "learn_initial": True}),
    "LstmRtrbm": (LstmRtrbm, {"n_hidden_recurrent": 6, "k": 2, "k_generate": 2, "learn_initial": True}),
    "RnnNade": (RnnNade, {"n_hidden_recurrent": 6, "learn_initial": True}),
    "RnnRbm with an LSTM": (RnnRbm, {"n_hidden_recurrent": 6, "k": 2, "k_generate": 2, "recurrence": "lstm"}),
    "RnnRbm with a GRU": (RnnRbm, {"n_hidden_recurrent": 6, "k": 2, "k_generate": 2, "recurrence": "gru"}),
    "RnnNade with an LSTM": (RnnNade, {"n_hidden_recurrent": 6, "learn_initial": True, "recurrence": "lstm"}),
    "RnnNade with a GRU": (RnnNade, {"n_hidden_recurrent": 6, "learn_initial": True, "recurrence": "gru"}),
    "TiedRnnRbm": (TiedRnnRbm, {"n_hidden_recurrent": 6, "k": 2, "k_generate": 2, "learn_initial": True, "window": 3}),
    "BiaxialRnn": (BiaxialRnn, {"n_hidden_recurrent": 6, "learn_initial": True, "window": 3}),
    "Gaussian": (RnnRbm, {"n_hidden_recurrent": 6, "k": 2, "k_generate": 2, "visible": "gaussian", "streams": "srs"}),
}

BY_DEFAULT = {
    ("jax", "float64", 1): {"RnnRbm", "LstmRtrbm", "RnnNade"},
    ("jax", "float32", 2): {"BiaxialRnn", "TiedRnnRbm"},
}
"""Rows that are not slow.

Other default tests train an RnnRbm on Numba and C, and an RnnNade and a Gaussian RnnRbm on C.
"""

ATOL = {"float64": 1e-12, "float32": 1e-5}
"""Tolerance to the float64 reference.

In float32 each operation rounds by 6e-8, and the products of the few updates sum up to 20 terms. All draws are equal
here; on average one draw in ten million differs.
"""


def make(name, **settings):
    """Make a small model with random parameters that float32 holds exactly and that affect the states."""
    kind, own = MODELS[name]
    model = kind(8, **{"r": (21, 33), "lr": 0.05, "streams": "philox", **own, **settings})
    values = np.random.default_rng(1)
    for param in model.params:
        value = values.normal(scale=0.3, size=param.get_value().shape).astype("float32")
        param.set_value(value.astype(model.floatX))
    return model


@pytest.fixture(scope="module")
def rolls(toy_rolls):
    """Training rolls: all windows have ten frames, except one of three."""
    binary = [toy_rolls[0][:20], toy_rolls[1][:13]]
    return lambda name: [roll - 0.3 for roll in binary] if name == "Gaussian" else binary


@pytest.fixture(scope="module")
def outcomes(rolls):
    """Compute what a model learns, what it plays, and its results for the training rolls."""

    def outcomes(model, name, n_sequences):
        model.fit(rolls(name), 10, 1, n_sequences=n_sequences)
        for held in (
            *model.params,
            *model.state.slots.values(),
        ):  # otherwise Numba would compile for another memory layout
            assert model.backend != "numba" or held.get_value(borrow=True).flags.c_contiguous
        found = {param.name: param.get_value() for param in model.params}
        found |= {"monitor": model.log[0]["monitor"], "score": float(model.score(rolls(name)))}
        found |= {"sample": model.sample(10), "primed sample": model.sample(10, seed=5, primer=rolls(name)[0])}
        if name != "Gaussian":  # its streams are NumPy generators
            found |= {f"stream {i}": stream.get_value() for i, stream in enumerate(model.streams.streams)}
        return found

    return outcomes


@pytest.fixture(scope="module")
def reference(outcomes):
    """The outcomes of a float64 model whose graphs run operation by operation."""

    @cache
    def reference(name, n_sequences):
        model = make(name, backend="c", floatX="float64", mode=AS_WRITTEN)
        return outcomes(model, name, n_sequences)

    return reference


def rows():
    """All rows: name of the model, backend, float type and sequences per update."""
    for row in product(MODELS, ("jax", "numba", "c"), ("float64", "float32"), (1, 2)):
        if row[:2] != ("Gaussian", "jax"):  # JAX has only Philox streams, which draw no normal numbers
            yield pytest.param(*row, marks=[] if row[0] in BY_DEFAULT.get(row[1:], ()) else [pytest.mark.slow])


@pytest.mark.parametrize("name, backend, floatX, n_sequences", list(rows()))
def test_learns_and_plays_what_the_graphs_say(name, backend, floatX, n_sequences, outcomes, reference):
    if backend == "jax":
        pytest.importorskip("jax", reason="needs the extra jax")
    model = make(name, backend=backend, floatX=floatX)
    found = outcomes(model, name, n_sequences)
    expected = reference(name, n_sequences)
    assert found.keys() == expected.keys()
    for what, value in found.items():
        assert np.isfinite(value).all(), what
        if np.issubdtype(np.asarray(value).dtype, np.integer):  # notes and states of streams
            assert np.array_equal(value, expected[what]), what
        else:
            np.testing.assert_allclose(value, expected[what], rtol=0, atol=ATOL[floatX], err_msg=what)
    assert {param.get_value().dtype for param in model.params} == {np.dtype(floatX)}
    if name != "Gaussian":
        assert found["sample"].dtype == np.uint8 and set(np.unique(found["sample"])) == {0, 1}


def test_windows_of_one_frame_on_jax():
    """JAX compiles for fixed lengths, but treats a length of 1 as one that may change."""
    pytest.importorskip("jax", reason="needs the extra jax")
    roll = np.eye(12, dtype=np.uint8)[:5]
    pretraining, found = {"rnn_epochs": 1, "rnn_batch_size": 1, "rnn_n_sequences": 2}, []
    for how in ({"backend": "jax"}, {"mode": AS_WRITTEN}):
        model, costs = RnnRbm(4, 3, r=(21, 33), k=2, streams="philox", **how), []
        rest = {"pretrain": pretraining, "on_pretrain": lambda record, costs=costs: costs.append(record["cost"])}
        log = model.fit([roll, roll[:1]], 1, 2, validation=[roll[1:], roll[:1]], **rest).log
        found.append([costs * 2, [record["monitor"] for record in log], [record["validation"] for record in log]])
        found[-1].append([model.monitor([roll[:1]]), model.monitor([roll], 1)])
    np.testing.assert_allclose(*found, rtol=1e-12)


def test_states_are_not_carried_over_windows_of_one_frame_on_jax(tmp_path):
    pytest.importorskip("jax", reason="needs the extra jax")
    roll = np.eye(12, dtype=np.uint8)[:5]
    refused = "carry_state: expected a batch_size of at least 2 frames on the backend jax, found 1"
    with pytest.raises(ValueError, match=refused):
        RnnRbm(4, 3, r=(21, 33), backend="jax").fit([roll], 1, 1, carry_state=True)
    stopped = RnnRbm(4, 3, r=(21, 33), k=2, streams="philox", mode=AS_WRITTEN)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit([roll], 1, 1, carry_state=True, checkpoint=tmp_path / "m", on_update=interrupting(2))
    with pytest.raises(ValueError, match=refused):
        RnnRbm.load(tmp_path / "m", backend="jax").resume([roll])
    RnnRbm.load(tmp_path / "m", mode=AS_WRITTEN).resume([roll])
