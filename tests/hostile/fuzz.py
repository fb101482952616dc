"""Fuzz every file reader: ``python -m tests.hostile.fuzz``.

Each input is made from a good file. Either some bytes are replaced, left out or doubled, or the file is built again
with odd values and a valid checksum. A reader may accept the input, or raise a ValueError or an OSError that names the
file. For each reader, the program prints the number of inputs, the slowest input, and the input that increased the
memory of the process most. It keeps the inputs on which a reader fails, and then exits with status 1.
"""

import argparse
import json
import random
import resource
import struct
import sys
import tempfile
import time
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

if __name__ == "__main__":  # the folder of tests, which is on the path in tests
    sys.path.insert(0, str(Path(__file__).parents[1]))

from hostile.makers import WORDS, array_of, entries_of, header, npy, resealed, sealed, text_of
from hostile.readers import CONTAINER, NOTES, READERS, SCORE, stopped_model, taken, zip_of

ODD = (
    None, True, False, 0, 1, -1, 2, 0.5, 624, 2**31, 2**63, 10**18, 10**400, -0.0, float("nan"), float("inf"), 1e308,
    "", "abc", "\x1b[2J", "srs", "mrg", "philox", "float32", "gaussian", "RnnRbm", "Rtrbm", "\ud800",
    [], {}, [[]], [0, 0], [1.5, "a"], {"a": None}, [21, 33], [33, 21],
    {"schedule": "WarmUp", "then": {"schedule": "Step"}, "over": 0},
)  # fmt: skip
BYTES = (0x00, 0x01, 0x7F, 0x80, 0xF0, 0xF7, 0xFF, 0x28, 0x5D, 0x7D, 0x2E, 0x73, 0x30, 0x39)


def mutated(content, draw):
    """Flip, replace, leave out, double or cut off some of the bytes."""
    content = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 5, 20))):
        if not content:
            break
        at, other, n = draw.randrange(len(content)), draw.randrange(len(content)), draw.choice((1, 1, 1, 2, 4, 8))
        piece = content[at : at + n]
        flipped = bytes([piece[0] ^ 1 << draw.randrange(8)]) + piece[1:]
        repeated = piece * draw.choice((2, 2, 3, 50))
        others = draw.randbytes(n), bytes([draw.choice(BYTES)]), content[other : other + n]
        content[at : at + n] = draw.choice((flipped, b"", repeated, *others))
        if draw.random() < 0.03:
            del content[at:]
    return bytes(content)


def with_odd_value(value, draw):
    """Replace one value in a JSON document by an odd one, or add or delete a key."""
    if isinstance(value, (dict, list)) and value and draw.random() < 0.85:
        value = value.copy()
        place = draw.choice(list(value) if isinstance(value, dict) else range(len(value)))
        if draw.random() < 0.1 and isinstance(value, dict):
            value[draw.choice(("a", "n_hidden", "k", "train", "epoch"))] = draw.choice(ODD)
        elif draw.random() < 0.1:
            del value[place]
        else:
            value[place] = with_odd_value(value[place], draw)
        return value
    return draw.choice(ODD)


SHAPES = ((10**12,), (0, 10**15), (), (3,) * 40, "(" * 50, (2**31, 2**31))
TYPES = ("f4", "f8", "i4", "u4", "u1", "?", "U3", "M8[s]", "c16")


def odd_array(array, draw):
    """A .npy file, as bytes, of an array with an odd shape, type or content."""
    raw = bytearray(array.tobytes())
    for _ in range(min(len(raw), draw.randrange(1, 9))):
        raw[draw.randrange(len(raw))] = draw.choice((0, 255, draw.randrange(256)))
    full = np.full(array.shape, draw.choice((0, 1, -1, 2.0**40, np.nan, np.inf)))
    reshaped = array.reshape(-1)[: draw.randrange(5)], array[np.newaxis], np.zeros(array.shape, draw.choice(TYPES))
    others = [npy(one) for one in (np.ndarray(array.shape, array.dtype, bytes(raw)), full, *reshaped)]
    return draw.choice((mutated(npy(array), draw), header(draw.choice(SHAPES), array.dtype.str), *others))


