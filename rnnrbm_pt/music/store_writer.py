"""Write a store of piano-rolls. Several processes read MIDI files, and one process writes the rolls in order.

Nothing written is lost: after an interruption at any time, writing continues after the last complete line of the index.
So the same files give the same bytes, with any number of processes and attempts.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from signal import SIG_IGN, SIGINT, signal
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from rnnrbm_pt.io.archives import open_archive
from rnnrbm_pt.io.atomic_write import FilePath, claimed
from rnnrbm_pt.music.folders import INDEX
from rnnrbm_pt.music.frames import NoteFrames
from rnnrbm_pt.music.sources import ZipMember
from rnnrbm_pt.music.store import BITS, LONGEST_LINE, Found, Header, digest_of, read_index
from rnnrbm_pt.quoting import printable

N_AT_ONCE = 32
"""Number of files that a process reads at a time. The store is saved to disk each time."""

Place = tuple[str, str]
"""A path, and the name inside it if the path is a zip file, else ""."""


class Counts(NamedTuple):
    """Counts of a store.

    Attributes
    ----------
    pieces, broken, duplicates : int
        Numbers of files that were read, that are unreadable, and that have the same frames as an earlier file.
    frames : int
    before : int
        Number of files that were in the store before this call.
    """

    pieces: int
    broken: int
    duplicates: int
    frames: int
    before: int


def write_store(
    path: FilePath,
    files: Sequence[Path | ZipMember],
    frames: NoteFrames,
    *,
    jobs: int = 1,
    overwrite: bool = False,
    on_files: Callable[[int], object] | None = None,
) -> Counts:
    """Read MIDI files into a store, or continue an unfinished one.

    Parameters
    ----------
    path : path-like
        The folder of the store; created if it is missing.
    files : list of pathlib.Path and ZipMember
        As returned by `midi_files`.
    frames : NoteFrames
        Settings to read the files with.
    jobs : int
        Number of processes that read. With 1, this process reads; otherwise processes are spawned.
    overwrite : bool
        Whether to replace an existing store.
    on_files : callable, optional
        Called after every few files with the number of files written since the last call.

    Returns
    -------
    Counts

    Raises
    ------
    ValueError
        If the store holds other files or was made with other settings, if another process is writing it, or if none of
        the files can be read.
    OSError
        If the store cannot be written, or a process ended early.
    """
    path = Path(path)
    places = [_place_of(file) for file in files]
    header = Header(frames, len(places), sha256(json.dumps(places).encode()).hexdigest()[:32])
    with claimed(path / INDEX):
        if overwrite:
            (path / INDEX).unlink(missing_ok=True)
        found = _found(path, header)
        if found is None:
            (path / BITS).write_bytes(b"")
            (path / INDEX).write_bytes(_line(header.to_json()))
            found = read_index(path / INDEX)
        before = found.n_files
        if not found.finished:
            with open(path / BITS, "r+b") as bits, open(path / INDEX, "r+b") as index:
                writer = _Writer(bits, index, found)
                for chunk in _read_by(jobs, places[before:], frames):
                    writer.write(chunk)
                    if on_files is not None:
                        on_files(len(chunk))
                writer.finish()
            found = read_index(path / INDEX)
    if not len(found.pieces):
        with open(path / INDEX, "rb") as file:
            file.seek(found.broken[0])
            first = json.loads(file.readline(LONGEST_LINE))["broken"]
        raise ValueError(
            f"{path}: expected readable MIDI files, found {len(places):,} unreadable ones; the first error is {first}"
        )
    pieces = found.pieces
    n_same = int((pieces["same_as"] >= 0).sum())
    return Counts(len(pieces), len(found.broken), n_same, int(pieces["n_frames"].sum()), before)


def _found(path: Path, header: Header) -> Found | None:
    """The index of an existing store, or None."""
    index, bits = path / INDEX, path / BITS
    if not index.exists() or b"\n" not in index.read_bytes()[:LONGEST_LINE]:  # killed while writing the first line
        return None
    found = read_index(index, bits.stat().st_size if bits.exists() else 0)
    if found.header.frames != header.frames:
        raise ValueError(
            f"{index}: expected a store with {header.frames}, found {found.header.frames}; --overwrite replaces it"
        )
    if found.header != header:
        raise ValueError(
            f"{index}: expected a store of these {header.n_files:,} files, found one of {found.header.n_files:,} "
            "other files; --overwrite replaces it"
        )
    return found


class _Writer:
    """Appends pieces to a store. Frames are saved to disk before the index lines that refer to them."""

    def __init__(self, bits: BinaryIO, index: BinaryIO, found: Found) -> None:
        self.bits, self.index = bits, index
        for file, end in ((bits, found.n_bytes), (index, found.end)):
            file.truncate(end)
            file.seek(end)
        self.n_pieces, self.n_broken, self.n_bytes = len(found.pieces), len(found.broken), found.n_bytes
        first = np.flatnonzero(found.pieces["same_as"] < 0)
        digests = found.pieces["digest"]
        self.known = {digests[i].tobytes(): int(i) for i in first}

    def write(self, chunk: list[tuple[dict[str, Any], bytes]]) -> None:
        lines = []
        for described, packed in chunk:
            if "broken" in described:
                self.n_broken += 1
            else:
                digest = digest_of(packed)
                described = {**described, "digest": digest.hex()}
                if digest in self.known:
                    described["same_as"] = self.known[digest]
                else:
                    self.known[digest] = self.n_pieces
                    self.bits.write(packed)
                    self.n_bytes += len(packed)
                self.n_pieces += 1
            lines.append(_line(described))
        _flush(self.bits)
        self.index.write(b"".join(lines))
        self.index.flush()

    def finish(self) -> None:
        self.index.write(_line({"end": [self.n_pieces, self.n_broken, self.n_bytes]}))
        _flush(self.index)


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _line(described: dict[str, Any]) -> bytes:
    return json.dumps(described).encode("ascii") + b"\n"


# ---------------------------------------------------------------------------------------------------
# Reading MIDI files


def _place_of(file: Path | ZipMember) -> Place:
    return (str(file.archive.filename), file.name) if isinstance(file, ZipMember) else (str(file), "")


@lru_cache(maxsize=4)
def _opened(path: str) -> Any:
    return open_archive(Path(path))


def read_places(places: Sequence[Place], frames: NoteFrames) -> list[tuple[dict[str, Any], bytes]]:
    """Read MIDI files. For each file, return an index entry without its digest, and the packed frames.

    Parameters
    ----------
    places : list of (path, name inside a zip file or "")
    frames : NoteFrames

    Returns
    -------
    list of (dict, bytes)
    """
    read: list[tuple[dict[str, Any], bytes]] = []
    for path, inside in places:
        file = ZipMember(_opened(path), inside) if inside else Path(path)
        name = str(file)[:1000]

        def on_broken(file: Any, error: Exception, name: str = name) -> None:
            read.append(({"name": name, "broken": printable(str(error), 1000)}, b""))

        for found, piece in frames.preprocess.read_each([file], frames.r, frames.dt, on_broken=on_broken):
            key = str(piece.key) if piece.key is not None else found.key_signature
            described = {
                "name": name,
                "n_frames": len(piece.roll),
                **({} if found.tempo is None else {"tempo": round(found.tempo, 3)}),
                **({} if key is None else {"key": key}),
            }
            counts = {"shift": piece.shift, "outside": found.n_outside, "drums": found.n_drums, "moved": found.n_moved}
            described |= {what: int(n) for what, n in counts.items() if n}
            read.append((described, np.packbits(piece.roll, axis=1).tobytes()))
    return read


def _read_by(jobs: int, places: Sequence[Place], frames: NoteFrames) -> Iterator[list[tuple[dict[str, Any], bytes]]]:
    """Results of `read_places` for all places in order, a chunk at a time, from one or more processes."""
    chunks = (places[start : start + N_AT_ONCE] for start in range(0, len(places), N_AT_ONCE))
    if jobs == 1:
        for chunk in chunks:
            yield read_places(chunk, frames)
        return
    with ExitStack() as stack:
        readers = [stack.enter_context(_reader(frames)) for _ in range(min(jobs, -(-len(places) // N_AT_ONCE)))]
        waiting: list[Connection] = []
        for chunk in islice(chunks, 2 * len(readers)):  # one chunk to read now and one to read next
            waiting.append(readers[len(waiting) % len(readers)])
            _exchange(waiting[-1], chunk)
        while waiting:
            reader = waiting.pop(0)
            found = _exchange(reader)
            for chunk in islice(chunks, 1):
                _exchange(reader, chunk)
                waiting.append(reader)
            yield found


def _exchange(reader: Connection, chunk: Sequence[Place] | None = None) -> Any:
    """Send a chunk of places to a process; or, without a chunk, receive a result."""
    found = None
    try:
        if chunk is not None:
            reader.send(chunk)
        else:
            found = reader.recv()
    except (EOFError, ConnectionError):
        raise OSError("a process that reads MIDI files ended early; run the same command again to continue") from None
    if isinstance(found, Exception):
        raise found
    return found


@contextmanager
def _reader(frames: NoteFrames) -> Iterator[Connection]:
    """Spawn a process that reads the places sent to it until the connection is closed."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, frames), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        process.terminate()
        process.join()


def _serve(connection: Connection, frames: NoteFrames) -> None:
    signal(SIGINT, SIG_IGN)  # the writing process handles Ctrl+C
    while True:
        try:
            places = connection.recv()
        except (EOFError, OSError):  # the writing process has ended or was killed
            return
        try:
            found: Any = read_places(places, frames)
        except Exception as error:  # the writing process raises it
            found = error
        try:
            connection.send(found)
        except OSError:
            return
