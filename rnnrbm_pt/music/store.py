"""Piano-rolls on disk: packed bits in one file and an index in another, for collections larger than memory.

    rolls = RollStore("corpus")     # a folder that `rnnrbm prepare` wrote
    RnnRbm(r=rolls.frames.r).fit(rolls)

`frames.bits` has the frames of all pieces, one after the other, each frame as `numpy.packbits` gives it. `index.jsonl`
has a line of JSON for the settings, a line per file in their order, and a last line that counts them. A store without
the last line is not finished.
"""

import hashlib
import json
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self

import numpy as np

from rnnrbm_pt.checks import integer
from rnnrbm_pt.io.atomic_write import FilePath
from rnnrbm_pt.io.json_text import parse_json
from rnnrbm_pt.music.folders import INDEX
from rnnrbm_pt.music.frames import NoteFrames
from rnnrbm_pt.music.midi import MAX_FRAMES
from rnnrbm_pt.music.preprocessing import Preprocessing
from rnnrbm_pt.quoting import printable, quoted

FORMAT, VERSION = "rnnrbm_pt rolls", 1
BITS = "frames.bits"
LONGEST_LINE = 2**16  # bytes of a line of the index
PIECE = np.dtype([("start", "<i8"), ("n_frames", "<i4"), ("same_as", "<i4"), ("line", "<i8"), ("digest", "V16")])
"""What is kept in memory of a piece: 40 bytes."""
PACKED = struct.Struct("<qiiq16s")
"""The same."""


def digest_of(packed: bytes) -> bytes:
    """The 16 bytes by which packed frames are known again."""
    return hashlib.sha256(packed).digest()[:16]


class Header(NamedTuple):
    """The first line of an index: what frames are, and which files the pieces come from.

    Attributes
    ----------
    frames : NoteFrames
        How the files were read.
    n_files : int
    files : str
        A hash of the names of all files.
    """

    frames: NoteFrames
    n_files: int
    files: str

    def to_json(self) -> dict[str, Any]:
        """A dict that `json.dumps` takes and `from_json` reads."""
        frames = self.frames
        read = {"r": list(frames.r), "dt": frames.dt, "preprocess": frames.preprocess.to_json()}
        return {"format": FORMAT, "version": VERSION, **read, "n_files": self.n_files, "files": self.files}

    @classmethod
    def from_json(cls, described: Any) -> Self:
        """The header that `to_json` described; a ValueError says what is wrong with it."""
        if not isinstance(described, dict) or described.get("format") != FORMAT:
            raise ValueError("expected the index of a store of piano-rolls, found something else")
        if described.get("version") != VERSION:
            raise ValueError(f"expected a store of version {VERSION}, found version {quoted(described.get('version'))}")
        r, preprocess, files = described.get("r"), described.get("preprocess"), described.get("files")
        if not isinstance(preprocess, dict) or not isinstance(files, str):
            raise ValueError("expected a dict of preprocessing and a hash of the files, found something else")
        try:
            frames = NoteFrames(r, described.get("dt"), Preprocessing.from_json(preprocess))  # type: ignore[arg-type]
        except TypeError:
            raise ValueError(f"expected preprocessing, found {quoted(preprocess)}") from None
        return cls(frames, integer("n_files", described.get("n_files"), 1), files)


class Piece(NamedTuple):
    """Where a piece lies.

    Attributes
    ----------
    start, n_frames : int
        Its first byte in the packed frames, and how many frames it has.
    same_as : int
        The first piece with the same frames, or -1.
    line : int
        Where its line in the index begins.
    digest : bytes
        The `digest_of` its packed frames.
    """

    start: int
    n_frames: int
    same_as: int
    line: int
    digest: bytes


class Pieces:
    """A list of pieces in 40 bytes each."""

    def __init__(self) -> None:
        self.content = bytearray()

    def __len__(self) -> int:
        return len(self.content) // PACKED.size

    def __getitem__(self, i: int) -> Piece:
        return Piece(*PACKED.unpack_from(self.content, i * PACKED.size))

    def append(self, piece: Piece) -> None:
        """Add a piece."""
        self.content += PACKED.pack(*piece)

    def array(self) -> np.ndarray:
        """All pieces as an array of `PIECE`."""
        return np.frombuffer(bytes(self.content), PIECE)


