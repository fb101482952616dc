"""Methods and properties that delegate."""

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def documented_by(method: Callable[..., Any]) -> Callable[[F], F]:
    """Decorator: give a method the signature and docstring of the method that it delegates to.

    Parameters
    ----------
    method : function
        Method that has the docstring.

    Returns
    -------
    callable
        The decorator.
    """

    def decorate(delegating: F) -> F:
        delegating.__doc__, delegating.__wrapped__ = method.__doc__, method  # type: ignore[attr-defined]
        return delegating

    return decorate


def delegated(part: str, name: str, doc: str) -> property:
    """Make a read-only property that returns the attribute `name` of the attribute `part`.

    Parameters
    ----------
    part, name : str
        Names of the attributes.
    doc : str
        Docstring of the property.

    Returns
    -------
    property
    """
    return property(lambda owner: getattr(getattr(owner, part), name), doc=doc)
