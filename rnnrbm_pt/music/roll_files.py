"""Files of piano-rolls: the paper's .pickle, the same lists as .json, and packed bits in .npz."""

import math
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from rnnrbm_pt.io.archives import open_archive
from rnnrbm_pt.io.arrays import read_array
from rnnrbm_pt.io.atomic_write import FilePath, read_bytes
from rnnrbm_pt.io.json_text import parse_json
from rnnrbm_pt.music.paper_sets import SPLITS, R
from rnnrbm_pt.music.pickled import MAX_BYTES, load_plain
from rnnrbm_pt.quoting import printable, quoted

SUFFIXES = (".npz", ".pickle", ".pkl", ".json")

# The largest set has 783 sequences and 392,296 frames. The longest sequence has 4,273 frames.
MAX_SEQUENCES = 20_000
MAX_FRAMES = 2_000_000
MAX_LENGTH = 100_000
MAX_NOTES = 10_000_000
MAX_JSON = 16 * 2**20  # bytes
MAX_CONTAINERS = 2_000_000  # lists in a JSON file


def read_roll_file(path: FilePath) -> dict[str, list[np.ndarray]]:
    """Read a file of piano-rolls.

    Parameters
    ----------
    path : path-like
        One of

        - .pickle or .pkl, the authors' format: a dict with the keys "train", "valid" and "test". Each value is a list
          of sequences, a sequence is a list of frames, and a frame is a list or tuple of the MIDI note numbers that
          sound. Nothing in a pickle is executed; see `load_plain`.
        - .json: the same as JSON.
        - .npz: two arrays for each S of train, valid and test. `S_lengths` has the number of frames of each sequence.
          `S_frames` is `np.packbits` of all frames, as one matrix of 88 columns flattened row by row.

    Returns
    -------
    dict of list of ndarray, shape (n_steps, 88)
        Keys are "train", "valid" and "test". The arrays are uint8, 0 and 1, time first; column i is MIDI note 21 + i.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If the file cannot be read.
    ValueError
        If the file has another format or is damaged, has notes outside 21 to 108, or is far larger than the sets.
    """
    path = Path(path)
    label = str(path)
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return _read_npz(path, label)
    if suffix not in SUFFIXES:
        raise ValueError(f"{label}: expected a file of {', '.join(SUFFIXES)}, found {suffix or 'no suffix'}")
    if suffix == ".json":
        return rolls_of(_load_json(read_bytes(path, "a file of piano-rolls", MAX_JSON), label), label)
    return rolls_of(load_plain(read_bytes(path, "a file of piano-rolls", MAX_BYTES), label), label)


def rolls_of(described: Any, label: str) -> dict[str, list[np.ndarray]]:
    """Convert the note numbers in a pickle or a JSON file to piano-rolls.

    Parameters
    ----------
    described : dict of list of list of list of int
        Note numbers, by split ("train", "valid", "test"), sequence and frame.
    label : str
        Start of error messages.

    Returns
    -------
    dict of list of ndarray, shape (n_steps, 88)

    Raises
    ------
    ValueError
        If the structure is another one, there are notes outside 21 to 108, or it is far larger than the sets.
    """
    if type(described) is not dict or set(described) != set(SPLITS):
        found = type(described).__name__
        if type(described) is dict:
            found = ", ".join(sorted(map(quoted, list(described)[:5]))) or "an empty one"
        raise ValueError(f"{label}: expected a dict of train, valid and test, found {printable(found)}")
    sequences = [(split, described[split]) for split in SPLITS]
    for split, inside in sequences:
        _check_list(inside, f"{label}: {split}", "a list of sequences")
    _check_count(sum(len(inside) for _, inside in sequences), MAX_SEQUENCES, "sequences", label)
    for split, inside in sequences:
        for i, frames in enumerate(inside):
            _check_list(frames, f"{label}: {split}, sequence {i}", "a list of frames")
            _check_count(len(frames), MAX_LENGTH, "frames", f"{label}: {split}, sequence {i}")
    # Containers may be shared, so a small file can describe a huge set. Count before allocating anything.
    _check_count(sum(map(len, chain.from_iterable(inside for _, inside in sequences))), MAX_FRAMES, "frames", label)
    n_notes = 0
    for split, inside in sequences:
        for i, frames in enumerate(inside):
            n_notes += _count_notes(frames, f"{label}: {split}, sequence {i}")
            _check_count(n_notes, MAX_NOTES, "notes", label)
    return {
        split: [_roll_of(frames, f"{label}: {split}, sequence {i}") for i, frames in enumerate(inside)]
        for split, inside in sequences
    }


