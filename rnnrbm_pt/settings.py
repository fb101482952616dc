"""Settings as frozen dataclasses. Each field holds its default, its check and its help.

    @settings
    class Run(Settings):
        batch_size: int = whole("frames per window", default=100, least=1)

The keywords of Python and the options of the command line are two views of such a class.
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
    """A field of a `Settings` class.

    Parameters
    ----------
    help : str
        The meaning of the field, in a phrase.
    check : callable
        check(name, value) returns the value to keep, or raises a ValueError.
    default : object
        A default of None means that None is allowed.
    **argument
        Keywords of `ArgumentParser.add_argument` for the option; ``option`` is its name if it is not the field's.
        Without any, the field has no option.

    Returns
    -------
    dataclasses.Field
    """
    metadata = {"check": check, "help": help, "argument": argument}
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


def whole(help: str, *, default: int | None, least: int, most: int | None = None, **argument: Any) -> Any:
    """A field for an integer; the bounds are those of `checks.integer`."""
    return setting(help, partial(integer, least=least, most=most), default=default, type=int, metavar="N", **argument)


def real(help: str, *, default: float | None, **bounds: Any) -> Any:
    """A field for a finite number; the bounds are those of `checks.number`."""
    return setting(help, partial(number, **bounds), default=default, type=float, metavar="X")


def one_of(help: str, allowed: Collection[str], *, default: str) -> Any:
    """A field for one of a few words."""
    return setting(help, partial(choice, allowed=allowed), default=default, choices=tuple(allowed))


def flag(help: str, *, default: bool) -> Any:
    """A field that is on or off."""
    return setting(help, boolean, default=default, action=BooleanOptionalAction)


class Settings:
    """Base of the settings classes: checks the fields and converts them to and from what JSON can hold."""

    def __post_init__(self) -> None:
        for f in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            value = getattr(self, f.name)
            if value is not None or f.default is not None:
                object.__setattr__(self, f.name, f.metadata["check"](f.name, value))

    def to_json(self) -> dict[str, Any]:
        """A dict that `json.dumps` takes and `from_json` reads."""
        return asdict(self)  # type: ignore[call-overload]

    @classmethod
    def from_json(cls, described: Mapping[str, Any]) -> Self:
        """The settings that `to_json` described.

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
                raise ValueError(f"{cls.__name__}: expected any of {', '.join(known)}, found {quoted(name)}")
        return cls(**described)


@dataclass_transform(frozen_default=True, field_specifiers=(setting, whole, real, one_of, flag))
def settings(cls: type[T]) -> type[T]:
    """Class decorator: make a frozen dataclass of a `Settings` class, and list its fields in the docstring."""
    made: Any = dataclass(frozen=True)(cls)
    entries = "".join(f"{f.name} : {type_name(f.type)}\n    {sentence(f.metadata['help'])}\n" for f in fields(made))
    made.__doc__ = f"{cls.__doc__}\n\nAttributes\n----------\n{entries}"
    return made


def sentence(phrase: str) -> str:
    """A phrase as a sentence: "RBM weights" keeps its capitals."""
    return f"{phrase[0].upper()}{phrase[1:]}."


def type_name(annotation: object) -> str:
    """The name of a field's type in a docstring."""
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def names(kind: type) -> list[str]:
    """The names of the fields of a settings class."""
    return [f.name for f in fields(kind)]


def sorted_into(keywords: Mapping[str, Any], *kinds: type) -> list[Any]:
    """Make one value of each settings class from keywords that are given together.

    Parameters
    ----------
    keywords : dict {str: object}
    *kinds : settings classes, without a field name in common

    Returns
    -------
    list of settings, one of each class

    Raises
    ------
    TypeError
        If none of the classes has a field of that name.
    ValueError
        If a value is invalid.
    """
    known = {name for kind in kinds for name in names(kind)}
    for name in keywords:
        if name not in known:
            raise TypeError(f"{name}: expected any of the settings {', '.join(sorted(known))}")
    return [kind(**{name: keywords[name] for name in names(kind) if name in keywords}) for kind in kinds]
