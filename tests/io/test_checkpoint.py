"""Checkpoints: every array and text comes back; what is damaged is refused; whatever happens, the file is whole."""

import errno
import fcntl
import hashlib
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rnnrbm_pt.io import checkpoint
from rnnrbm_pt.io.atomic_write import replacing
from rnnrbm_pt.io.checkpoint import read_checkpoint, write_checkpoint

SMALL = {"W": np.arange(6.0).reshape(2, 3), "t": np.float32(4)}
ABOUT = {"epoch": 3, "log": [-1.5, -math.inf]}

# Writes a checkpoint of so many numbers, says how that ended, and what lies there then.
WRITER = """
import os, sys
import numpy as np
from rnnrbm_pt.io.checkpoint import read_checkpoint, write_checkpoint

path, limit = sys.argv[1], int(sys.argv[2])
write_checkpoint(path, {"x": np.arange(1000.0)}, "old")
if limit:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    write_checkpoint(path, {"x": np.arange(100_000.0)}, "new")
except OSError as error:
    print(error.errno, error.filename, error, sep="\\n")
arrays, about = read_checkpoint(path)
print(about, arrays["x"].size, *os.listdir(os.path.dirname(path)))
"""

# Writes checkpoints until it is killed; each holds one number everywhere.
ENDLESS = """
import itertools, sys
import numpy as np
from rnnrbm_pt.io.checkpoint import write_checkpoint

print(flush=True)
for n in itertools.count():
    write_checkpoint(sys.argv[1], {"a": np.full(60_000, n), "b": np.full((30, 1000), n, np.float32)}, {"n": n})
"""


@pytest.fixture(scope="module")
def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.npz"


def same(one, other):
    """Whether two arrays have one type, shape and bits (for NaN too)."""
    return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


def names_beside(path):
    return sorted(os.listdir(path.parent))


# Round trips

DTYPES = (
    hnp.boolean_dtypes()
    | hnp.integer_dtypes(endianness="?")
    | hnp.unsigned_integer_dtypes(endianness="?")
    | hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64))
    | hnp.complex_number_dtypes(endianness="?", sizes=(64, 128))
    | hnp.byte_string_dtypes(min_len=1, max_len=5)
    | hnp.unicode_string_dtypes(min_len=1, max_len=5)
    | hnp.datetime64_dtypes()
)
ARRAYS = st.dictionaries(
    st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}\Z").filter(lambda name: name != "about" and name[-4:] != ".npy"),
    hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)),
    max_size=3,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(ARRAYS, JSON)
@settings(max_examples=100, deadline=None)
def test_everything_comes_back(tmp_path_factory, arrays, about):
    path = tmp_path_factory.getbasetemp() / "round_trip.npz"
    write_checkpoint(path, arrays, about)
    found, text = read_checkpoint(path)
    assert list(found) == list(arrays) and all(same(found[name], array) for name, array in arrays.items())
    assert text == about and repr(text) == repr(about)


def test_arrays_of_other_orders_come_back(path):
    arrays = {
        "f": np.asfortranarray(np.ones((3, 4))),
        "view": np.arange(12.0).reshape(3, 4)[::2, ::-1],
    }
    write_checkpoint(path, arrays, None)
    found, _ = read_checkpoint(path)
    assert all(same(found[name], array) for name, array in arrays.items())
    assert found["f"].flags.f_contiguous


def test_numpy_opens_it(path):
    write_checkpoint(path, SMALL, ABOUT)
    with np.load(path) as archive:
        assert set(archive.files) == {"W", "t", "about"}
        assert np.array_equal(archive["W"], SMALL["W"]) and json.loads(str(archive["about"])) == ABOUT


def test_equal_checkpoints_are_equal_bytes(path):
    write_checkpoint(path, SMALL, ABOUT)
    before = path.read_bytes()
    time.sleep(0.01)
    write_checkpoint(str(path), SMALL, ABOUT)
    assert path.read_bytes() == before and names_beside(path) == ["run.npz"]


@pytest.mark.parametrize("name", ["", "a/b", "../a", "a\0b", "a b", "about", "a.npy", ".hidden"])
def test_names_that_an_archive_cannot_tell_apart_are_refused(path, name):
    with pytest.raises(ValueError, match="run.npz: expected an array's name"):
        write_checkpoint(path, {name: np.zeros(1)}, None)
    assert not path.exists()


