"""Makers of hostile files for each reader. Each of these files once crashed it, hung it, or took gigabytes."""

import hashlib
import io
import json
import struct
import zipfile

import numpy as np
from oracles.midi_bytes import END, midi, track

from hostile.readers import CONTAINER, SCORE, mxl_of, stopped_model, store_index, zip_of

# ---------------------------------------------------------------------------------------------------
# Model files with valid checksums


def entries_of(content):
    """The members of a zip file, as {name: bytes}."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def sealed(entries, deflated=("about.npy",)):
    """A model file of {name: bytes}, with a valid checksum."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in entries.items():
            method = zipfile.ZIP_DEFLATED if name in deflated else zipfile.ZIP_STORED
            archive.writestr(name, content, method)
        archive.comment = b"rnnrbm_pt checkpoint 1 sha256:" + bytes(64)
    return resealed(buffer.getvalue())


def resealed(content):
    """The same bytes, with their valid checksum."""
    content = content[:-64]
    return content + hashlib.sha256(content).hexdigest().encode()


def npy(array):
    """The bytes of the .npy file of an array."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def array_of(content):
    """The inverse of `npy`."""
    return np.load(io.BytesIO(content))


def text_of(metadata):
    """The .npy file of a JSON text."""
    return npy(np.array(metadata if isinstance(metadata, str) else json.dumps(metadata)))


def model_with(change=None, arrays=None, text=None):
    """The file of the stopped model, with a changed text or changed arrays.

    Parameters
    ----------
    change : callable, optional
        ``change(metadata)`` changes the JSON document in place.
    arrays : dict {name: array or bytes}, optional
        Arrays to add or replace.
    text : str, optional
        The whole JSON text.

    Returns
    -------
    bytes
    """
    entries = entries_of(stopped_model())
    metadata = json.loads(str(array_of(entries.pop("about.npy"))))
    if change is not None:
        change(metadata)
    for name, array in (arrays or {}).items():
        entries[f"{name}.npy"] = array if isinstance(array, bytes) else npy(array)
    return sealed({**entries, "about.npy": text_of(metadata if text is None else text)})


def setting(name, value):
    """A change of one constructor setting."""
    return lambda metadata: metadata["settings"].update({name: value})


def entry(name, value):
    """A change of one entry of the JSON document."""
    return lambda metadata: metadata.update({name: value})


def progress(name, value):
    """A change of one entry of the progress."""
    return lambda metadata: metadata["progress"].update({name: value})


def twister(position, key=None):
    """The state of a Mersenne Twister at a position."""
    key = np.arange(1, 625, dtype=np.uint32) if key is None else key
    return np.append(key, np.uint32(position))


def header(shape, descr="<f8"):
    """A .npy file with a header and without content."""
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text


def with_shared_bytes():
    """A zip file with a hundred directory entries for one array."""
    entries = {"x00.npy": npy(np.zeros(100_000)), **{f"x{i:02}.npy": b"" for i in range(1, 100)}}
    content = bytearray(sealed(entries))
    first = content.index(b"PK\1\2")
    at = first
    while (at := content.find(b"PK\1\2", at + 1)) >= 0:
        content[at + 16 : at + 28] = content[first + 16 : first + 28]  # checksum and sizes
        content[at + 42 : at + 46] = content[first + 42 : first + 46]  # place
    return resealed(bytes(content))


def nest_schedules(metadata):
    """Give the learning rate 900 nested schedules."""
    schedule = {"schedule": "Constant", "value": 1.0}
    for _ in range(900):
        schedule = {"schedule": "WarmUp", "then": schedule, "over": 1}
    metadata["learning"]["schedule"] = {"lr": schedule}


ODD = ([1], {"a": 10**400}, -(10**400))
ODD_PLACES = {
    **dict.fromkeys(("k", "dt", "r", "streams", "nonlinearity", "preprocess"), setting),
    **dict.fromkeys(("model", "settings", "version", "log", "progress", "learning"), entry),
    **dict.fromkeys(("order", "monitors", "epoch", "num_epochs"), progress),
}
TAKEN = {("monitors", 0)}
"""Odd values that are valid in their place: a list of numbers is valid as the monitors of a run."""

ODD_MODELS = {
    "a shuffling position beyond the key": lambda: model_with(arrays={"shuffle_key": twister(10**6)}),
    "a stream's position beyond the key": lambda: model_with(arrays={"stream_0": twister(625)}),
    "a key of zeros": lambda: model_with(arrays={"stream_0": twister(0, np.zeros(624, np.uint32))}),
    "a state of floats": lambda: model_with(arrays={"stream_0": np.full(625, np.nan)}),
    "a normal number that is not finite": lambda: model_with(arrays={"shuffle_gauss": np.array([1, np.nan])}),
    "slots of another shape": lambda: model_with(arrays={"slot_adam_m_W": np.zeros(7)}),
    "slots of texts": lambda: model_with(arrays={"slot_adam_m_W": np.full((12, 8), "x")}),
    "parameters that are complex": lambda: model_with(arrays={"W": np.ones((12, 8), complex)}),
    "a carried state of one axis": lambda: model_with(arrays={"carried_0": np.ones(3)}),
    "an order that is no permutation": lambda: model_with(progress("order", [0, 0, 1])),
    "a schedule within schedules": lambda: model_with(nest_schedules),
    **{
        f"{what}, odd {i}": lambda change=change, what=what, value=value: model_with(change(what, value))
        for what, change in ODD_PLACES.items()
        for i, value in enumerate(ODD)
        if (what, i) not in TAKEN
    },
}
"""Model files with odd contents. For some of them, the model is built before the fault is found."""

LARGE_MODELS = {
    "20 million hidden units": lambda: model_with(setting("n_hidden", 20_000_000)),
    "20 million recurrent units": lambda: model_with(setting("n_hidden_recurrent", 20_000_000)),
    "20 million visible units": lambda: model_with(
        lambda metadata: metadata["settings"].update(r=None, n_visible=20_000_000, visible="gaussian")
    ),
    "an array of 10^12": lambda: model_with(arrays={"extra": header((10**12,))}),
    "an empty array of 10^18": lambda: model_with(arrays={"extra": header((10**18, 0))}),
    "texts of no length": lambda: model_with(arrays={"extra": header((10**12,), "<U0")}),
    "a header that is an expression": lambda: model_with(arrays={"extra": header("(" * 100 + ")" * 100)}),
    "a type that NumPy lacks": lambda: model_with(arrays={"extra": header((0,), "<f3")}),
    "a text of 400 million characters": lambda: sealed({"about.npy": header((), "<U400000000") + bytes(2**20)}),
    "a deflated text of 68 MiB": lambda: sealed({"about.npy": npy(np.array(" " * (17 * 2**20)))}),
    "a text of a million lists": lambda: model_with(text="[" + "[]," * 1_000_000 + "[]]"),
    "a text beyond Unicode": lambda: sealed({"about.npy": header((), "<U2") + b"\xff" * 8}),
    "lists of 100,000 levels": lambda: model_with(text="[" * 100_000 + "]" * 100_000),
    "deflated arrays": lambda: sealed({"x.npy": npy(np.zeros(10**7))}, deflated=("x.npy",)),
    "arrays that share their bytes": with_shared_bytes,
    "a file that is no array": lambda: sealed({**entries_of(stopped_model()), "x.txt": b"x"}),
    "a text that is an array": lambda: sealed({"about.npy": npy(np.zeros(3))}),
}
"""Model files that claim to be larger than they are, or that expand to something large."""


# ---------------------------------------------------------------------------------------------------
# Pickles


def tuples(n):
    """n nested tuples as the key of a dict, so that hashing the key recurses n times."""
    return b"}" + b")" + b"\x85" * n + b"K\1s."


def doubled(n, last):
    """n nested tuples, each of which contains the next one twice: 2^n tuples if each is visited."""
    steps = b"".join(b"q%ch%ch%c\x86" % (i, i, i) for i in range(n))
    return last.replace(b"KEY", b")" + steps)


WORDS = (b"X\5\0\0\0train", b"X\5\0\0\0valid", b"X\4\0\0\0test")

PICKLES = {
    "a key of tuples 150,000 deep": lambda: tuples(150_000),
    "a key of 2^50 tuples": lambda: doubled(50, b"}KEYK\1s."),
    "a key of 2^50 tuples out of a list": lambda: doubled(50, b"}(KEYK\1u."),
    "a dict of marks": lambda: doubled(50, b"(KEYK\1d."),
    "two dicts": lambda: b"}" * 30 + b".",
    "a list of 2^30 notes": lambda: (
        b"}X\5\0\0\0train](K<K<e"
        + b"".join(b"q%c(h%ch%cl" % (i, i, i) for i in range(30))
        + b"X\5\0\0\0valid]X\4\0\0\0test]u."
    ),
    "two million marks": lambda: b"(" * 2_000_001 + b".",
    "a memo of four million": lambda: b"]" + b"\x94" * 4_000_000 + b".",
    "words for notes": lambda: (
        b"}X\5\0\0\0trainX\5\0\0\0trainsX\5\0\0\0validX\5\0\0\0trainsX\4\0\0\0testX\5\0\0\0trains."
    ),
}


# ---------------------------------------------------------------------------------------------------
# Scores


def score_with(old, new):
    """The score with one piece of text replaced."""
    assert old in SCORE
    return mxl_of(SCORE.replace(old, new))


DURATION = "<duration>2</duration>"
FORWARD = "<forward><duration>1</duration></forward>"
MEASURE = "<measure><attributes><divisions>{}</divisions></attributes>" + FORWARD + "</measure>"
ENTITY = f'<!DOCTYPE a [<!ENTITY a "{"<a/>" * 1000}">]>'

SCORES = {
    **{
        f"a duration of {value}": lambda value=value: score_with(DURATION, f"<duration>{value}</duration>")
        for value in ("1e20000000", "999999999", "-1", "1/3", "nan", "9" * 5000, "")
    },
    **{
        f"an octave of {value}": lambda value=value: score_with("<octave>3</octave>", f"<octave>{value}</octave>")
        for value in ("-5", "99", "9" * 400, "9" * 5000, "")
    },
    "an alteration that is infinite": lambda: score_with("<alter>1<", "<alter>1e999<"),
    "an alteration of 300 digits": lambda: score_with("<alter>1<", "<alter>1e300<"),
    "no divisions": lambda: score_with("<divisions>2<", "<divisions>0<"),
    "a backup beyond the beginning": lambda: score_with("<backup><duration>1<", "<backup><duration>9<"),
    "divisions of many primes": lambda: mxl_of(
        f"<score-partwise><part>{''.join(MEASURE.format(n) for n in range(9001, 16383, 2))}</part></score-partwise>"
    ),
    "entities": lambda: mxl_of(ENTITY + f"<score-partwise>{'&a;' * 5000}</score-partwise>"),
    "a million tags": lambda: mxl_of("<score-partwise>" + "<a/>" * 1_000_000 + "</score-partwise>"),
    "tags 100,000 deep": lambda: mxl_of("<part>" * 100_000),
    "many parts of many measures": lambda: mxl_of(
        "<score-partwise><part>" + "<measure/>" * 1000 + "</part>" + "<part/>" * 1000 + "</score-partwise>"
    ),
    "a score of 20 MiB of blanks": lambda: mxl_of(" " * (20 * 2**20)),
    "no such score": lambda: zip_of({"META-INF/container.xml": CONTAINER}),
    "a link without a name": lambda: zip_of({"META-INF/container.xml": "<c><rootfiles><rootfile/></rootfiles></c>"}),
}


# ---------------------------------------------------------------------------------------------------
# Zip files, rolls, logs


def patched(content, offset, value):
    """A zip file with a field of its first directory entry overwritten."""
    content = bytearray(content)
    at = content.index(b"PK\1\2") + offset
    content[at : at + len(value)] = value
    return bytes(content)


def song(name="a.mid", content=b"MThd"):
    return zip_of({name: content})


ZIPS = {
    "a place before the file": lambda: patched(song(), 42, b"\xff\xff\xff\x7f"),
    "LZMA": lambda: zip_of({"a.mid": b"MThd"}, zipfile.ZIP_LZMA),
    "damaged LZMA": lambda: patched(song(), 10, struct.pack("<H", zipfile.ZIP_LZMA)),
    "an unknown method": lambda: patched(song(), 10, struct.pack("<H", 77)),
    "a version of 25": lambda: patched(song(), 6, b"\xff"),
    "a name that moves the cursor": lambda: patched(song(), 46, b"\x1b"),
    "a member that swells": lambda: song(content=bytes(2**25)),
    "200,000 entries": lambda: song().replace(b"PK\1\2", b"PK\1\2" * 200_000, 1),
    "no entries but a mark": lambda: b"PK\5\6" + bytes(18),
}


def of_many_frames():
    """Rolls of 3 million frames in all, where each split alone is within the limit for all splits."""
    lengths = npy(np.full(10, 100_000))
    frames = npy(np.zeros(11_000_000, np.uint8))
    splits = "train", "valid", "test"
    return zip_of(
        {f"{split}_{what}.npy": x for split in splits for what, x in (("lengths", lengths), ("frames", frames))}
    )


NPZ = {
    "3 million frames": of_many_frames,
    "an array of 10^12": lambda: zip_of({"train_lengths.npy": header((10**12,), "<i4")}),
    "lengths of half a gigabyte": lambda: zip_of({"train_lengths.npy": header((2**27,), "<i4") + bytes(2**25)}),
    "a damaged header": lambda: zip_of({"train_lengths.npy": header((3,)).replace(b"'", b'"')}),
    "a header of expressions": lambda: zip_of({"train_lengths.npy": header("(" * 3000)}),
    "damaged LZMA": lambda: patched(song("train_lengths.npy"), 10, struct.pack("<H", zipfile.ZIP_LZMA)),
}

JSON = {
    "lists of 100,000 levels": lambda: b"[" * 100_000,
    "three million lists": lambda: b"[" + b"[]," * 3_000_000 + b"[]]",
    "a number of 4,000 digits": lambda: b'{"train": [[[' + b"9" * 4000 + b']]], "valid": [[[60]]], "test": [[[60]]]}',
    "a key of a million letters": lambda: b'{"' + b"x\\u001b" * 100_000 + b'": 1}',
    "17 MiB": lambda: b" " * (17 * 2**20),
}


def record(**changed):
    return json.dumps({"epoch": 1, "monitor": -1.0, **changed}).encode() + b"\n"


LOGS = {
    "a monitor of 400 digits": lambda: record(monitor=10**400) + record(),
    "a printed monitor of 100,000 digits": lambda: b"Epoch 1/2 " + b"9" * 100_000 + b"x\n",
    "a printed epoch of 5,000 digits": lambda: b"Epoch " + b"9" * 5000 + b"/2 -1.0\n",
    "an epoch of 300 digits": lambda: record(epoch=-(10**300)) + record(),
    "seconds that are no number": lambda: b"Epoch x/2 -1.0 (1.2.3 s, ,, frames/s)\n",
    "records 100,000 deep": lambda: b'{"a": ' + b"[" * 100_000 + b"\n" + record(),
    "a million lists": lambda: record(a=[[]] * 1_000_000) + record(),
    "33 MiB": lambda: record() + b"\n" * (33 * 2**20),
    "more than 100,000 epochs": lambda: b"Epoch 1/1 -1\n" * 100_001,
    "a model's text of 68 MiB": lambda: LARGE_MODELS["a deflated text of 68 MiB"](),
    "a model's text of 400 million characters": lambda: LARGE_MODELS["a text of 400 million characters"](),
    "a model's text beyond Unicode": lambda: LARGE_MODELS["a text beyond Unicode"](),
    "a model's log that is invalid": lambda: ODD_MODELS["log, odd 1"](),
    "damaged LZMA": lambda: patched(stopped_model(), 10, struct.pack("<H", zipfile.ZIP_LZMA)).replace(
        b"about", b"abouu"
    ),
}

MIDI = {
    "a time of a million bits": lambda: b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk\0\xff\xff\xff" + b"\xff" * 1_000_000,
    "100,000 tracks of nothing": lambda: b"MThd\0\0\0\6\0\1\xff\xff\0\x60" + b"MTrk\0\0\0\0" * 65_535,
    "half a million notes": lambda: midi(track("00 90 3c 5a", "01 3c 00 01 3c 5a" * 250_000, "01 3c 00", END)),
}

# ---------------------------------------------------------------------------------------------------
# Indices of stores


def store_with(line, **changes):
    """The index of a store, with changed entries in one line."""
    lines = [json.loads(text) for text in store_index().splitlines()]
    lines[line] |= changes
    return "".join(json.dumps(text) + "\n" for text in lines).encode()


STORES = {
    "a line without end": lambda: store_index() + b"x" * 10_000_000,
    "a million lists": lambda: store_with(1, name=[[]] * 100_000),
    "endless frames": lambda: store_with(1, n_frames=10**18),
    "fewer frames than none": lambda: store_with(1, n_frames=-5),
    "half a frame": lambda: store_with(1, n_frames=0.5),
    "a digest of other letters": lambda: store_with(1, digest="z" * 32),
    "another digest": lambda: store_with(2, digest="0" * 32),
    "equal to a later piece": lambda: store_with(3, same_as=2),
    "equal to another piece": lambda: store_with(3, same_as=1),
    "other counts": lambda: store_with(5, end=[4, 0, 88]),
    "counts of other types": lambda: store_with(5, end={"a": 1}),
    "more files than lines": lambda: store_with(0, n_files=10**9),
    "a range without notes": lambda: store_with(0, r=[50, 50]),
    "a range of many notes": lambda: store_with(0, r=[0, 10**30]),
    "preprocessing with another name": lambda: store_with(0, preprocess={"x": 1}),
    "preprocessing of another type": lambda: store_with(0, preprocess={"profiles": []}),
    "a later version": lambda: store_with(0, version=2),
    "no last line": lambda: store_index().rsplit(b"\n", 2)[0] + b"\n",
    "a torn line": lambda: store_index()[:-5],
    "a line behind the last one": lambda: store_index() + store_index().splitlines(True)[-1],
    "an empty file": lambda: b"",
}

HOSTILE = {
    "midi": MIDI,
    "mxl": SCORES,
    "zip": ZIPS,
    "npz": NPZ,
    "json": JSON,
    "pickle": PICKLES,
    "model": {**ODD_MODELS, **LARGE_MODELS},
    "log": LOGS,
    "store": STORES,
}
"""{reader: {description of the file: maker}}"""
