"""The biaxial RNN: probabilities sum to 1, gradients and samples are exact, and every key has the same likelihood."""

from functools import partial

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import STEP_BY_STEP, counts_of, finite_differences, states
from oracles import temporal as oracle
from pytensor.graph.traversal import ancestors
from pytensor.scan.op import Scan
from pytensor.tensor.variable import TensorConstant
from scipy.stats import chisquare, kstest

from rnnrbm_pt.graphs.biaxial_rnn import NotesBelow, build_biaxial_rnn
from rnnrbm_pt.graphs.relative_notes import heard, next_below, notes_around, notes_below, shared_table
from rnnrbm_pt.graphs.tied_rnn_rbm import build_tied_rnn_rbm
from rnnrbm_pt.streams.srs import RandomStreams

WINDOW = 2
TWIN = partial(oracle.BiaxialRnn, window=WINDOW)
ROLL = np.array([[1.0, 0, 1, 0], [0, 1, 1, 1], [1, 1, 0, 0]])


def function(*args, **kwargs):
    with pytensor.config.change_flags(cxx=""):
        return pytensor.function(*args, mode=STEP_BY_STEP, **kwargs)


@pytest.fixture(scope="module")
def biaxial():
    built = build_biaxial_rnn(4, 2, 3, n_steps=300, learn_initial=True, window=WINDOW)
    rng = np.random.default_rng(3)
    for param in built.params:
        param.set_value(rng.normal(size=param.get_value().shape))
    return built


def values_of(graphs):
    return {param.name: param.get_value() for param in graphs.params}


def log_likelihoods(values, roll):
    """The log-likelihood of each frame, by the definition."""
    twin, found = TWIN(values), []
    for v in roll:
        found.append(np.log(twin.probability(v)))
        twin.see(v)
    return np.array(found)


def test_what_a_note_hears():
    v = np.random.default_rng(0).integers(2, size=(3, 30)).astype(float)
    frames = pt.matrix("v")
    twin = oracle.BiaxialRnn({"bv": np.zeros(30), "bz": np.zeros(1)}, 5)
    for table, expected in ((notes_around, twin.around), (notes_below, twin.below)):
        found = function([frames], heard(frames, shared_table(table(30, 5))))(v)
        np.testing.assert_array_equal(found, [expected(frame, n) for frame in v for n in range(30)])


def test_what_a_note_hears_follows_from_what_the_note_below_it_hears():
    v = np.random.default_rng(0).integers(2, size=30)
    expected = np.tensordot(v, notes_below(30, 5), 1)
    (shift, itself), features = next_below(5), np.zeros(18)
    for n in range(30):
        np.testing.assert_array_equal(features, expected[n])
        features = features @ shift + v[n] * itself


def constants_of(outputs):
    """The constants of graphs, and of the graphs within their scans."""
    for x in ancestors(outputs):
        if isinstance(x, TensorConstant):
            yield x.data
        elif x.owner and isinstance(x.owner.op, Scan):
            yield from constants_of(x.owner.op.fgraph.outputs)


@pytest.mark.parametrize("build", [build_biaxial_rnn, build_tied_rnn_rbm])
def test_no_constant_of_the_graphs_is_large(build):
    """Numba does not keep code with constants of more than a megabyte."""
    graphs = build(88, 2, 3)
    sizes = [x.nbytes for x in constants_of([graphs.v_t, graphs.cost])]
    assert len(sizes) > 30 and max(sizes) < 1e5


