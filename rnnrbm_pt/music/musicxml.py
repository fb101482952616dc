"""Notes out of compressed MusicXML (.mxl), without a notation library."""

import zipfile
from collections.abc import Sequence
from fractions import Fraction
from itertools import zip_longest
from xml.etree import ElementTree

import numpy as np

from rnnrbm_pt.io.atomic_write import FilePath

PartNote = tuple[Fraction, Fraction, int]

_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def read_mxl(filename: FilePath) -> list[list[PartNote]]:
    """Notes of each part of a compressed MusicXML file.

    Measures begin together in all parts, each where the longest of the parts ends the one before. So a
    pickup measure is as short as it is written. Repeats are not played out; grace and cue notes and
    percussion without pitch are left out; transposing instruments give the note that sounds.

    Parameters
    ----------
    filename : str or path-like
        A .mxl file with a partwise score.

    Returns
    -------
    list of list of (Fraction, Fraction, int)
        For each part its notes: onset and end in quarter notes from the score's start, and the MIDI note
        number. The pieces of a tied note are listed one by one: each ends where the next begins.

    Raises
    ------
    ValueError
        If the file is no .mxl file, or its score cannot be read.
    FileNotFoundError
        If there is no such file.
    """
    try:
        score = ElementTree.fromstring(_score_text(filename))
        if score.tag != "score-partwise":
            raise ValueError(f"expected a partwise score, found <{score.tag}>")
        measures = [_part_measures(part) for part in score.findall("part")]
    except (zipfile.BadZipFile, ElementTree.ParseError, KeyError, TypeError, ValueError) as err:
        raise ValueError(f"{filename}: not readable as compressed MusicXML ({err})") from err
    parts: list[list[PartNote]] = [[] for _ in measures]
    start = Fraction(0)
    for row in zip_longest(*measures, fillvalue=(Fraction(0), [])):
        for part, (_, notes) in zip(parts, row, strict=True):
            part.extend((start + onset, start + end, pitch) for onset, end, pitch in notes)
        start += max(length for length, _ in row)
    return parts


def quarter_roll(parts: Sequence[Sequence[PartNote]]) -> np.ndarray:
    """Piano-roll of what sounds at each quarter-note beat.

    Frame t holds the notes with onset <= t < end: what begins and ends between two beats is not seen,
    so quavers in passing drop out and each frame is a chord that was sung.

    Parameters
    ----------
    parts : list of list of (Fraction, Fraction, int)
        As `read_mxl` gives them.

    Returns
    -------
    ndarray of uint8, shape (n_steps, 128)
        0/1, one column a MIDI note number. It ends with the last note that sounds on a beat.
    """
    spans = [(-(-onset // 1), -(-end // 1), pitch) for part in parts for onset, end, pitch in part]
    n_steps = max((stop for first, stop, _ in spans if stop > first), default=0)
    roll = np.zeros((n_steps, 128), dtype=np.uint8)
    for first, stop, pitch in spans:
        roll[first:stop, pitch] = 1
    return roll


def _score_text(filename):
    """Bytes of the score that the archive's table of contents names first."""
    with zipfile.ZipFile(filename) as archive:
        container = ElementTree.fromstring(archive.read("META-INF/container.xml"))
        rootfile = container.find("{*}rootfiles/{*}rootfile")
        if rootfile is None:
            raise ValueError("its container names no score")
        return archive.read(rootfile.attrib["full-path"])


def _part_measures(part):
    """Length and notes of each measure of a part; times in quarter notes from the measure's start."""
    divisions, transposition = Fraction(1), 0
    measures = []
    for measure in part.findall("measure"):
        now = onset = length = Fraction(0)
        notes = []
        for element in measure:
            if element.tag == "attributes":
                divisions = Fraction(element.findtext("divisions", divisions))
                transpose = element.find("transpose")
                if transpose is not None:
                    octaves = int(transpose.findtext("octave-change", "0"))
                    transposition = round(float(transpose.findtext("chromatic", "0"))) + 12 * octaves
            elif element.tag == "backup":
                now -= Fraction(element.findtext("duration")) / divisions
            elif element.tag == "forward":
                now += Fraction(element.findtext("duration")) / divisions
            elif element.tag == "note" and element.find("grace") is None:
                duration = Fraction(element.findtext("duration")) / divisions
                if element.find("chord") is None:
                    onset = now
                    now += duration
                pitch = element.find("pitch")
                if pitch is not None and element.find("cue") is None:
                    notes.append((onset, onset + duration, _midi_number(pitch) + transposition))
            length = max(length, now)
        measures.append((length, notes))
    return measures


def _midi_number(pitch):
    """MIDI note number of a <pitch>: C4 is 60. Quarter tones go to the nearest semitone."""
    octave, step = int(pitch.findtext("octave")), _SEMITONES[pitch.findtext("step")]
    return 12 * (octave + 1) + step + round(float(pitch.findtext("alter", "0")))
