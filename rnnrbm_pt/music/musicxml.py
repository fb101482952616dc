"""Read the notes of compressed MusicXML files (.mxl) without a notation library."""

import re
import zipfile
from collections.abc import Sequence
from fractions import Fraction
from itertools import zip_longest
from xml.etree import ElementTree

import numpy as np

from rnnrbm_pt.io.archives import open_archive, unpack
from rnnrbm_pt.io.atomic_write import FilePath
from rnnrbm_pt.quoting import printable, quoted

PartNote = tuple[Fraction, Fraction, int]
Measure = tuple[Fraction, list[PartNote]]
"""Length of a measure in quarter notes, and its notes, with times from the start of the measure."""

_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}

# Limits for one file, far above any chorale.
MAX_BYTES = 16 * 2**20  # of the unpacked score
MAX_MARKS = 1_000_000  # tags and attributes
MAX_PARTS = 200
MAX_MEASURES = 20_000
MAX_QUARTERS = 10_000  # quarter notes
MAX_DENOMINATOR = 10**6  # of a time in quarter notes
NUMBER = re.compile(r"\s*\d{1,9}(?:\.\d{0,6})?\s*", re.ASCII)


def read_mxl(filename: FilePath) -> list[list[PartNote]]:
    """Read the notes of each part of a compressed MusicXML file.

    A measure begins at the same time in all parts, when the longest part has finished the measure before. So a pickup
    measure is as short as it is written. Repeats are not played. Grace notes, cue notes and unpitched percussion are
    left out. Transposing instruments give the sounding pitch.

    Parameters
    ----------
    filename : str or path-like
        A .mxl file with a partwise score.

    Returns
    -------
    list of list of (Fraction, Fraction, int)
        The notes of each part: start and end in quarter notes from the beginning of the score, and MIDI note number.
        Tied notes are listed separately; each ends where the next one begins.

    Raises
    ------
    ValueError
        If the file is not an .mxl file, or its score is unreadable, has notes outside 0 to 127, or is far larger than
        any chorale.
    FileNotFoundError
        If there is no such file.
    """
    try:
        score = ElementTree.fromstring(_score_text(filename))
        if score.tag != "score-partwise":
            raise ValueError(f"expected a partwise score, found <{score.tag}>")
        parts = score.findall("part")
        if len(parts) > MAX_PARTS:
            raise ValueError(f"expected {MAX_PARTS} parts at most, found {len(parts):,}")
        return _together([_part_measures(part) for part in parts])
    except (ElementTree.ParseError, KeyError, TypeError, ValueError, OverflowError) as err:
        found = printable(str(err).removeprefix(f"{filename}: "), 200)
        raise ValueError(f"{filename}: not readable as compressed MusicXML ({found})") from err


def _together(measures: list[list[Measure]]) -> list[list[PartNote]]:
    """The notes of each part, given the measures of each part."""
    parts: list[list[PartNote]] = [[] for _ in measures]
    start = Fraction(0)
    for row in zip_longest(*measures, fillvalue=(Fraction(0), [])):
        for part, (_, notes) in zip(parts, row, strict=True):
            part.extend((start + onset, start + end, pitch) for onset, end, pitch in notes)
        start = _checked_time(start + max(length for length, _ in row))
    return parts


def _checked_time(time: Fraction) -> Fraction:
    """Return a time in quarter notes, after a check that keeps numbers from growing without limit."""
    if not 0 <= time <= MAX_QUARTERS:
        raise ValueError(f"expected times from 0 to {MAX_QUARTERS:,} quarter notes, found {quoted(float(time))}")
    if time.denominator > MAX_DENOMINATOR:
        raise ValueError(f"expected {MAX_DENOMINATOR:,} divisions of a quarter note at most, found a finer time")
    return time


def _number(text: str | None) -> Fraction:
    """Convert a number in a score to a fraction; raise ValueError if it is missing or invalid."""
    if text is None or not NUMBER.fullmatch(text):
        raise ValueError(f"expected a number, found {quoted(text)}")
    return Fraction(text.strip())


