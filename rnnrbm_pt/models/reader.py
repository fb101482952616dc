"""Reading MIDI files as a model takes them."""

import os

from rnnrbm_pt.music.datasets import ZipMember, midi_files


class Reader:
    """Reads MIDI files as piano-rolls of a model.

    Parameters
    ----------
    preprocess : Preprocessing
    r : (int, int) or None
        Range of MIDI notes, half open; None where the model's frames are real numbers.
    dt : float
        Seconds per frame.
    n_visible : int
    """

    def __init__(self, preprocess, r, dt, n_visible):
        self.preprocess, self.r, self.dt, self.n_visible = preprocess, r, dt, n_visible

    def prepare(self, files, progress=False, on_outside=None, *, on_drums=None, on_broken=None):
        """Read MIDI files as `preprocess` says.

        Parameters
        ----------
        files, progress, on_outside, on_drums, on_broken
            As for `read`.

        Returns
        -------
        Prepared
            rolls, and by how many semitones each was moved, the keys they were in, and how many notes were folded.

        Raises
        ------
        ValueError
            If the model has no range of notes.
        """
        if self.r is None:
            raise ValueError(f"read: expected a model of notes, found one of {self.n_visible} real numbers per frame")
        if isinstance(files, (str, os.PathLike, ZipMember)):
            files = [files]
        found = []
        for source in files:
            found += [source] if isinstance(source, ZipMember) else midi_files(source)
        calls = {"on_outside": on_outside, "on_drums": on_drums, "on_broken": on_broken}
        return self.preprocess.read(found, self.r, self.dt, progress, **calls)

    def read(self, files, progress=False, on_outside=None, *, on_drums=None, on_broken=None):
        """Read MIDI files as piano-rolls of the model's `r` and `dt`, prepared as its `preprocess` says.

        Parameters
        ----------
        files : path or list of paths
            MIDI files, in the order in which they are wanted; folders, patterns and zip files stand for the sorted
            MIDI files in them.
        progress : bool
            Whether to show a bar.
        on_outside : callable, optional
            Called as on_outside(file, n) for each file of which n notes lie outside `r` and are left out.
        on_drums : callable, optional
            Called as on_drums(file, n) for each file that has n notes on channel 10. `preprocess` says whether they are
            read as notes.
        on_broken : callable, optional
            Called as on_broken(file, error) for each file that cannot be read, which is skipped then. Without it, such
            a file is an error.

        Returns
        -------
        list of arrays, shape (n_steps, n_visible)
        """
        return self.prepare(files, progress, on_outside, on_drums=on_drums, on_broken=on_broken).rolls
