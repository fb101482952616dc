"""Piano-rolls as SVG. A page stretches the SVG to its width, so it contains only lines and areas and no text."""

from rnnrbm_pt.music.plot import BLACK_KEYS, note_name
from rnnrbm_pt.report.pieces import Piece

MARGIN = 2  # semitones of empty space above and below the notes
LEAST_ROWS = 16  # minimum number of semitones to show
FEW_ROWS = 20  # maximum number of semitones for which all white keys are labelled
TICKS = 1, 2, 5, 10, 15, 30, 60, 120, 300, 600
MOST_TICKS = 10


def rows_of(piece: Piece) -> tuple[int, int]:
    """Return the range of notes that a roll shows: (low, high), half open."""
    if not piece.notes:
        return 60 - LEAST_ROWS // 2, 60 + LEAST_ROWS // 2
    low = min(note.pitch for note in piece.notes) - MARGIN
    high = max(note.pitch for note in piece.notes) + 1 + MARGIN
    missing = max(0, LEAST_ROWS - (high - low))
    return low - missing // 2, high + missing - missing // 2


def roll_svg(piece: Piece) -> str:
    """Draw the notes of a piece: one horizontal unit per hundredth of a second, one vertical unit per semitone.

    Notes and black keys are thick lines in the middle of their rows. `player.css` sets the line widths.

    Parameters
    ----------
    piece : Piece

    Returns
    -------
    str
        An `svg` element with the classes of `player.css`.
    """
    low, high = rows_of(piece)
    width = hundredths(piece.seconds)
    black = "".join(f"M0 {high - 1 - note}h{width}" for note in range(low, high) if note % 12 in BLACK_KEYS)
    octaves = "".join(f"M0 {high - 0.5 - note:g}h{width}" for note in range(low + 1, high) if note % 12 == 0)
    notes = "".join(f"M{start} {high - 1 - pitch}h{length}" for start, length, pitch in whole_times(piece))
    return (
        f'<svg class="rp-roll" viewBox="0 -0.5 {width} {high - low}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="rp-black" d="{black}"/><path class="rp-octave" d="{octaves}"/>'
        f'<path class="rp-notes" d="{notes}"/></svg>'
    )


def whole_times(piece: Piece) -> list[tuple[int, int, int]]:
    """Return (start, length, pitch) of each note, with times in hundredths of a second and a length of at least 1."""
    found = []
    for pitch, start, end in piece.notes:
        first = round(100 * start)
        found.append((first, max(1, round(100 * end) - first), pitch))
    return found


def hundredths(seconds: float) -> int:
    """Convert seconds to hundredths of a second, at least 1."""
    return max(1, round(100 * seconds))


def labels(piece: Piece) -> list[tuple[str, float]]:
    """Return the note names next to the roll and their heights, from 0 at the top to 1 at the bottom."""
    low, high = rows_of(piece)
    named = [note for note in range(low, high) if note % 12 == 0]
    if high - low <= FEW_ROWS or len(named) < 2:
        named = [note for note in range(low, high) if note % 12 in (0, 2, 4, 5, 7, 9, 11)]
    return [(note_name(note), (high - note - 0.5) / (high - low)) for note in named]


def ticks(seconds: float) -> list[tuple[str, float]]:
    """Return the times below the roll and their positions, from 0 at the left edge to 1 at the right edge."""
    step = next((tick for tick in TICKS if seconds / tick <= MOST_TICKS), TICKS[-1])
    return [(clock(at), at / seconds) for at in range(0, int(seconds) + 1, step)] if seconds > 0 else []


def clock(seconds: float) -> str:
    """Format seconds as minutes and seconds: 1:05."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
