"""Where things are kept between runs."""

import os
from pathlib import Path

INDEX = "index.jsonl"
"""The file of a store of piano-rolls that says what is in it."""


def is_store(path: str | os.PathLike[str]) -> bool:
    """Whether a path is the folder of a store of piano-rolls, finished or not; see `music.store`."""
    return (Path(path) / INDEX).is_file()


def cache_folder() -> Path:
    """Folder of what is kept between runs: RNNRBM_CACHE, or the user's cache folder."""
    chosen = os.environ.get("RNNRBM_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("rnnrbm_pt")


def data_folder() -> Path:
    """Folder of the paper's data sets: RNNRBM_DATA, or `data` in the folder of what is kept between runs."""
    chosen = os.environ.get("RNNRBM_DATA")
    return Path(chosen).expanduser() if chosen else cache_folder() / "data"
