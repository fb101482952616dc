"""Player of pieces: self-contained HTML that works offline, for notebooks, documentation and pages."""

import base64
import json
import math
from collections.abc import Sequence
from html import escape
from importlib.resources import files

from numpy.typing import ArrayLike

from rnnrbm_pt.music.pianoroll import Range
from rnnrbm_pt.music.plot import note_name
from rnnrbm_pt.music.timbres import TIMBRES, timbre_name
from rnnrbm_pt.report.pieces import Piece, as_pieces
from rnnrbm_pt.report.roll_svg import clock, labels, roll_svg, rows_of, ticks, whole_times

ROW_HEIGHT = 7  # pixels
LEAST_HEIGHT, MOST_HEIGHT = 150, 340  # height of a roll in pixels
LEAST_WIDTH = 11  # minimum number of pixels per second; a roll wider than the page can be scrolled
ICONS = {
    "play": "M4 2.5v11l9-5.5z",
    "pause": "M4 3h3v10H4zM9 3h3v10H9z",
    "stop": "M3.5 3.5h9v9h-9z",
    "volume": "M2 6h3l4-3v10l-4-3H2zM11 5.5c1.4 1.3 1.4 3.7 0 5",
    "save": "M8 2v7M4.8 6.4 8 9.6l3.2-3.2M3 13h10",
}


def player(
    rolls: ArrayLike | list[ArrayLike],
    r: Range = (21, 109),
    dt: float = 0.3,
    *,
    titles: list[str] | str | None = None,
    patch: int = 0,
) -> "Player":
    """Make a player of piano-rolls. A notebook displays it.

    Parameters
    ----------
    rolls : array of 0 and 1, shape (n_steps, r[1] - r[0]), or list of such arrays
    r : pair of int
        (low, high), MIDI note numbers, half open.
    dt : float
        Seconds per frame.
    titles : list of str, or str, optional
        One title per roll.
    patch : int
        MIDI program of the instrument, 0 to 127. Each family of instruments has one timbre; see `music.timbres`.

    Returns
    -------
    Player

    Raises
    ------
    ValueError
        If an argument is invalid.

    Examples
    --------
    >>> player(model.sample(), model.r, model.step_seconds)
    """
    return Player(as_pieces(rolls, r, dt, titles, patch))


