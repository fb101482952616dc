"""Classes of models by the names that files have for them."""

from collections.abc import Iterable
from typing import Any

import rnnrbm_pt

OURS = "RnnRbm", "Rtrbm", "LstmRtrbm", "RnnNade", "BiaxialRnn"
"""Models of this package. Its root imports each of them when it is first asked for."""

Classes = dict[str, Any]
"""Classes of models by name."""


def classes_of(cls: Any) -> Classes:
    """A class of models and all that derive from it, by name; those without a builder are no models themselves.

    Returns
    -------
    dict {str: class}
        Of one name, the class that is nearest to `cls`, and of equally near ones the one that was defined last.
    """
    for name in OURS:
        getattr(rnnrbm_pt, name)  # now it is a subclass of the base, which a file may name
    found: Classes = {}
    level = [cls]
    while level:
        further = {kind.__name__: kind for kind in level if kind.builder is not None}
        found |= {name: kind for name, kind in further.items() if name not in found}
        level = [derived for kind in level for derived in kind.__subclasses__()]
    return found


def named_classes(classes: type | Iterable[Any] | Classes, base: type) -> Classes:
    """Classes of models by the names that files have for them.

    Parameters
    ----------
    classes : class, iterable of classes, or dict {str: class}
    base : class
        The class that all of them have to derive from.

    Returns
    -------
    dict {str: class}

    Raises
    ------
    ValueError
        If one of them is no class of models.
    """
    classes = (classes,) if isinstance(classes, type) else classes
    pairs = list(classes.items()) if isinstance(classes, dict) else [(getattr(c, "__name__", c), c) for c in classes]
    for _, kind in pairs:
        if not (isinstance(kind, type) and issubclass(kind, base)):
            raise ValueError(f"classes: expected classes that derive from {base.__name__}, found {kind!r}")
    return dict(pairs)
