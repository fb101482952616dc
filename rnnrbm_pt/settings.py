"""Settings as frozen dataclasses. Each field has a default, a check and a help text.

    @settings
    class Run(Settings):
        batch_size: int = whole("frames per window", default=100, least=1)

Python keywords and command-line options are both generated from these classes.
"""

from argparse import BooleanOptionalAction
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from typing import Any, Self, TypeVar, dataclass_transform

from rnnrbm_pt.checks import boolean, choice, integer, number
from rnnrbm_pt.quoting import quoted

T = TypeVar("T")


def setting(help: str, check: Callable[[str, Any], Any], *, default: Any, **argument: Any) -> Any:
    """Define a field of a `Settings` class.

    Parameters
    ----------
    help : str
        Meaning of the field: a phrase without a capital or a full stop.
    check : callable
        ``check(name, value)`` returns the value to store, or raises a ValueError.
    default : object
        Default value. A default of None means that None is allowed too.
    **argument
        Keywords of `ArgumentParser.add_argument` for the command-line option, and optionally ``option``, its name.
        Without keywords, the field has no command-line option.

    Returns
    -------
    dataclasses.Field
    """
    metadata = {"check": check, "help": help, "argument": argument}
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


def whole(help: str, *, default: int | None, least: int, most: int | None = None, **argument: Any) -> Any:
    """Define an integer field. See `checks.integer` for the bounds."""
    return setting(help, partial(integer, least=least, most=most), default=default, type=int, metavar="N", **argument)


def real(help: str, *, default: float | None, **bounds: Any) -> Any:
    """Define a field for a finite number. See `checks.number` for the bounds."""
    return setting(help, partial(number, **bounds), default=default, type=float, metavar="X")


def one_of(help: str, allowed: Collection[str], *, default: str) -> Any:
    """Define a field that takes one of a few words."""
    return setting(help, partial(choice, allowed=allowed), default=default, choices=tuple(allowed))


def flag(help: str, *, default: bool) -> Any:
    """Define a boolean field."""
    return setting(help, boolean, default=default, action=BooleanOptionalAction)


class Settings:
    """Base class of all settings. It checks the fields and converts them to and from JSON types."""

    def __post_init__(self) -> None:
        for f in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            value = getattr(self, f.name)
            if value is not None or f.default is not None:
                object.__setattr__(self, f.name, f.metadata["check"](f.name, value))

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a dict of JSON types, which `from_json` reads."""
        return asdict(self)  # type: ignore[call-overload]

    @classmethod
    def from_json(cls, described: Mapping[str, Any]) -> Self:
        """Restore settings from the dict that `to_json` returned.

        Raises
        ------
        ValueError
            If a name is unknown or a value is invalid.
        """
        if not isinstance(described, Mapping):
            raise ValueError(f"{cls.__name__}: expected a dict of settings, found {quoted(described)}")
        known = names(cls)
        for name in described:
            if name not in known:
                raise ValueError(f"{cls.__name__}: expected one of {', '.join(known)}, found {quoted(name)}")
        return cls(**described)


@dataclass_transform(frozen_default=True, field_specifiers=(setting, whole, real, one_of, flag))
def settings(cls: type[T]) -> type[T]:
    """Class decorator: turn a `Settings` class into a frozen dataclass and document its fields in the docstring."""
    made: Any = dataclass(frozen=True)(cls)
    entries = "".join(f"{f.name} : {type_name(f.type)}\n    {sentence(f.metadata['help'])}\n" for f in fields(made))
    made.__doc__ = f"{cls.__doc__}\n\nAttributes\n----------\n{entries}"
    return made


def sentence(phrase: str) -> str:
    """Turn a phrase into a sentence. Capitals within the phrase are kept, as in "RBM weights"."""
    return f"{phrase[0].upper()}{phrase[1:]}."


def type_name(annotation: object) -> str:
    """Return the name of a field's type for a docstring."""
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def names(kind: type) -> list[str]:
    """Return the field names of a settings class."""
    return [f.name for f in fields(kind)]


def sorted_into(keywords: Mapping[str, Any], *kinds: type) -> list[Any]:
    """Sort keywords into several settings classes.

    Parameters
    ----------
    keywords : dict {str: object}
        Values by field name, for all classes together.
    *kinds : settings classes
        Classes that share no field name.

    Returns
    -------
    list of settings
        One instance of each class, in the given order.

    Raises
    ------
    TypeError
        If no class has a field of the given name.
    ValueError
        If a value is invalid.
    """
    known = {name for kind in kinds for name in names(kind)}
    for name in keywords:
        if name not in known:
            raise TypeError(f"{name}: expected one of the settings {', '.join(sorted(known))}")
    return [kind(**{name: keywords[name] for name in names(kind) if name in keywords}) for kind in kinds]
