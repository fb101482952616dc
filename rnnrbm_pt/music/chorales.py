"""The Bach chorales in the package music21."""

import contextlib
import importlib.metadata
import importlib.util
import re
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rnnrbm_pt.io.archives import open_archive
from rnnrbm_pt.io.arrays import read_array
from rnnrbm_pt.io.atomic_write import replacing
from rnnrbm_pt.music.folders import cache_folder
from rnnrbm_pt.music.musicxml import quarter_roll, read_mxl
from rnnrbm_pt.music.pianoroll import Range
from rnnrbm_pt.music.sources import with_bar

LARGEST_ARRAY = 2**22  # bytes, of an array in the cache file; the largest one has about 400,000


class Chorales(NamedTuple):
    """Chorales, split into three sets. `names` has a list of names such as "bwv269" for each set, in the same order."""

    train: list[np.ndarray]
    valid: list[np.ndarray]
    test: list[np.ndarray]
    names: dict[str, list[str]]


def chorales(r: Range = (21, 109), progress: bool = False) -> Chorales:
    """Read Bach's four-part chorales from the installed package music21.

    These are the 364 scores with exactly four parts (soprano, alto, tenor, bass) among `corpus/bach/bwv*.mxl`, minus
    three duplicates, one of them in another key. There is one frame per quarter note; it holds the notes that sound on
    the beat (see `quarter_roll`). The chorales keep their original keys, and repeats are not played.

    The split depends on the names alone: three fifths go to train, one fifth each to valid and test. So a chorale
    stays in its set on every machine and with every version of music21. Neither the split nor the pieces are exactly
    those of Boulanger-Lewandowski, Bengio and Vincent (2012), so likelihoods cannot be compared with their table.

    The rolls are cached in a file in the user's cache folder, or in the folder that the environment variable
    RNNRBM_CACHE names.

    Parameters
    ----------
    r : (int, int)
        Half-open range of MIDI note numbers. The chorales use 36 to 81; notes outside `r` are left out.
    progress : bool
        Whether to show a progress bar on stderr. It appears only on a terminal, after one second.

    Returns
    -------
    Chorales
        train, valid, test: lists of uint8 arrays of 0 and 1, shape (n_steps, r[1] - r[0]), ordered by BWV number;
        and names, a dict with the keys "train", "valid" and "test".

    Raises
    ------
    ImportError
        If music21 is not installed.
    FileNotFoundError
        If music21 is installed without its corpus.
    ValueError
        If `r` is not a valid range of MIDI note numbers, or a score cannot be read.

    Notes
    -----
    music21 distributes the scores under the terms of its corpus (`corpus/license.txt` there): assume that commercial
    use is not allowed. This package contains none of them. Nine pairs, such as bwv227.1 and bwv227.11, share most of
    their bars without being copies. They are kept, and some pairs are divided between two sets.
    """
    low, high = r
    if not 0 <= low < high <= 128:
        raise ValueError(f"r={r}: expected (low, high) with 0 <= low < high <= 128")
    sets: dict[str, list[np.ndarray]] = {"train": [], "valid": [], "test": []}
    names: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for name, roll in _cached_chorales(_corpus_folder(), progress).items():
        split = _split_of(name)
        sets[split].append(roll[:, low:high].copy())
        names[split].append(name)
    return Chorales(**sets, names=names)


def _split_of(name):
    # A checksum of the name instead of a position in the list: adding or removing a chorale moves no other chorale.
    return ("train", "train", "train", "valid", "test")[zlib.crc32(name.encode()) % 5]


def _corpus_folder():
    # Importing music21 takes seconds. Finding its folder does not need the import.
    spec = importlib.util.find_spec("music21")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError('the chorales come from the package music21: pip install "rnnrbm-pt[corpus]"')
    folder = Path(spec.submodule_search_locations[0], "corpus", "bach")
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; music21 is installed without its corpus")
    return folder


def _read_chorales(folder, progress):
    """{name: roll of shape (n_steps, 128)}, ordered by BWV number and without duplicates."""
    rolls, seen = {}, set()
    files = sorted(folder.glob("bwv*.mxl"), key=_by_number)
    for file in with_bar(files, "reading chorales", progress):
        parts = read_mxl(file)
        if len(parts) != 4:
            continue
        roll = quarter_roll(parts)
        in_any_key = np.roll(roll, -int(roll.any(axis=0).argmax()), axis=1).tobytes()  # lowest note in column 0
        if in_any_key not in seen:
            seen.add(in_any_key)
            rolls[file.stem] = roll
    return rolls


def _by_number(file):
    return [(int(digits or -1), other) for digits, other in re.findall(r"(\d+)|(\D+)", file.stem)]


def _cached_chorales(folder, progress):
    try:
        version = importlib.metadata.version("music21")
    except importlib.metadata.PackageNotFoundError:  # a bare copy on the path, whose version is unknown
        return _read_chorales(folder, progress)
    # Increase the number at the end whenever the same corpus is read differently.
    cache = cache_folder() / f"chorales-music21-{version}-1.npz"
    rolls = _load_rolls(cache)
    if rolls is None:
        rolls = _read_chorales(folder, progress)
        with contextlib.suppress(OSError, ValueError):  # the cache only saves time
            _save_rolls(cache, rolls)
    return rolls


def _save_rolls(path, rolls):
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary,
            names=np.array(list(rolls)),
            lengths=np.array([len(roll) for roll in rolls.values()]),
            frames=np.packbits(np.concatenate(list(rolls.values())), axis=1),
        )


def _load_rolls(path):
    """The rolls in a cache file; None if it is missing, damaged, or some other file."""
    try:
        with open_archive(path) as archive:
            names, lengths, packed = (
                read_array(archive, name, path, LARGEST_ARRAY) for name in ("names", "lengths", "frames")
            )
        frames = np.unpackbits(packed, axis=1)
        if names.shape != lengths.shape or frames.shape != (lengths.sum(), 128) or lengths.min() < 1:
            return None
        pieces = np.split(frames, np.cumsum(lengths)[:-1])
        return {str(name): roll for name, roll in zip(names, pieces, strict=True)}
    except Exception:  # whatever is wrong with the cache, the scores can be read again
        return None
