"""JSON out of other hands."""

import json
from typing import Any

MAX_CONTAINERS = 500_000  # a record of an epoch has two


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
        If it is no JSON, or has more of them, or has them too deep within one another.
    """
    found = text.count("[") + text.count("{") if isinstance(text, str) else text.count(b"[") + text.count(b"{")
    if found > containers:
        raise ValueError(f"expected {containers:,} lists and dicts at most, found {found:,}")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("expected lists and dicts a few levels deep, found them far too deep") from None
