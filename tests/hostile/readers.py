"""Every file reader, with files that it can read."""

import io
import json
import pickle
import zipfile
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from oracles.midi_bytes import END, midi, track

from rnnrbm_pt.io.named_arrays import read_named_arrays
from rnnrbm_pt.io.pickled_arrays import read_pickled_arrays
from rnnrbm_pt.music.folders import INDEX
from rnnrbm_pt.music.frames import NoteFrames
from rnnrbm_pt.music.midi import midiread, midiwrite
from rnnrbm_pt.music.musicxml import quarter_roll, read_mxl
from rnnrbm_pt.music.roll_files import read_roll_file
from rnnrbm_pt.music.sources import midi_files, read_midi_files
from rnnrbm_pt.music.store import BITS, Header, RollStore, digest_of

NOTES = {
    "train": [[[60], [62, 64], []], [[65]]],
    "valid": [[[60, 67]]],
    "test": [[[21]], [[108]]],
}


class Reader(NamedTuple):
    """A file reader.

    Attributes
    ----------
    suffix : str
        Suffix of its files.
    read : callable
        ``read(path)`` returns something, or raises a ValueError or an OSError that names the file.
    seeds : callable
        ``seeds()`` returns some files that it can read, as bytes.
    """

    suffix: str
    read: object
    seeds: object


def read_midi_of_zip(path):
    """Read all MIDI files of a zip file. Raise the error of an unreadable file only if no file can be read."""
    errors = []
    found = list(read_midi_files(midi_files(path), on_broken=lambda file, error: errors.append((str(file), error))))
    for name, error in errors:
        if not isinstance(error, (ValueError, OSError)) or not str(error).startswith(name):
            raise AssertionError(f"a file without its name in {error!r}")
    if errors and not found:
        raise errors[0][1]
    return found


def load_model(path, classes=()):
    from rnnrbm_pt.models.base import SequenceModel
    from rnnrbm_pt.models.compiling import AS_WRITTEN

    model = SequenceModel.load(path, mode=AS_WRITTEN, classes=classes)
    for stream in model.streams.streams:  # with a state out of bounds, draws would read memory that is not theirs
        value = stream.get_value()
        if isinstance(value, np.random.Generator):
            value.random(700)
    model.random_state.permutation(700)
    return model


def read_log(path):
    from rnnrbm_pt.reference import Pair, compare, fitting_recorded_run, notes, read_run

    run = read_run(path)
    notes(run, fitting_recorded_run(run))
    str(Pair(run, run, bool(run.updates)))
    return str(compare(run.log, all_epochs=True))


def midi_seeds():
    buffer = io.BytesIO()
    midiwrite(buffer, np.random.default_rng(0).random((12, 88)) < 0.05, dt=0.3)
    everything = midi(
        track("00 ff5103 07a120", "00 ff5902 fd01", "00 ff5804 04021808", "00 ff0305 736f6e6731", END),
        track("00 f0 05 7e7f0901f7", "00 c0 07", "00 90 3c 5a", "14 3d 5a", "14 3c 00", "0a 3d 00", END),
    )
    return [buffer.getvalue(), everything]