class Player:
    """Player of pieces: for each piece, the piano-roll, controls and a link to the MIDI file.

    Parameters
    ----------
    pieces : list of Piece
        Pieces to play.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = list(pieces)

    def __repr__(self) -> str:
        seconds = sum(piece.seconds for piece in self.pieces)
        return f"<Player: {len(self.pieces)} piece{'s' * (len(self.pieces) != 1)}, {seconds:.0f} s>"

    def _repr_html_(self) -> str:
        return self.html()

    def html(self) -> str:
        """Return the player as self-contained HTML: style, elements and script.

        A page may contain several players. Without JavaScript, a player shows the rolls and links to the MIDI files.
        """
        elements = "\n".join(self.elements())
        return f"<style>{style()}</style>\n<div>\n{elements}\n</div>\n<script>{script()}</script>"

    def elements(self) -> list[str]:
        """Return one element per piece, for a page that already contains `style` and `script`."""
        return [piece_html(piece) for piece in self.pieces]


def style() -> str:
    """Return the style sheet of the player."""
    return _part("player.css")


def script() -> str:
    """Return the script of the player. It makes each element of the class `rp-piece` playable, once."""
    return _part("player.js")


def _part(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def icon(name: str) -> str:
    """Return the SVG icon of a button."""
    return f'<svg class="rp-icon" viewBox="0 0 16 16" aria-hidden="true"><path d="{ICONS[name]}"/></svg>'


def piece_html(piece: Piece) -> str:
    """Return the HTML element of one piece."""
    low, high = rows_of(piece)
    height = min(max(ROW_HEIGHT * (high - low), LEAST_HEIGHT), MOST_HEIGHT)
    title = escape(piece.title) or "piece"
    heading = f'<div class="rp-title">{escape(piece.title)}</div>' if piece.title else ""
    remark = f'<div class="rp-remark">{escape(piece.remark)}</div>' if piece.remark else ""
    keys = "".join(f'<span style="top:{100 * at:.2f}%">{name}</span>' for name, at in labels(piece))
    times = "".join(along(text, at) for text, at in ticks(piece.seconds))
    # The script reveals the controls, which do nothing without it.
    return (
        f'<section class="rp-piece" aria-label="{title}" data-seconds="{piece.seconds:.3f}" '
        f'data-notes="{notes_attribute(piece)}" data-timbre="{timbre_attribute(piece.patch)}">{heading}{remark}'
        f'<div class="rp-frame"><div class="rp-keys" style="height:{height}px" aria-hidden="true">{keys}</div>'
        f'<div class="rp-scroll" tabindex="0" role="img" aria-label="{escape(summary(piece))}">'
        f'<div class="rp-sheet" style="min-width:{math.ceil(LEAST_WIDTH * piece.seconds)}px">'
        f'<div class="rp-view" style="height:{height}px">{roll_svg(piece)}<div class="rp-cursor" hidden></div></div>'
        f'<div class="rp-times" aria-hidden="true">{times}</div></div></div></div>'
        f'<div class="rp-bar"><span class="rp-controls" hidden>'
        f'<button type="button" class="rp-play" aria-label="Play {title}">'
        f'<span class="rp-if-paused">{icon("play")}Play</span>'
        f'<span class="rp-if-playing">{icon("pause")}Pause</span></button>'
        f'<button type="button" class="rp-stop" aria-label="Stop {title}">{icon("stop")}Stop</button>'
        f'<input type="range" class="rp-at" min="0" max="{piece.seconds:.1f}" step="0.1" value="0" '
        f'aria-label="Position in {title}">'
        f'<span class="rp-clock">0:00 / {clock(piece.seconds)}</span>'
        f'<label class="rp-volume" title="Volume">{icon("volume")}'
        f'<input type="range" min="0" max="100" step="1" value="70" aria-label="Volume of {title}"></label></span>'
        f'<a class="rp-save" download="{escape(file_name(piece.title))}" '
        f'href="data:audio/midi;base64,{base64.b64encode(piece.midi).decode()}" '
        f'aria-label="Download {title} as a MIDI file">{icon("save")}MIDI</a></div></section>'
    )


def along(text: str, at: float) -> str:
    """Return a label below a picture, at a position from 0 (left) to 1 (right). It stays within the picture."""
    kind = "rp-first" if at < 0.02 else "rp-last" if at > 0.96 else ""
    return f'<span class="{kind}" style="left:{100 * at:.2f}%">{text}</span>'


def notes_attribute(piece: Piece) -> str:
    """Encode the notes as numbers: for each note its start and length in hundredths of a second, and its pitch."""
    return " ".join(f"{start} {length} {pitch}" for start, length, pitch in whole_times(piece))


def timbre_attribute(patch: int) -> str:
    """Encode the timbre as JSON. A decay of null means a sustained tone."""
    timbre = TIMBRES[timbre_name(patch)]
    partials = [round(strength, 4) for strength in timbre.partials]
    decay = None if math.isinf(timbre.decay) else timbre.decay
    found = {"partials": partials, "decay": decay, "attack": timbre.attack, "release": timbre.release}
    return escape(json.dumps(found, separators=(",", ":")))


def summary(piece: Piece) -> str:
    """Describe the roll in a sentence, for screen readers."""
    if not piece.notes:
        return f"Piano-roll of {clock(piece.seconds)} minutes, without notes."
    pitches = [note.pitch for note in piece.notes]
    return (
        f"Piano-roll of {clock(piece.seconds)} minutes: {len(pitches):,} notes from {note_name(min(pitches))} to "
        f"{note_name(max(pitches))}."
    )


def file_name(title: str) -> str:
    """Make a name for the MIDI file from the letters, digits and hyphens of the title."""
    kept = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in title.removesuffix(".mid"))
    return "-".join(kept.split())[:60].lower() + ".mid" if kept.split() else "piece.mid"
