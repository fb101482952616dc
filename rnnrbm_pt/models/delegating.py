"""Methods and attributes that delegate."""

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def documented_by(method: Callable[..., Any]) -> Callable[[F], F]:
    """Decorator: give a method the signature and the docstring of the method that it delegates to.

    Parameters
    ----------
    method : function

    Returns
    -------
    callable
    """

    def decorate(delegating: F) -> F:
        delegating.__doc__, delegating.__wrapped__ = method.__doc__, method  # type: ignore[attr-defined]
        return delegating

    return decorate


def delegated(part: str, name: str, doc: str) -> property:
    """A read-only property: the attribute `name` of the attribute `part`.

    Parameters
    ----------
    part, name, doc : str

    Returns
    -------
    property
    """
    return property(lambda owner: getattr(getattr(owner, part), name), doc=doc)