def test_objects_and_records_are_refused(path):
    with pytest.raises(ValueError, match="run.npz: expected numbers or strings in the array x, found objects"):
        write_checkpoint(path, {"x": np.array([{}, None])}, None)
    records = np.zeros(3, dtype=[("a", "<i4"), ("b", ">f8", (2,))])
    with pytest.raises(ValueError, match="run.npz: expected numbers or strings in the array x, found records"):
        write_checkpoint(path, {"x": records}, None)
    with pytest.raises(ValueError, match="run.npz: expected metadata of JSON types"):
        write_checkpoint(path, {}, {1, 2})
    assert not path.exists()


# What is damaged or something else is refused


def refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        read_checkpoint(path)
    assert str(caught.value).startswith(f"{path}: expected ")
    return str(caught.value)


@pytest.mark.parametrize("flip", [0x01, 0x80])
def test_a_flipped_byte_anywhere_is_noticed(path, flip):
    write_checkpoint(path, SMALL, ABOUT)
    content = path.read_bytes()
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= flip
        refused(path, damaged)
    assert "found a damaged file: its checksum differs" in refused(path, bytes([content[0], 0]) + content[2:])


def test_a_file_that_is_cut_short_is_refused_at_every_length(path):
    write_checkpoint(path, SMALL, ABOUT)
    content = path.read_bytes()
    for length in range(len(content)):
        assert "cut short" in refused(path, content[:length]) or length < 4
    refused(path, content[1:])
    refused(path, content + b"\0")
    refused(path, content + content)


@pytest.mark.parametrize("content", [b"", b"MThd", b"PK\x03\x04 broken", b"\x80\x04.", b"\x93NUMPY" + bytes(300)])
def test_other_files_are_refused(path, content):
    assert "run.npz: expected a" in refused(path, content)


def test_archives_of_others_are_refused(path):
    np.savez(path, W=np.zeros(3), about=np.array("{}"))
    assert "expected a checkpoint, found an archive without a checksum" in refused(path, path.read_bytes())


def test_another_version_is_refused(path, monkeypatch):
    monkeypatch.setattr(checkpoint, "TRAILER", checkpoint.TRAILER.replace(b"checkpoint 1 ", b"checkpoint 12 "))
    write_checkpoint(path, SMALL, ABOUT)
    monkeypatch.undo()
    found = refused(path, path.read_bytes())
    assert "expected version 1 of the checkpoint format, found version 12 (update rnnrbm_pt)" in found


def test_the_seal_is_a_digest_of_all_bytes_before_it(path):
    write_checkpoint(path, SMALL, ABOUT)
    content = path.read_bytes()
    assert content.endswith(b"rnnrbm_pt checkpoint 1 sha256:" + hashlib.sha256(content[:-64]).hexdigest().encode())


@pytest.mark.parametrize(
    "about, reason",
    [
        (np.array([{}], dtype=object), "expected an array of numbers, found a damaged one"),
        (np.array("{"), "Expecting"),
        (None, "about"),
    ],
    ids=["pickle", "no JSON", "nothing"],
)
def test_a_good_seal_under_something_else(path, about, reason):
    """Whoever makes such a file on purpose gets no further than a sentence."""
    np.savez(path, x=np.zeros(3), **({} if about is None else {"about": about}))
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"rnnrbm_pt checkpoint 1 sha256:" + bytes(64)
    content = path.read_bytes()[:-64]
    assert reason in refused(path, content + hashlib.sha256(content).hexdigest().encode())


def test_folders_and_absent_files(tmp_path):
    with pytest.raises(ValueError, match="expected a checkpoint, found a folder"):
        read_checkpoint(tmp_path)
    with pytest.raises(FileNotFoundError, match="nothing: no such file"):
        read_checkpoint(tmp_path / "nothing")


# Disks that are full, rights, several writers


