"""Methods and attributes that delegate."""


def documented_by(method):
    """Decorator: give a method the signature and the docstring of the method that it delegates to.

    Parameters
    ----------
    method : function

    Returns
    -------
    callable
    """

    def decorate(delegating):
        delegating.__doc__, delegating.__wrapped__ = method.__doc__, method
        return delegating

    return decorate


def delegated(part, name, doc):
    """A read-only property: the attribute `name` of the attribute `part`.

    Parameters
    ----------
    part, name, doc : str

    Returns
    -------
    property
    """
    return property(lambda owner: getattr(getattr(owner, part), name), doc=doc)