def _count_notes(frames, label):
    if not set(map(type, frames)) <= {list, tuple}:
        wrong = next(frame for frame in frames if type(frame) not in (list, tuple))
        raise ValueError(f"{label}: expected frames that are lists of note numbers, found {_short(wrong)}")
    lengths = [len(frame) for frame in frames]
    low, high = R
    _check_count(max(lengths), high - low, "notes in a frame", label)
    return sum(lengths)


def _roll_of(frames, label):
    """Convert a list of frames to an array, shape (n_frames, 88)."""
    low, high = R
    lengths = [len(frame) for frame in frames]
    notes = list(chain.from_iterable(frames))
    if not set(map(type, notes)) <= {int}:  # isinstance would accept a bool
        wrong = next(note for note in notes if type(note) is not int)
        raise ValueError(f"{label}: expected integer note numbers, found {_short(wrong)}")
    if notes and not (low <= min(notes) and max(notes) < high):
        wrong = next(note for note in notes if not low <= note < high)
        raise ValueError(f"{label}: expected notes from {low} to {high - 1}, found {_short(wrong)}")
    roll = np.zeros((len(frames), high - low), dtype=np.uint8)
    roll[np.repeat(np.arange(len(frames)), lengths), np.array(notes, dtype=np.uint8) - low] = 1
    return roll


def _check_list(value, label, expected):
    if type(value) not in (list, tuple):
        raise ValueError(f"{label}: expected {expected}, found {_short(value)}")
    if not value:
        raise ValueError(f"{label}: expected {expected}, found an empty one")


def _check_count(count, most, what, label):
    if count > most:
        raise ValueError(f"{label}: expected {most:,} {what} at most, found {count:,}")


def _short(value):
    """A short description of a value: a number itself, otherwise the type."""
    plain = type(value) in (int, float) or value is None
    return quoted(value) if plain else f"a value of type {type(value).__name__}"


def _load_json(content, label):
    try:
        return parse_json(content, MAX_CONTAINERS)
    except ValueError as err:
        raise ValueError(f"{label}: not a JSON file, or a damaged one ({printable(str(err))})") from err


# ---------------------------------------------------------------------------------------------------
# .npz


def _read_npz(path, label):
    low, high = R
    rolls, total = {}, 0
    with open_archive(path) as archive:
        for split in SPLITS:
            lengths = read_array(archive, f"{split}_lengths", label, 8 * MAX_SEQUENCES)
            _check_lengths(lengths, split, label)
            packed = read_array(archive, f"{split}_frames", label, MAX_FRAMES * (high - low) // 8)
            n_frames = int(lengths.sum())
            total += n_frames
            _check_count(total, MAX_FRAMES, "frames", label)
            n_bits = n_frames * (high - low)
            if packed.dtype != np.uint8 or packed.shape != (math.ceil(n_bits / 8),):
                raise ValueError(
                    f"{label}: {split}_frames: expected {math.ceil(n_bits / 8):,} bytes for {n_frames:,} frames, "
                    f"found {packed.dtype} of shape {packed.shape}"
                )
            frames = np.unpackbits(packed, count=n_bits).reshape(n_frames, high - low)
            rolls[split] = np.split(frames, np.cumsum(lengths)[:-1])
    return rolls


def _check_lengths(lengths, split, label):
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or not 1 <= len(lengths) <= MAX_SEQUENCES:
        raise ValueError(
            f"{label}: {split}_lengths: expected from 1 to {MAX_SEQUENCES:,} integers, "
            f"found {lengths.dtype} of shape {lengths.shape}"
        )
    # Each length is checked before their sum, which could overflow.
    if lengths.min() < 1 or lengths.max() > MAX_FRAMES or lengths.sum(dtype=np.int64) > MAX_FRAMES:
        raise ValueError(
            f"{label}: {split}_lengths: expected lengths above 0, {MAX_FRAMES:,} frames in total at most, "
            f"found {lengths.min()} to {lengths.max()}"
        )