class Found(NamedTuple):
    """What an index says.

    Attributes
    ----------
    header : Header
    pieces : array of PIECE
    broken : array of int
        Where the lines of the files begin that could not be read.
    n_bytes : int
        Of the packed frames.
    end : int
        Where the lines that count end; what follows was not written to its end.
    finished : bool
        Whether the last line is there.
    """

    header: Header
    pieces: np.ndarray
    broken: np.ndarray
    n_bytes: int
    end: int
    finished: bool

    @property
    def n_files(self) -> int:
        """The number of files that have a line."""
        return len(self.pieces) + len(self.broken)


def read_index(path: Path, n_bytes: int | None = None) -> Found:
    """Read an index, finished or not.

    Parameters
    ----------
    path : pathlib.Path
    n_bytes : int, optional
        The bytes of the packed frames. Lines of pieces beyond them, and all lines behind, do not count.

    Returns
    -------
    Found

    Raises
    ------
    ValueError
        If it is no index, or of another version; the sentence names the file and the line.
    """
    with open(path, "rb") as file:
        reader = _Lines(file, path)
        first = reader.next_line()
        if first is None:
            raise ValueError(f"{path}: expected the index of a store of piano-rolls, found no whole line")
        header = reader.named(lambda: Header.from_json(parse_json(first, 10)))
        width = (header.frames.n_visible + 7) // 8
        pieces, total, finished = Pieces(), 0, False
        broken: list[int] = []
        end = reader.end
        while (line := reader.next_line()) is not None:
            if finished:
                raise ValueError(f"{path}: expected nothing after the last line, found more")
            described = reader.named(lambda text=line: _checked_line(parse_json(text, 3), pieces))
            if "end" in described:
                counted = [len(pieces), len(broken), total]
                if described["end"] != counted or counted[0] + counted[1] != header.n_files:
                    raise ValueError(f"{path}: line {reader.number}: expected the counts {counted}, found others")
                finished = True
            elif "broken" in described:
                broken.append(reader.start)
            else:
                n_frames, same_as = described["n_frames"], described.get("same_as", -1)
                start = total if same_as < 0 else pieces[same_as].start
                size = n_frames * width if same_as < 0 else 0
                if n_bytes is not None and total + size > n_bytes:
                    break
                pieces.append(Piece(start, n_frames, same_as, reader.start, bytes.fromhex(described["digest"])))
                total += size
            end = reader.end
    return Found(header, pieces.array(), np.array(broken, np.int64), total, end, finished)


def _checked_line(described: Any, pieces: Pieces) -> dict[str, Any]:
    """A line of an index behind the first one; a ValueError says what is wrong with it."""
    if not isinstance(described, dict):
        raise ValueError(f"expected a dict, found {quoted(described)}")
    if "end" in described:
        return described
    if not isinstance(described.get("name"), str):
        raise ValueError(f"expected the name of a file, found {quoted(described)}")
    if "broken" in described:
        return described
    integer("n_frames", described.get("n_frames"), 0, MAX_FRAMES)
    digest = described.get("digest")
    if not isinstance(digest, str) or len(digest) != 32 or set(digest) - set("0123456789abcdef"):
        raise ValueError(f"expected a digest of 32 letters, found {quoted(digest)}")
    if "same_as" in described:
        same_as = integer("same_as", described["same_as"], 0, len(pieces) - 1)
        first = pieces[same_as]
        if (described["n_frames"], bytes.fromhex(digest)) != (first.n_frames, first.digest):
            raise ValueError(f"expected the frames of piece {same_as}, found others")
    return described