def write_and_fail(path, environment, limit=0, before=()):
    command = [*before, sys.executable, "-c", WRITER, str(path), str(limit)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def assert_the_old_one_stayed(done, path, errno):
    assert done.returncode == 0, done.stderr
    number, filename, sentence, left = done.stdout.splitlines()
    assert (int(number), filename, left) == (errno, str(path), f"old 1000 {path.name}")
    assert str(path) in sentence


def test_a_file_that_may_not_grow(path, environment):
    assert_the_old_one_stayed(write_and_fail(path, environment, limit=100_000), path, errno.EFBIG)


def test_a_full_disk(tmp_path, environment):
    """A disk of 256 KiB in memory, which only the process that writes sees."""
    mount = 'mount -t tmpfs -o size=256k disk "$0" || exit 77; exec "$@"'
    if not shutil.which("unshare"):
        pytest.skip("needs unshare, to mount a small disk that nobody else sees")
    before = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, str(tmp_path)]
    if subprocess.run([*before, "true"], capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk in a namespace of one's own")
    path = tmp_path / "run.npz"
    assert_the_old_one_stayed(write_and_fail(path, environment, before=before), path, errno.ENOSPC)


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_rights_are_those_that_open_gives(path, umask):
    previous = os.umask(umask)
    try:
        write_checkpoint(path, SMALL, ABOUT)
        ordinary = path.with_name("ordinary")
        ordinary.touch()
    finally:
        os.umask(previous)
    assert path.stat().st_mode == ordinary.stat().st_mode
    path.chmod(0o640)
    write_checkpoint(path, SMALL, ABOUT)
    assert path.stat().st_mode & 0o777 == 0o640


def test_several_writers_at_once(path):
    """Each file that a reader meets is the whole of one of them."""
    n_writers, n_writes = 4, 15
    failures = []

    def write(writer):
        try:
            for i in range(n_writes):
                n = writer * n_writes + i
                write_checkpoint(path, {"x": np.full(3000, n)}, n)
        except Exception as error:
            failures.append(error)

    write(0)
    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(n_writers)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        arrays, n = read_checkpoint(path)
        assert (arrays["x"] == n).all()
    assert not failures and names_beside(path) == ["run.npz"]


# Kills


def start_endless(path, environment):
    process = subprocess.Popen([sys.executable, "-c", ENDLESS, str(path)], env=environment, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def leftovers(path):
    return [name for name in names_beside(path) if name != path.name]


def test_killed_at_random_moments(path, environment):
    write_checkpoint(path, {"a": np.zeros(1), "b": np.zeros(1)}, {"n": 0})
    moments = random.Random(0)
    interrupted = 0
    for _ in range(20):
        process = start_endless(path, environment)
        time.sleep(moments.uniform(0, 0.06))
        process.kill()
        process.communicate()
        arrays, about = read_checkpoint(path)
        assert all((array == about["n"]).all() for array in arrays.values())
        interrupted += len(leftovers(path)) > 0
        assert len(leftovers(path)) <= 1  # the next writer removes what the one before has left
    assert interrupted, "no kill came while a file was being written"
    write_checkpoint(path, SMALL, ABOUT)
    assert names_beside(path) == ["run.npz"]


def test_only_what_dead_writers_left_is_removed(path, environment):
    others = {".run-0123456789abcdef.part.np", ".run-0123.part.npz", ".run2-0123456789abcdef.part.npz", "run.npz.jsonl"}
    for name in others:
        path.with_name(name).touch()
    (path.parent / ".run-aaaaaaaaaaaaaaaa.part.npz").mkdir()
    path.with_name(".run-0123456789abcdef.part.npz").touch()
    with replacing(path) as living:
        living.write_bytes(b"half")
        write_checkpoint(path, SMALL, ABOUT)
        assert set(names_beside(path)) == others | {"run.npz", ".run-aaaaaaaaaaaaaaaa.part.npz", living.name}
        living.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"


def stop(process):
    """Stop a process, and return once it does not run any more."""
    os.kill(process.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)


def is_locked(path):
    """Whether a writer holds the lock of its file. A new file has none for a moment; then it may be removed."""
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_a_stopped_writer_lives(path, environment):
    """A process that does not run for now keeps its file, and goes on."""
    process = start_endless(path, environment)
    try:
        stop(process)
        while not [name for name in leftovers(path) if is_locked(path.with_name(name))]:
            os.kill(process.pid, signal.SIGCONT)
            time.sleep(0.002)
            stop(process)
        (living,) = leftovers(path)
        write_checkpoint(path, SMALL, ABOUT)
        assert names_beside(path) == [living, "run.npz"]
        os.kill(process.pid, signal.SIGCONT)
        while read_checkpoint(path)[1] == ABOUT:
            assert process.poll() is None
            time.sleep(0.002)
    finally:
        process.kill()
        process.communicate()