def zip_of(files, method=zipfile.ZIP_DEFLATED):
    """A zip file of {name: bytes}."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def read_store(path):
    """Read all rolls of a store whose index is the given file. The frames are those of `store_index`."""
    folder = path.with_name(path.name + ".store")
    folder.mkdir(exist_ok=True)
    (folder / INDEX).write_bytes(path.read_bytes())
    (folder / BITS).write_bytes(b"".join(store_bits()))
    store = RollStore(folder)
    return list(store), list(store.broken())


def store_bits():
    """The packed frames of two pieces."""
    return bytes(range(11 * 5)), bytes(11 * 3)


def store_index():
    """The index of a store of four files: two pieces, a copy of the first piece, and a broken file."""
    one, two = (digest_of(packed).hex() for packed in store_bits())
    frames = NoteFrames()
    lines = [
        Header(frames, 4, "ab").to_json(),
        {"name": "a.mid", "n_frames": 5, "tempo": 120.0, "key": "C major", "digest": one},
        {"name": "b.mid", "n_frames": 3, "outside": 2, "digest": two},
        {"name": "c.mid", "n_frames": 5, "digest": one, "same_as": 0},
        {"name": "d.mid", "broken": "d.mid: expected a MIDI file, found an empty one"},
        {"end": [3, 1, 11 * 8]},
    ]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


CONTAINER = '<container><rootfiles><rootfile full-path="score.xml"/></rootfiles></container>'
SCORE = (
    "<score-partwise><part><measure><attributes><divisions>2</divisions>"
    "<transpose><chromatic>-2</chromatic><octave-change>1</octave-change></transpose></attributes>"
    "<note><pitch><step>C</step><alter>1</alter><octave>4</octave></pitch><duration>2</duration></note>"
    "<note><chord/><pitch><step>E</step><octave>4</octave></pitch><duration>2</duration></note>"
    "<backup><duration>1</duration></backup><forward><duration>3</duration></forward>"
    "<note><rest/><duration>1</duration></note></measure></part>"
    "<part><measure><note><pitch><step>G</step><octave>3</octave></pitch><duration>4</duration></note></measure></part>"
    "</score-partwise>"
)


def mxl_of(score):
    """A compressed score with the given XML."""
    return zip_of({"META-INF/container.xml": CONTAINER, "score.xml": score})


def rolls_npz():
    """Piano-rolls as packed bits."""
    arrays = {}
    for split, sequences in NOTES.items():
        frames = np.zeros((sum(map(len, sequences)), 88), np.uint8)
        for t, notes in enumerate(frame for one in sequences for frame in one):
            frames[t, [note - 21 for note in notes]] = 1
        arrays[f"{split}_lengths"] = np.array([len(one) for one in sequences], dtype=np.int32)
        arrays[f"{split}_frames"] = np.packbits(frames)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def stopped_model():
    """The model file of a stopped run in tests/data."""
    return (Path(__file__).parents[1] / "data" / "format2_stopped.npz").read_bytes()


def log_seeds():
    records = [{"epoch": i, "monitor": -7.5 / i, "norms": {"W": 1.5}, "seconds": 0.1} for i in (1, 2, 198)]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    printed = "Epoch 1/200 -15.03\nEpoch 2/200\n-10.0\nEpoch 3/200  -7.1  (0.5 s, 12,345 frames/s)\n"
    return [lines.encode(), printed.encode(), stopped_model()]


def recording_seeds():
    """A recording of Theano as an archive."""
    return [(Path(__file__).parents[1] / "data" / "theano" / "recording.npz").read_bytes()]


def json_recording_seeds():
    """A recording of Theano as JSON, and a log with updates."""
    from rnnrbm_pt.reference import read_recording, write_recording

    with TemporaryDirectory() as folder:
        path = Path(folder, "recording.json")
        write_recording(path, read_recording(Path(__file__).parents[1] / "data" / "theano" / "recording.npz"))
        content = path.read_bytes()
    run = {"model": "RnnRbm", "floatX": "float32", "streams": "mrg", "r": [21, 33], "k": 3, "data": "12"}
    record = {"epoch": 1, "monitor": -7.5, "updates": 2, "frames": 9, "monitors": [-8.0, -7.0], "run": run}
    return [content, (json.dumps(record) + "\n").encode()]


def pickled_seeds():
    """Arrays and shared variables, pickled by Theano, NumPy and Python 2."""
    arrays = {"W": np.eye(3), "bv": np.ones(3, "f4")}
    written = [path.read_bytes() for path in sorted((Path(__file__).parents[1] / "data").glob("*.pkl"))]
    return [*written, *(pickle.dumps(arrays, n) for n in (0, 2, 5))]


def named_arrays():
    """Parameters in an .npz file."""
    buffer = io.BytesIO()
    np.savez(buffer, W=np.eye(3), bv=np.ones(3, "f4"))
    return buffer.getvalue()


READERS = {
    "midi": Reader(".mid", midiread, midi_seeds),
    "own midi": Reader(".mid", partial(midiread, tempo="file", pedal=True, keep_short=True), midi_seeds),
    "mxl": Reader(".mxl", lambda path: quarter_roll(read_mxl(path)), lambda: [mxl_of(SCORE)]),
    "zip": Reader(".zip", read_midi_of_zip, lambda: [zip_of({"a/b.mid": midi_seeds()[0], "a/c.mid": midi_seeds()[1]})]),
    "npz": Reader(".npz", read_roll_file, lambda: [rolls_npz()]),
    "json": Reader(".json", read_roll_file, lambda: [json.dumps(NOTES).encode()]),
    "pickle": Reader(".pickle", read_roll_file, lambda: [pickle.dumps(NOTES, n) for n in (0, 2, 4)]),
    "pickled": Reader(".pkl", read_pickled_arrays, pickled_seeds),
    "arrays": Reader(".npz", read_named_arrays, lambda: [named_arrays()]),
    "model": Reader(".npz", load_model, lambda: [stopped_model()]),
    "log": Reader(".jsonl", read_log, log_seeds),
    "recording": Reader(".npz", read_log, recording_seeds),
    "recording_json": Reader(".json", read_log, json_recording_seeds),
    "store": Reader(".jsonl", read_store, lambda: [store_index()]),
}


def taken(reader, path):
    """Let a reader read a file.

    Parameters
    ----------
    reader : Reader
    path : pathlib.Path

    Returns
    -------
    read : bool
        Whether the reader read the file instead of refusing it.
    fault : str or None
        What is wrong with the error, if anything.
    """
    try:
        reader.read(path)
    except (ValueError, OSError) as error:
        if path.name not in str(error):
            return False, f"an error without the name of the file: {error!r:.300}"
        if not str(error).isprintable() or len(str(error)) > 1000:
            return False, f"an error that is not printable, or too long: {error!r:.300}"
    except Exception as error:
        return False, f"{type(error).__name__} instead of a ValueError: {error!s:.300}"
    else:
        return True, None
    return False, None