class _Lines:
    """Whole lines of a file, one by one: `start` and `end` are the places of the last one."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.path, self.number, self.start, self.end = file, path, 0, 0, 0

    def next_line(self) -> bytes | None:
        """The next line; None if there is none, or none that was written to its end."""
        line = self.file.readline(LONGEST_LINE)
        if not line.endswith(b"\n"):
            if len(line) == LONGEST_LINE:
                raise ValueError(f"{self.path}: line {self.number + 1}: expected {LONGEST_LINE:,} bytes at most")
            return None
        self.number, self.start, self.end = self.number + 1, self.end, self.end + len(line)
        return line

    def named(self, parse: Any) -> Any:
        """What a function returns, whose ValueError gets the name of the file and the line."""
        try:
            return parse()
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise ValueError(f"{self.path}: line {self.number}: expected JSON, found something else") from None
        except ValueError as error:
            raise ValueError(f"{self.path}: line {self.number}: {printable(str(error), 500)}") from None


class RollStore(Sequence[np.ndarray]):
    """The piano-rolls of a store, each of which is read when it is taken.

    Parameters
    ----------
    path : path-like
        The folder.

    Attributes
    ----------
    frames : NoteFrames
        Range of notes, seconds and preprocessing of the rolls.
    lengths : array of int
        Frames of each piece.
    same_as : array of int
        For each piece the first piece with the same frames, if that comes before it; otherwise -1.

    Raises
    ------
    FileNotFoundError
        If there is no store.
    ValueError
        If the store is of another version, not finished, damaged or cut short; the sentence names the file.
    """

    def __init__(self, path: FilePath) -> None:
        self.path = Path(path)
        for name in (INDEX, BITS):
            if not (self.path / name).is_file():
                raise FileNotFoundError(f"{self.path / name}: no such file; `rnnrbm prepare` writes a store")
        found = read_index(self.path / INDEX)
        if not found.finished:
            raise ValueError(
                f"{self.path / INDEX}: the store is not finished, or was cut short: it has {found.n_files:,} of "
                f"{found.header.n_files:,} files; the same `rnnrbm prepare` continues it"
            )
        n_bytes = (self.path / BITS).stat().st_size
        if n_bytes != found.n_bytes:
            raise ValueError(f"{self.path / BITS}: expected {found.n_bytes:,} bytes, by the index, found {n_bytes:,}")
        self.frames, self._found = found.header.frames, found
        self.lengths, self.same_as = found.pieces["n_frames"], found.pieces["same_as"]
        self._width = (self.frames.n_visible + 7) // 8

    def __repr__(self) -> str:
        return f"RollStore({str(self.path)!r})"

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: Any) -> Any:
        """A roll, array of uint8 of shape (n_steps, n_visible); or the list of rolls of a slice.

        Raises
        ------
        IndexError
        ValueError
            If the frames are not those that were written.
        """
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        i = range(len(self))[index]
        start, n_frames, digest = (self._found.pieces[name][i] for name in ("start", "n_frames", "digest"))
        # Read, not mapped: pages that are mapped stay in the memory of the process, more of them with every piece.
        with open(self.path / BITS, "rb") as file:
            file.seek(start)
            packed = file.read(n_frames * self._width)
        if digest_of(packed) != digest.tobytes():
            raise ValueError(f"{self.path / BITS}: piece {i} is damaged: its frames are not those that were written")
        rows = np.frombuffer(packed, np.uint8).reshape(n_frames, self._width)
        return np.unpackbits(rows, axis=1, count=self.frames.n_visible)

    def describe(self, index: int) -> dict[str, Any]:
        """What the index says of a piece.

        Returns
        -------
        dict
            name, n_frames, digest; where known tempo (quarter notes per minute, the first one of the file) and key;
            where not 0 shift (semitones that it was moved up), outside, drums and moved (notes); same_as.
        """
        return self._line(self._found.pieces["line"][range(len(self))[index]])

    def broken(self) -> Iterator[dict[str, Any]]:
        """The files that could not be read: dicts of name and broken, the reason."""
        return map(self._line, self._found.broken)

    def _line(self, start: int) -> dict[str, Any]:
        with open(self.path / INDEX, "rb") as file:
            file.seek(start)
            return json.loads(file.readline(LONGEST_LINE))
