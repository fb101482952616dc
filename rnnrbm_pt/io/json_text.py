"""Untrusted JSON."""

import json
from typing import Any

MAX_CONTAINERS = 500_000  # a record of an epoch has two


def check_containers(text: str | bytes, most: int = MAX_CONTAINERS) -> None:
    """Check that a JSON text has no more lists and dicts than `most`; otherwise raise a ValueError."""
    found = text.count("[") + text.count("{") if isinstance(text, str) else text.count(b"[") + text.count(b"{")
    if found > most:
        raise ValueError(f"expected {most:,} lists and dicts at most, found {found:,}")


def parse_json(text: str | bytes, containers: int = MAX_CONTAINERS) -> Any:
    """What a JSON text holds.

    Parameters
    ----------
    text : str or bytes
    containers : int
        Lists and dicts that it may have: an empty one takes two characters, and forty times as much in memory.

    Returns
    -------
    object

    Raises
    ------
    ValueError
        If it is not JSON, or has too many lists and dicts, or nests them too deeply.
    """
    check_containers(text, containers)
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("expected lists and dicts a few levels deep, found them far too deep") from None