def odd_model(draw):
    """A model file with something odd in it, and a valid checksum."""
    entries = entries_of(stopped_model())
    if draw.random() < 0.5:
        metadata = json.loads(str(array_of(entries["about.npy"])))
        text = json.dumps(with_odd_value(metadata, draw))
        entries["about.npy"] = text_of(mutated(text.encode(), draw).decode("latin-1") if draw.random() < 0.3 else text)
    else:
        name = draw.choice(list(entries))
        if draw.random() < 0.1:
            del entries[name]
        elif name != "about.npy":
            entries[name] = odd_array(array_of(entries[name]), draw)
    deflated = ("about.npy", draw.choice(list(entries))) if draw.random() < 0.1 else ("about.npy",)
    return sealed(entries, deflated)


def odd_zip(content, draw):
    """A zip file with the same members, of which one is odd."""
    entries = entries_of(content)
    name = draw.choice(list(entries))
    entries[name] = mutated(entries[name], draw)
    if draw.random() < 0.2:
        entries[draw.choice(("../a.mid", "/a.mid", "a\\b.mid", "é.mid", "a/" * 200 + "b.mid"))] = b"MThd"
    return zip_of(entries, draw.choice((0, 8, 8, 8, 12, 14)))


TEXTS = ("-5", "1e9999", "0", "999999999", "1.5", "H", "", "&lt;", "9" * 400, "1/3", "nan")


def odd_score(draw):
    """A score with odd tags or numbers."""
    score = SCORE
    for _ in range(draw.choice((1, 1, 3))):
        parts = score.replace("<", "\0<").replace(">", ">\0").split("\0")
        at = draw.randrange(len(parts))
        again = parts[max(0, at - draw.randrange(40)) : at + 1] * draw.choice((2, 300))
        parts[at : at + 1] = draw.choice(([draw.choice(TEXTS)], [draw.choice(parts)], again, []))
        score = "".join(parts)
    return zip_of({"META-INF/container.xml": CONTAINER, "score.xml": score})


TIMES = (b"\0", b"\0", b"\x60", b"\x83\x60", b"\xff\xff\xff\x7f", b"\xff" * 9 + b"\x7f")
EVENTS = (
    "903c5a 903c5a 803c00 3c00 3e5a 992450 c07f e07f7f f1 f77f f00200f7 90ff00 ff2f00 ff010003 ff03041b5b324a "
    "ff51030f4240 ff5103000000 ff5103ffffff ff510100 ff5902fd01 ff5902807f ff580400ff0000 ff5405ff00000000"
).split()


def odd_midi(draw):
    """A MIDI file of valid or nearly valid events, with odd numbers in its header."""
    tracks = b""
    for _ in range(draw.randrange(5)):
        events = [draw.choice(TIMES) + bytes.fromhex(draw.choice(EVENTS)) for _ in range(draw.randrange(60))]
        body = b"".join(events) + b"\0\xff\x2f\0"
        tracks += b"MTrk" + draw.choice((len(body),) * 9 + (0, 7, 2**31)).to_bytes(4, "big") + body
    kind, n_tracks = draw.choice((0, 1, 1, 1, 2, 9)), draw.choice((0, 1, 4, 2**16 - 1))
    numbers = draw.choice((6, 6, 6, 7, 2**31)), kind, n_tracks, draw.choice((0, 1, 96, 96, 2**15, 59176))
    return b"MThd" + struct.pack(">LHHH", *numbers) + tracks


NUMBERS_AND_MEMO = (b"K<", b"K\x80", b"I60\n", b"h\0", b"q\0", b"h\1", b"q\1")
STEPS = (*(bytes([byte]) for byte in b"(]})aelstud\x85\x86\x87\x94.0N"), *NUMBERS_AND_MEMO, *WORDS, b"S'test'\n")


def odd_pickle(draw):
    """Pickle instructions in random order, most of which the reader allows."""
    return b"".join(draw.choices(STEPS, k=draw.randrange(1, 60))) + b"."


@cache
def seeds_of(name):
    """The good files for a reader."""
    return READERS[name].seeds()


