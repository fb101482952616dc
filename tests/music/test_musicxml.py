"""Tests of the MusicXML reader on handwritten scores, and comparison with music21's parser."""

import importlib.util
import warnings
import zipfile
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np
import pytest

from rnnrbm_pt.music.musicxml import quarter_roll, read_mxl

CONTAINER = '<container><rootfiles><rootfile full-path="score.xml"/></rootfiles></container>'


def write_mxl(path, *parts, root="score-partwise"):
    xml = "".join(f"<part>{part}</part>" for part in parts)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("score.xml", f"<{root}>{xml}</{root}>")
    return path


def note(step, octave, duration, alter=None, extra=""):
    sharp = f"<alter>{alter}</alter>" if alter is not None else ""
    pitch = f"<pitch><step>{step}</step>{sharp}<octave>{octave}</octave></pitch>"
    return f"<note>{extra}{pitch}<duration>{duration}</duration></note>"


def measure(*elements, divisions=None):
    attributes = f"<attributes><divisions>{divisions}</divisions></attributes>" if divisions else ""
    return f"<measure>{attributes}{''.join(elements)}</measure>"


def test_pitches_and_divisions_changed_on_the_way(tmp_path):
    (part,) = read_mxl(
        write_mxl(
            tmp_path / "a.mxl",
            measure(note("C", 4, 2), note("B", 3, 1, alter=-1), divisions=2)
            + measure(note("F", 5, 6, alter=1), divisions=4),
        )
    )
    half = Fraction(1, 2)
    assert part == [(0, 1, 60), (1, 1 + half, 58), (1 + half, 3, 78)]


def test_chord_rest_backup_and_forward(tmp_path):
    rest = "<note><rest/><duration>1</duration></note>"
    back, forth = "<backup><duration>4</duration></backup>", "<forward><duration>2</duration></forward>"
    (part,) = read_mxl(
        write_mxl(
            tmp_path / "a.mxl",
            measure(note("C", 4, 2), note("E", 4, 2, extra="<chord/>"), rest, note("G", 4, 1), back, forth)
            + measure(note("C", 5, 1)),
        )
    )
    # The backup leaves the cursor at 2. The length of the measure is the furthest position reached.
    assert part == [(0, 2, 60), (0, 2, 64), (3, 4, 67), (4, 5, 72)]


def test_grace_cue_and_unpitched_notes_are_left_out(tmp_path):
    grace = "<note><grace/><pitch><step>D</step><octave>4</octave></pitch></note>"
    drum = "<note><unpitched/><duration>1</duration></note>"
    cue = note("A", 4, 1, extra="<cue/>")
    (part,) = read_mxl(write_mxl(tmp_path / "a.mxl", measure(grace, cue, drum, note("C", 4, 1))))
    assert part == [(2, 3, 60)]


def test_transposing_instrument_sounds_where_it_sounds(tmp_path):
    horn = "<transpose><chromatic>-7</chromatic><octave-change>-1</octave-change></transpose>"
    notes = measure(f"<attributes>{horn}</attributes>", note("C", 5, 1))
    (part,) = read_mxl(write_mxl(tmp_path / "a.mxl", notes))
    assert part == [(0, 1, 72 - 7 - 12)]


def test_parts_stay_together_when_one_writes_a_measure_short(tmp_path):
    first, second = read_mxl(
        write_mxl(
            tmp_path / "a.mxl",
            measure(note("C", 4, 1)) + measure(note("D", 4, 1)),
            measure(note("C", 3, 3)) + measure(note("D", 3, 1)) + measure(note("E", 3, 1)),
        )
    )
    assert first == [(0, 1, 60), (3, 4, 62)]
    assert second == [(0, 3, 48), (3, 4, 50), (4, 5, 52)]


def test_frames_hold_what_sounds_on_the_beat():
    half, one = Fraction(1, 2), Fraction(1)
    part = [(0 * one, half, 60), (half, one, 62), (one, 2 + half, 64), (2 + half, 3 * one, 65)]
    roll = quarter_roll([part, [(half, 1 + half, 48)]])
    assert roll.dtype == np.uint8
    assert [np.flatnonzero(frame).tolist() for frame in roll] == [[60], [48, 64], [64]]


def test_tied_notes_sound_on():
    roll = quarter_roll([[(Fraction(0), Fraction(3, 2), 60), (Fraction(3, 2), Fraction(3), 60)]])
    assert roll[:, 60].tolist() == [1, 1, 1]


def test_nothing_that_sounds_makes_no_frames():
    assert quarter_roll([[], [(Fraction(1, 4), Fraction(1, 2), 60)]]).shape == (0, 128)


@pytest.mark.parametrize(
    "content, said",
    [(b"MThd", "not a zip file"), (None, "partwise"), ("container", "META-INF/container.xml")],
)
def test_what_is_no_score_is_refused_with_its_path(tmp_path, content, said):
    path = tmp_path / "a.mxl"
    if content is None:
        write_mxl(path, root="score-timewise")
    elif content == "container":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("score.xml", "<score-partwise/>")
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\.mxl: not readable.*{said}"):
        read_mxl(path)


def test_a_note_without_duration_is_refused(tmp_path):
    path = write_mxl(tmp_path / "a.mxl", measure("<note><rest/></note>"))
    with pytest.raises(ValueError, match="a.mxl: not readable"):
        read_mxl(path)


@pytest.mark.parametrize(
    "name",
    ["bwv66.6", "bwv269", "bwv374", "bwv339", "bwv244.3", "bwv328"],  # pickups, rests in all parts, a long one
)
def test_frames_equal_those_of_music21s_own_parser(name):
    spec = importlib.util.find_spec("music21")
    if spec is None:
        pytest.skip("needs the package music21")
    path = Path(spec.submodule_search_locations[0], "corpus", "bach", f"{name}.mxl")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from music21 import converter

        score = converter.parse(path, forceSource=True)
    notes = [n for n in score.flatten().notes if not n.duration.isGrace]
    expected = {
        (beat, pitch.midi)
        for n in notes
        for beat in range(ceil(n.offset), ceil(n.offset + n.quarterLength))
        for pitch in n.pitches
    }
    assert set(map(tuple, np.argwhere(quarter_roll(read_mxl(path))).tolist())) == expected
