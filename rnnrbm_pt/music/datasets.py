"""Collections of music: MIDI files wherever they lie, and the Bach chorales of the package music21."""

from rnnrbm_pt.music.chorales import Chorales, chorales
from rnnrbm_pt.music.folders import cache_folder
from rnnrbm_pt.music.sources import ZipMember, midi_files, read_midi_files, read_rolls

__all__ = ["Chorales", "ZipMember", "cache_folder", "chorales", "midi_files", "read_midi_files", "read_rolls"]
