"""Folders of files that are kept between runs."""

import os
from pathlib import Path

INDEX = "index.jsonl"
"""Name of the index of a store of piano-rolls."""


def is_store(path: str | os.PathLike[str]) -> bool:
    """Whether a path is the folder of a store of piano-rolls, finished or not; see `music.store`."""
    return (Path(path) / INDEX).is_file()


def cache_folder() -> Path:
    """Folder for cached files: the environment variable RNNRBM_CACHE, or the user's cache folder."""
    chosen = os.environ.get("RNNRBM_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("rnnrbm_pt")


def data_folder() -> Path:
    """Folder of the paper's data sets: the environment variable RNNRBM_DATA, or `data` in the cache folder."""
    chosen = os.environ.get("RNNRBM_DATA")
    return Path(chosen).expanduser() if chosen else cache_folder() / "data"
