"""Pickles of arrays, read as data: those that Theano and Python 2 wrote, those of NumPy, and those that attack."""

import os
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from rnnrbm_pt.io.pickled_arrays import read_pickled_arrays

DATA = Path(__file__).parents[1] / "data"


def expected():
    """What tests/data/*.pkl hold: Theano 1.0.5 and NumPy 1.16 of Python 2.7 wrote them."""
    random = np.random.RandomState(1)
    arrays = random.rand(3, 2), random.rand(3), np.asfortranarray(random.rand(2, 2)).astype("float32")
    return dict(zip(("W", "bv", "bh"), arrays, strict=True))


def assert_equal(found, arrays):
    assert [(x.dtype, x.shape) for x in found] == [(x.dtype, x.shape) for x in arrays]
    assert all(np.array_equal(x, y) for x, y in zip(found, arrays, strict=True))


@pytest.mark.parametrize("name", ["theano_shared_protocol0", "theano_shared_dict_protocol2"])
def test_shared_variables_of_theano(name):
    found = read_pickled_arrays(DATA / f"{name}.pkl")
    assert list(found) == ["W", "bv", "bh"]
    assert_equal(found.values(), expected().values())


@pytest.mark.parametrize("protocol", [0, 2])
def test_arrays_of_python_2(protocol):
    assert_equal(read_pickled_arrays(DATA / f"python2_arrays_protocol{protocol}.pkl"), expected().values())


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_numpy(tmp_path, protocol):
    integers = np.arange(6, dtype=">i2").reshape(2, 3)
    arrays = {**expected(), "none": np.zeros((0, 3)), "integers": integers, "bools": np.array([True, False])}
    path = tmp_path / "arrays.pkl"
    for given in (list(arrays.values()), tuple(arrays.values()), arrays, OrderedDict(arrays)):
        path.write_bytes(pickle.dumps(given, protocol))
        found = read_pickled_arrays(path)
        assert isinstance(found, dict) == isinstance(given, dict)
        native = [x.astype(x.dtype.newbyteorder("=")) for x in arrays.values()]
        assert_equal(found.values() if isinstance(found, dict) else found, native)
    path.write_bytes(pickle.dumps([np.float32(1.5), 2, 0.5], protocol))
    assert_equal(read_pickled_arrays(path), [np.float32(1.5), np.float64(2), np.float64(0.5)])


class Calls:
    def __reduce__(self):
        return os.mkdir, ("called",)


DEEP_KEYS = b"}" + b"(" + b")" + b"\x85" * 100_000 + b"Nu."
WRONG = {
    "a call": (pickle.dumps([Calls()]), "expected an array, found 'posix.mkdir'"),
    "a call within an array's": (pickle.dumps([[Calls()]]), "expected an array, found a list"),
    "one array": (pickle.dumps(np.ones(2)), "expected arrays in a list or a dict, found 'numpy"),
    "a number": (pickle.dumps(7), "expected arrays in a list or a dict, found a int"),
    "texts": (pickle.dumps(["a"]), "expected an array, found a str"),
    "objects": (pickle.dumps([np.array([None])]), "an array of neither floats nor integers"),
    "complex numbers": (pickle.dumps([np.ones(2, complex)]), "an array of neither floats nor integers"),
    "keys that are numbers": (pickle.dumps({1: np.ones(2)}), "expected names of arrays in a dict"),
    "keys of 100,000 tuples": (DEEP_KEYS, "expected names of arrays in a dict"),
    "half of it": (pickle.dumps([np.ones(200)])[:-900], "not a pickle"),
    "nothing": (b"", "not a pickle"),
    "no end": (b"]", "not a pickle"),
    "a mark that is missing": (b"]e.", "expected a mark"),
    "nothing on the stack": (b"ba.", "not a pickle"),
    "a foreign object": (b"Pabc\n.", "the instruction PERSID is refused"),
    "a foreign object with an escape": (b"Pa\\ic\n.", "the instruction PERSID is refused"),
    "a function with an escape": (b"](cposix\nmk\\ir\n)Re.", r"expected an array, found 'posix\.mk"),
    "a number of 5,000 digits": (b"](I" + b"9" * 5000 + b"\ne.", "not a pickle"),
    "a million lists": (b"]" * 1_000_000 + b".", "expected 200,000 instructions"),
    "more bytes than the shape has": (
        pickle.dumps([np.ones(3)], 2).replace(b"K\x03\x85", b"K\x04\x85"),
        r"an array of float64 and shape \(4,\) in 24 bytes",
    ),
    "a negative length": (pickle.dumps([np.ones(3)], 2).replace(b"K\x03\x85", b"J\xff\xff\xff\xff\x85"), "valid shape"),
}


@pytest.mark.parametrize("what", WRONG)
def test_anything_else_is_refused_and_nothing_is_called(tmp_path, monkeypatch, what):
    content, message = WRONG[what]
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "odd.pkl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"odd\.pkl: .*{message}"):
        read_pickled_arrays(path)
    assert not (tmp_path / "called").exists()
