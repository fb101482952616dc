"""Piano-rolls on disk, for data sets larger than memory: a file of packed bits and an index.

    rolls = RollStore("corpus")     # a folder that `rnnrbm prepare` wrote
    RnnRbm(r=rolls.frames.r).fit(rolls)

`frames.bits` has the frames of all pieces in order, each packed with `numpy.packbits`. `index.jsonl` has one line of
JSON for the settings, one line per file in order, and a last line with their counts. A store is not finished until the
last line is written.
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
LONGEST_LINE = 2**16  # bytes, of a line of the index
PIECE = np.dtype([("start", "<i8"), ("n_frames", "<i4"), ("same_as", "<i4"), ("line", "<i8"), ("digest", "V16")])
"""The data kept in memory for each piece: 40 bytes."""
PACKED = struct.Struct("<qiiq16s")
"""The layout of `PIECE` for the struct module."""


def digest_of(packed: bytes) -> bytes:
    """A hash of packed frames, 16 bytes long."""
    return hashlib.sha256(packed).digest()[:16]


class Header(NamedTuple):
    """The first line of an index: settings of the frames and the files that the pieces come from.

    Attributes
    ----------
    frames : NoteFrames
        Settings used to read the files.
    n_files : int
    files : str
        A hash of the names of all files.
    """

    frames: NoteFrames
    n_files: int
    files: str

    def to_json(self) -> dict[str, Any]:
        """Convert to a dict that `json.dumps` accepts and `from_json` reads."""
        frames = self.frames
        read = {"r": list(frames.r), "dt": frames.dt, "preprocess": frames.preprocess.to_json()}
        return {"format": FORMAT, "version": VERSION, **read, "n_files": self.n_files, "files": self.files}

    @classmethod
    def from_json(cls, described: Any) -> Self:
        """Make the header that `to_json` described; raise ValueError if the description is invalid."""
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
    """The position of a piece in a store.

    Attributes
    ----------
    start, n_frames : int
        Offset of the first byte in the packed frames, and number of frames.
    same_as : int
        Index of the first piece with the same frames, or -1.
    line : int
        Offset of the piece's line in the index.
    digest : bytes
        `digest_of` the packed frames.
    """

    start: int
    n_frames: int
    same_as: int
    line: int
    digest: bytes


class Pieces:
    """A list of pieces that takes 40 bytes per piece."""

    def __init__(self) -> None:
        self.content = bytearray()

    def __len__(self) -> int:
        return len(self.content) // PACKED.size

    def __getitem__(self, i: int) -> Piece:
        return Piece(*PACKED.unpack_from(self.content, i * PACKED.size))

    def append(self, piece: Piece) -> None:
        """Append a piece."""
        self.content += PACKED.pack(*piece)

    def array(self) -> np.ndarray:
        """All pieces as an array of `PIECE`."""
        return np.frombuffer(bytes(self.content), PIECE)


class Found(NamedTuple):
    """The content of an index.

    Attributes
    ----------
    header : Header
    pieces : array of PIECE
    broken : array of int
        Offsets of the lines of unreadable files.
    n_bytes : int
        Number of bytes of packed frames.
    end : int
        Offset of the end of the valid lines. Anything after it was not written completely.
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
        """Number of files with a line in the index."""
        return len(self.pieces) + len(self.broken)


def read_index(path: Path, n_bytes: int | None = None) -> Found:
    """Read an index, which may be unfinished.

    Parameters
    ----------
    path : pathlib.Path
    n_bytes : int, optional
        Size of the file of packed frames. The first piece that extends beyond it and all later lines are ignored.

    Returns
    -------
    Found

    Raises
    ------
    ValueError
        If the file is not an index or has another version. The message names the file and the line.
    """
    with open(path, "rb") as file:
        reader = _Lines(file, path)
        first = reader.next_line()
        if first is None:
            raise ValueError(f"{path}: expected the index of a store of piano-rolls, found no complete line")
        header = reader.named(lambda: Header.from_json(parse_json(first, 10)))
        width = (header.frames.n_visible + 7) // 8
        pieces, total, finished = Pieces(), 0, False
        broken: list[int] = []
        end = reader.end
        while (line := reader.next_line()) is not None:
            if finished:
                raise ValueError(f"{path}: expected nothing after the line of counts, found more lines")
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
    """Return a line after the first one of an index; raise ValueError if it is invalid."""
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
        raise ValueError(f"expected a digest of 32 hexadecimal digits, found {quoted(digest)}")
    if "same_as" in described:
        same_as = integer("same_as", described["same_as"], 0, len(pieces) - 1)
        first = pieces[same_as]
        if (described["n_frames"], bytes.fromhex(digest)) != (first.n_frames, first.digest):
            raise ValueError(f"expected the frames of piece {same_as}, found others")
    return described