def fuzzed(name, seed):
    """An input for a reader, as bytes. Equal seeds give equal inputs."""
    draw = random.Random(seed)
    content = draw.choice(seeds_of(name))
    if draw.random() < 0.4:
        return mutated(content, draw)
    match name:
        case "model":
            return odd_model(draw)
        case "log" if content.startswith(b"PK"):
            return odd_model(draw) if draw.random() < 0.5 else resealed(mutated(content, draw))
        case "log" if content.startswith(b"{"):
            records = [json.loads(line) for line in content.splitlines()]
            odd = [with_odd_value(record, draw) for record in records]
            return "\n".join(map(json.dumps, odd)).encode()
        case "recording":
            return resealed(mutated(content, draw))
        case "recording_json":
            return json.dumps(with_odd_value(json.loads(content), draw)).encode()
        case "store":
            lines = [json.loads(line) for line in READERS["store"].seeds()[0].splitlines()]
            which = draw.randrange(len(lines))
            lines[which] = with_odd_value(lines[which], draw)
            return "".join(json.dumps(line) + "\n" for line in lines).encode()
        case "json":
            return json.dumps(with_odd_value(NOTES, draw)).encode()
        case "pickle":
            return odd_pickle(draw)
        case "mxl":
            return odd_score(draw)
        case "zip" | "npz" | "arrays":
            return odd_zip(content, draw)
        case "midi":
            return odd_midi(draw)
    return mutated(mutated(content, draw), draw)


def with_few_graphs(reader):
    """The reader of models, which reuses a model for all files with equal settings, since building graphs is slow."""
    from rnnrbm_pt import RnnRbm

    class Once(RnnRbm):
        made = {}

        def __new__(cls, **settings):
            return cls.made.get(repr(settings)) or super().__new__(cls)

        def __init__(self, **settings):
            if repr(settings) not in self.made:
                super().__init__(**settings)
                if len(self.made) == 50:
                    self.made.clear()
                self.made[repr(settings)] = self

    return reader._replace(read=lambda path: reader.read(path, {"RnnRbm": Once}))


def fuzz(name, n_inputs, seconds, first, kept):
    """Fuzz a reader with the seeds from `first` on, and print the costs. Exit with status 1 if the reader fails."""
    reader, faults, done, slowest, grown = READERS[name], 0, 0, (0.0, first), (0, first)
    if name == "model":
        reader = with_few_graphs(reader)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"fuzzed{reader.suffix}")
        for content in reader.seeds():  # first, so that imports and caches are not counted for an input
            path.write_bytes(content)
            reader.read(path)
        base = highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for seed in range(first, first + n_inputs):
            if time.monotonic() - started > seconds:
                break
            content = fuzzed(name, seed)
            path.write_bytes(content)
            began = time.perf_counter()
            _, fault = taken(reader, path)
            slowest = max(slowest, (time.perf_counter() - began, seed))
            done += 1
            now = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            if now > highest:
                grown, highest = max(grown, (now - highest, seed)), now
            if fault is not None:
                faults += 1
                if faults <= 10:
                    kept.mkdir(parents=True, exist_ok=True)
                    (kept / f"{name}-{seed}{reader.suffix}").write_bytes(content)
                    print(f"{name}, seed {seed}: {fault}", flush=True)
    took, (slow, seed), unit = time.monotonic() - started, slowest, 2**20 if sys.platform == "darwin" else 2**10
    memory = f"grew by {grown[0] / unit:.0f} MB (seed {grown[1]}), {(highest - base) / unit:.0f} MB in all"
    costs = f"slowest {slow:.3f} s (seed {seed}); memory {memory}"
    print(f"{name:<7}{done:>8,} inputs in {took:4.0f} s, {faults} faults; {costs}", flush=True)
    sys.exit(int(faults > 0))


def main():
    """Fuzz the readers one by one, each in its own process, so that a crash only ends that reader."""
    parser = argparse.ArgumentParser(description="Feed hostile inputs to every file reader.")
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"readers to fuzz: {', '.join(READERS)} (all)")
    parser.add_argument("--inputs", type=int, default=100_000, metavar="N", help="number of inputs per reader (100000)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="time limit per reader in seconds (none)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first input (0)")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-faults"), help="folder for failing inputs")
    args = parser.parse_args()
    failed, options = False, (args.inputs, args.seconds, args.seed, args.keep)
    for name in args.readers or READERS:
        process = get_context("spawn").Process(target=fuzz, args=(name, *options))
        process.start()
        process.join()
        failed |= process.exitcode != 0
        if process.exitcode not in (0, 1):
            print(f"{name}: the process exited with status {process.exitcode}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
