"""Classes of models, by the names that files use."""

from collections.abc import Iterable
from typing import Any

import rnnrbm_pt

OURS = "RnnRbm", "Rtrbm", "LstmRtrbm", "RnnNade", "TiedRnnRbm", "BiaxialRnn"
"""Models of this package. The package imports each of them on first use."""

Classes = dict[str, Any]
"""Classes of models by name."""


def classes_of(cls: Any) -> Classes:
    """A class of models and all its subclasses, by name. Classes without a builder are left out.

    Parameters
    ----------
    cls : class

    Returns
    -------
    dict {str: class}
        If several classes have one name: the one nearest to `cls`, and among equally near ones the latest defined.
    """
    for name in OURS:
        getattr(rnnrbm_pt, name)  # imports the class, so that it is among the subclasses
    found: Classes = {}
    level = [cls]
    while level:
        further = {kind.__name__: kind for kind in level if kind.builder is not None}
        found |= {name: kind for name, kind in further.items() if name not in found}
        level = [derived for kind in level for derived in kind.__subclasses__()]
    return found


def named_classes(classes: type | Iterable[Any] | Classes, base: type) -> Classes:
    """Classes of models, by the names that files use.

    Parameters
    ----------
    classes : class, iterable of classes, or dict {str: class}
    base : class
        The class that all of them must derive from.

    Returns
    -------
    dict {str: class}

    Raises
    ------
    ValueError
        If one of them is not a class of models.
    """
    classes = (classes,) if isinstance(classes, type) else classes
    pairs = list(classes.items()) if isinstance(classes, dict) else [(getattr(c, "__name__", c), c) for c in classes]
    for _, kind in pairs:
        if not (isinstance(kind, type) and issubclass(kind, base)):
            raise ValueError(f"classes: expected classes that derive from {base.__name__}, found {kind!r}")
    return dict(pairs)
