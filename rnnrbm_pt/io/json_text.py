"""Parse untrusted JSON with bounded memory, and write JSON that every program reads."""

import json
import math
from typing import Any

MAX_CONTAINERS = 500_000  # lists and dicts; the log record of an epoch has two


def check_containers(text: str | bytes, most: int = MAX_CONTAINERS) -> None:
    """Raise a ValueError if a JSON text has more than `most` lists and dicts."""
    found = text.count("[") + text.count("{") if isinstance(text, str) else text.count(b"[") + text.count(b"{")
    if found > most:
        raise ValueError(f"expected {most:,} lists and dicts at most, found {found:,}")


def parse_json(text: str | bytes, containers: int = MAX_CONTAINERS) -> Any:
    """Parse a JSON text.

    Parameters
    ----------
    text : str or bytes
    containers : int
        Maximum number of lists and dicts. An empty container takes two characters of text but forty times as many
        bytes of memory.

    Returns
    -------
    object

    Raises
    ------
    ValueError
        If the text is not JSON, has too many lists and dicts, or nests them too deeply.
    """
    check_containers(text, containers)
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("expected a few levels of nested lists and dicts, found far too many") from None


def finite(value: Any) -> Any:
    """Replace infinities and NaN in nested dicts, lists and tuples by None: JSON has no such numbers."""
    if isinstance(value, dict):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