def quarter_roll(parts: Sequence[Sequence[PartNote]]) -> np.ndarray:
    """Convert notes to a piano-roll with one frame per quarter note.

    Frame t has the notes with start <= t < end. A note that begins and ends between two beats is not in the roll, so
    passing quavers are dropped and each frame is a chord that is actually sung.

    Parameters
    ----------
    parts : list of list of (Fraction, Fraction, int)
        As returned by `read_mxl`.

    Returns
    -------
    ndarray of uint8, shape (n_steps, 128)
        0 and 1, with one column per MIDI note number. It ends with the last note that sounds on a beat.
    """
    spans = [(-(-start // 1), -(-end // 1), pitch) for part in parts for start, end, pitch in part]
    n_steps = max((stop for first, stop, _ in spans if stop > first), default=0)
    roll = np.zeros((n_steps, 128), dtype=np.uint8)
    for first, stop, pitch in spans:
        roll[first:stop, pitch] = 1
    return roll


def _score_text(filename: FilePath) -> bytes:
    """The first score that the archive's container file lists, as bytes."""
    with open_archive(filename) as archive:
        container = ElementTree.fromstring(_xml(archive, "META-INF/container.xml"))
        rootfile = container.find("{*}rootfiles/{*}rootfile")
        if rootfile is None:
            raise ValueError("its container file lists no score")
        return _xml(archive, rootfile.attrib["full-path"])


def _xml(archive: zipfile.ZipFile, name: str) -> bytes:
    """Read an XML file as bytes, after a check that parsing cannot use much memory: no entities, and not many tags."""
    text = unpack(archive, archive.getinfo(name), MAX_BYTES, name)
    if b"<!ENTITY" in text or b"\0" in text:
        found = "an entity declaration" if b"<!ENTITY" in text else "a NUL (UTF-16 is not supported)"
        raise ValueError(f"{name}: expected XML without entity declarations, found {found}")
    n_marks = text.count(b"<") + text.count(b"=")
    if n_marks > MAX_MARKS:
        raise ValueError(f"{name}: expected {MAX_MARKS:,} tags and attributes at most, found {n_marks:,}")
    return text


def _part_measures(part: ElementTree.Element) -> list[Measure]:
    """Length and notes of each measure of a part. Times are in quarter notes from the start of the measure."""
    divisions, transposition = Fraction(1), 0
    measures = []
    written = part.findall("measure")
    if len(written) > MAX_MEASURES:
        raise ValueError(f"expected {MAX_MEASURES:,} measures at most, found {len(written):,}")
    for measure in written:
        now = onset = length = Fraction(0)
        notes = []
        for element in measure:
            if element.tag == "attributes":
                if element.find("divisions") is not None:
                    divisions = _number(element.findtext("divisions"))
                    if not divisions:
                        raise ValueError("expected divisions per quarter note, found 0")
                transpose = element.find("transpose")
                if transpose is not None:
                    octaves = int(transpose.findtext("octave-change", "0"))
                    transposition = round(float(transpose.findtext("chromatic", "0"))) + 12 * octaves
            elif element.tag == "backup":
                now = _checked_time(now - _number(element.findtext("duration")) / divisions)
            elif element.tag == "forward":
                now = _checked_time(now + _number(element.findtext("duration")) / divisions)
            elif element.tag == "note" and element.find("grace") is None:
                duration = _number(element.findtext("duration")) / divisions
                if element.find("chord") is None:
                    onset = now
                    now = _checked_time(now + duration)
                pitch = element.find("pitch")
                if pitch is not None and element.find("cue") is None:
                    note = _midi_number(pitch) + transposition
                    if not 0 <= note <= 127:
                        raise ValueError(f"expected notes 0 to 127, found {quoted(note)}")
                    notes.append((onset, _checked_time(onset + duration), note))
            length = max(length, now)
        measures.append((length, notes))
    return measures


def _midi_number(pitch: ElementTree.Element) -> int:
    """MIDI note number of a <pitch>; C4 is 60. Quarter tones are rounded to semitones."""
    octave, step = int(pitch.findtext("octave", "")), _SEMITONES[pitch.findtext("step", "")]
    return 12 * (octave + 1) + step + round(float(pitch.findtext("alter", "0")))