class _Lines:
    """Reader of the complete lines of a file. `start` and `end` are the offsets of the line read last."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.path, self.number, self.start, self.end = file, path, 0, 0, 0

    def next_line(self) -> bytes | None:
        """The next line; None at the end of the file or if the line is incomplete."""
        line = self.file.readline(LONGEST_LINE)
        if not line.endswith(b"\n"):
            if len(line) == LONGEST_LINE:
                number = self.number + 1
                raise ValueError(f"{self.path}: line {number}: expected {LONGEST_LINE:,} bytes at most, found more")
            return None
        self.number, self.start, self.end = self.number + 1, self.end, self.end + len(line)
        return line

    def named(self, parse: Any) -> Any:
        """Call a function, and add the file and the line to the message of its ValueError."""
        try:
            return parse()
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise ValueError(f"{self.path}: line {self.number}: expected JSON, found something else") from None
        except ValueError as error:
            raise ValueError(f"{self.path}: line {self.number}: {printable(str(error), 500)}") from None


class RollStore(Sequence[np.ndarray]):
    """The sequence of piano-rolls in a store. A roll is read from disk on access.

    Parameters
    ----------
    path : path-like
        The folder of the store.

    Attributes
    ----------
    frames : NoteFrames
        Range of notes, seconds per frame and preprocessing of the rolls.
    lengths : array of int
        Number of frames of each piece.
    same_as : array of int
        For each piece, the index of the first earlier piece with the same frames, or -1.

    Raises
    ------
    FileNotFoundError
        If there is no store.
    ValueError
        If the store has another version, or is unfinished, damaged or incomplete. The message names the file.
    """

    def __init__(self, path: FilePath) -> None:
        self.path = Path(path)
        for name in (INDEX, BITS):
            if not (self.path / name).is_file():
                raise FileNotFoundError(f"{self.path / name}: no such file; `rnnrbm prepare` writes a store")
        found = read_index(self.path / INDEX)
        if not found.finished:
            raise ValueError(
                f"{self.path / INDEX}: expected {found.header.n_files:,} files, found {found.n_files:,}: the store is "
                "not finished or was cut short; run the same `rnnrbm prepare` again to continue it"
            )
        n_bytes = (self.path / BITS).stat().st_size
        if n_bytes != found.n_bytes:
            raise ValueError(f"{self.path / BITS}: expected {found.n_bytes:,} bytes as in the index, found {n_bytes:,}")
        self.frames, self._found = found.header.frames, found
        self.lengths, self.same_as = found.pieces["n_frames"], found.pieces["same_as"]
        self._width = (self.frames.n_visible + 7) // 8

    def __repr__(self) -> str:
        return f"RollStore({str(self.path)!r})"

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: Any) -> Any:
        """Read a roll, an array of uint8 of shape (n_steps, n_visible), or the list of rolls of a slice.

        Raises
        ------
        IndexError
        ValueError
            If the frames on disk are damaged.
        """
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        i = range(len(self))[index]
        start, n_frames, digest = (self._found.pieces[name][i] for name in ("start", "n_frames", "digest"))
        # Read instead of memory-mapped, since mapped pages would count towards the memory of the process.
        with open(self.path / BITS, "rb") as file:
            file.seek(start)
            packed = file.read(n_frames * self._width)
        if digest_of(packed) != digest.tobytes():
            raise ValueError(f"{self.path / BITS}: piece {i} is damaged: its frames differ from those written")
        rows = np.frombuffer(packed, np.uint8).reshape(n_frames, self._width)
        return np.unpackbits(rows, axis=1, count=self.frames.n_visible)

    def describe(self, index: int) -> dict[str, Any]:
        """Read the index entry of a piece.

        Returns
        -------
        dict
            Always: name, n_frames and digest. If known: tempo (the first one in the file, in quarter notes per minute)
            and key. If not 0: shift (semitones by which the piece was moved up), and the numbers of notes outside,
            drums and moved. For a duplicate: same_as.
        """
        return self._line(self._found.pieces["line"][range(len(self))[index]])

    def broken(self) -> Iterator[dict[str, Any]]:
        """The index entries of unreadable files: dicts with the keys name and broken (the reason)."""
        return map(self._line, self._found.broken)

    def _line(self, start: int) -> dict[str, Any]:
        with open(self.path / INDEX, "rb") as file:
            file.seek(start)
            return json.loads(file.readline(LONGEST_LINE))
