"""The instruments of General MIDI: their names and program numbers."""

import difflib
import re

FAMILIES = {
    "pianos": "acoustic-grand-piano bright-acoustic-piano electric-grand-piano honky-tonk-piano electric-piano-1 "
    "electric-piano-2 harpsichord clavinet",
    "chromatic percussion": "celesta glockenspiel music-box vibraphone marimba xylophone tubular-bells dulcimer",
    "organs": "drawbar-organ percussive-organ rock-organ church-organ reed-organ accordion harmonica tango-accordion",
    "guitars": "acoustic-guitar-nylon acoustic-guitar-steel electric-guitar-jazz electric-guitar-clean "
    "electric-guitar-muted overdriven-guitar distortion-guitar guitar-harmonics",
    "basses": "acoustic-bass electric-bass-finger electric-bass-pick fretless-bass slap-bass-1 slap-bass-2 "
    "synth-bass-1 synth-bass-2",
    "strings": "violin viola cello contrabass tremolo-strings pizzicato-strings orchestral-harp timpani",
    "ensembles": "string-ensemble-1 string-ensemble-2 synth-strings-1 synth-strings-2 choir-aahs voice-oohs "
    "synth-voice orchestra-hit",
    "brass": "trumpet trombone tuba muted-trumpet french-horn brass-section synth-brass-1 synth-brass-2",
    "reeds": "soprano-sax alto-sax tenor-sax baritone-sax oboe english-horn bassoon clarinet",
    "pipes": "piccolo flute recorder pan-flute blown-bottle shakuhachi whistle ocarina",
    "synth leads": "lead-1-square lead-2-sawtooth lead-3-calliope lead-4-chiff lead-5-charang lead-6-voice "
    "lead-7-fifths lead-8-bass-and-lead",
    "synth pads": "pad-1-new-age pad-2-warm pad-3-polysynth pad-4-choir pad-5-bowed pad-6-metallic pad-7-halo "
    "pad-8-sweep",
    "synth effects": "fx-1-rain fx-2-soundtrack fx-3-crystal fx-4-atmosphere fx-5-brightness fx-6-goblins "
    "fx-7-echoes fx-8-sci-fi",
    "ethnic": "sitar banjo shamisen koto kalimba bagpipe fiddle shanai",
    "percussive": "tinkle-bell agogo steel-drums woodblock taiko-drum melodic-tom synth-drum reverse-cymbal",
    "sound effects": "guitar-fret-noise breath-noise seashore bird-tweet telephone-ring helicopter applause gunshot",
}
"""The sixteen families in the order of their program numbers, with eight names each."""

INSTRUMENTS = tuple(name for names in FAMILIES.values() for name in names.split())


def program(text: str) -> int:
    """Convert a program number or the name of an instrument to a program number.

    Parameters
    ----------
    text : str
        "19", "church-organ" or "Church Organ".

    Returns
    -------
    int
        From 0 to 127.

    Raises
    ------
    ValueError
        If the number is out of range or the name is unknown. The message lists similar names, or all names.
    """
    if re.fullmatch(r"[+-]?\d+", text):
        if 0 <= int(text) <= 127:
            return int(text)
        raise ValueError(f"expected 0 to 127 or a name, found {text}")
    name = _normalised(text)
    if name in INSTRUMENTS:
        return INSTRUMENTS.index(name)
    similar = [known for known in INSTRUMENTS if name and name in known]
    similar = similar or difflib.get_close_matches(name, INSTRUMENTS)
    names = f"similar names are {', '.join(similar)}" if similar else f"the names are {', '.join(INSTRUMENTS)}"
    raise ValueError(f"expected 0 to 127 or a name, found {text!r}; {names}")


def _normalised(name):
    """The name in small letters and hyphens: "Church Organ" and "church_organ" become church-organ."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