def test_the_likelihood_of_a_sequence_and_its_gradient(biaxial):
    gradients = pt.grad(biaxial.cost, list(biaxial.params), consider_constant=[biaxial.v_sample])
    outputs = [biaxial.log_likelihood, biaxial.monitor, biaxial.v_sample, *gradients]
    log_p, monitor, p, *gradients = function([biaxial.v], outputs)(ROLL)
    values = values_of(biaxial)
    expected = log_likelihoods(values, ROLL)
    assert all(p.sum() == pytest.approx(1, abs=1e-13) for p in oracle.step_probabilities(TWIN(values), ROLL))
    np.testing.assert_allclose(log_p, expected, rtol=1e-12)
    assert monitor == pytest.approx(expected.mean(), rel=1e-12)
    np.testing.assert_allclose(np.log(np.where(ROLL, p, 1 - p)).sum(axis=1), expected, rtol=1e-12)
    for name, gradient in zip(values, gradients, strict=True):

        def cost(x, name=name):
            return -log_likelihoods({**values, name: x}, ROLL).mean()

        np.testing.assert_allclose(gradient, finite_differences(cost, values[name]), atol=1e-8, err_msg=name)


def test_several_sequences_cost_the_mean_of_theirs(biaxial):
    batched = build_biaxial_rnn(4, 2, 3, batched=True, params=biaxial.params, learn_initial=True, window=WINDOW)
    v = np.random.default_rng(5).integers(2, size=(4, 3, 4)).astype(float)
    lengths = [4, 2, 0]
    mask = (np.arange(4)[:, None] < lengths).astype(float)
    found = function([batched.v, batched.mask], batched.cost)(v, mask)
    rolls = [v[:n, i] for i, n in enumerate(lengths) if n]
    expected = [-log_likelihoods(values_of(biaxial), roll).mean() for roll in rolls]
    assert found == pytest.approx(np.mean(expected), rel=1e-12)


def test_generated_frames_are_drawn_as_the_model_says(biaxial):
    roll = function([], biaxial.v_t, updates=biaxial.updates_generate)()
    values = values_of(biaxial)
    assert roll.shape == (300, 4)
    assert kstest(oracle.uniforms_of(TWIN(values), roll), "uniform").pvalue > 1e-3
    other = {**values, "V": -values["V"]}
    assert kstest(oracle.uniforms_of(TWIN(other), roll), "uniform").pvalue < 1e-6, "the test can tell"


def test_samples_of_a_frame_are_as_frequent_as_their_probabilities(biaxial):
    values, stream = values_of(biaxial), RandomStreams(2).stream()
    below = NotesBelow(shared_table(notes_below(4, WINDOW)), pt.constant(values["Whh"]), 2)
    bh = np.tile(values["bh"], 4) + np.tile(values["u0"] @ values["Wuh"], 4)
    bv = values["bv"] + values["u0"] @ values["Wuv"]
    constants = (pt.constant(x) for x in (values["W"], values["V"], bv, bh))
    v, mean_v, next_stream = below.sample(stream, 20000, *constants)
    frames, means = function([], [v, mean_v], updates={stream: next_stream})()
    p = TWIN(values).probabilities()
    assert chisquare(counts_of(frames), 20000 * p).pvalue > 1e-3
    np.testing.assert_allclose(means.mean(axis=0), p @ states(4), atol=0.015)


@pytest.mark.parametrize("recurrence", ["gru", "lstm", "tanh"])
def test_a_piece_in_another_key_has_the_same_likelihood(recurrence):
    """The notes are so far from the ends of the range that the network along the notes has forgotten the ends."""
    graphs = build_biaxial_rnn(40, 3, 3, recurrence=recurrence, window=3)
    rng = np.random.default_rng(3)
    for param in graphs.params:
        if param.name != "bv":
            param.set_value(rng.normal(scale=0.5, size=param.get_value().shape))
    bh = next(param for param in graphs.params if param.name == "bh")
    bh.set_value(bh.get_value() - np.repeat([4, 0, 0], 3))  # z is small, so the network forgets within a few notes
    score = function([graphs.v], graphs.logits)
    roll = np.zeros((6, 40))
    roll[:, 18:22] = rng.integers(2, size=(6, 4))
    logits = score(roll)
    for semitones in (-2, 5):
        moved = score(np.roll(roll, semitones, axis=1))
        middle = np.arange(15, 25)
        assert np.ptp(logits[:, middle]) > 0.5
        np.testing.assert_allclose(moved[:, middle + semitones], logits[:, middle], rtol=0, atol=1e-6)
