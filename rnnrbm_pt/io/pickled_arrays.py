"""Read pickles of arrays and Theano shared variables as data, without calling or importing anything.

A pickle is a program for a small stack machine and can call any function. This module interprets the program, but
each call creates an inert object that only records the function's name, the arguments and the state. The arrays are
then extracted from the places where NumPy and Theano store them.
"""

import codecs
import io
import math
import pickletools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rnnrbm_pt.io.atomic_write import FilePath, read_bytes
from rnnrbm_pt.quoting import printable, quoted

MAX_BYTES = 256 * 2**20
MAX_INSTRUCTIONS = 200_000
MARK = object()
OF_PYTHON_2 = re.compile(rb"(?:[^\\]++|\\(?:[\\'nrt]|x[0-9a-f]{2}))*+", re.DOTALL)
"""The inside of a quoted string, as Python 2 writes it."""
LINES_OF_NAMES = {"GLOBAL": 2, "INST": 2, "PERSID": 1}
"""Numbers of lines of the names in these instructions. They have no escapes, but pickletools decodes some."""
OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}


@dataclass(slots=True)
class Global:
    """A name that the pickle would import."""

    name: str


@dataclass(slots=True)
class Dict:
    """A dict, kept as pairs so that no key is hashed."""

    items: list[tuple[Any, Any]] = field(default_factory=list)

    def get(self, key: str) -> Any:
        return next((value for name, value in reversed(self.items) if type(name) is str and name == key), None)


@dataclass(slots=True)
class Made:
    """An inert object in place of the result of a call. `items` belong to an object that is also a dict."""

    name: str
    arguments: Any
    state: Any = None
    items: list[tuple[Any, Any]] = field(default_factory=list)


@dataclass
class Shared:
    """Name and value of a shared variable. The name may be None."""

    name: str | None
    value: np.ndarray


def read_pickled_arrays(path: FilePath) -> dict[str, np.ndarray] | list[np.ndarray]:
    """Read a pickled list, tuple or dict of NumPy arrays or Theano shared variables.

    Parameters
    ----------
    path : str or path-like
        Pickle of any protocol, written by Python 2 or 3.

    Returns
    -------
    dict {str: array} or list of arrays
        A dict for a pickled dict, and for a list of shared variables with distinct names. Otherwise a list.

    Raises
    ------
    ValueError
        If the pickle contains anything else or is damaged.
    OSError
        If the file cannot be read.
    """
    content = read_bytes(Path(path), "a pickle of arrays", MAX_BYTES)
    try:
        top = _played(content)
        if isinstance(top, Made) and top.name == "collections.OrderedDict":
            given = top.arguments[0] if top.arguments else []
            top = Dict([*top.items, *(tuple(pair) for pair in given)])
        if isinstance(top, Dict):
            if not all(type(key) is str for key, _ in top.items):
                raise ValueError("expected names of arrays in a dict, found other keys")
            return {key: _value(value) for key, value in top.items}
        if not isinstance(top, (list, tuple)):
            raise ValueError(f"expected arrays in a list or a dict, found {_described(top)}")
        found = [_shared(x) if _is_shared(x) else Shared(None, _array(x)) for x in top]
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError) as error:
        raise ValueError(f"{path}: not a pickle of arrays ({printable(str(error), 300)})") from error
    names = [x.name for x in found]
    if None in names or len(set(names)) < len(names):
        return [x.value for x in found]
    return {str(x.name): x.value for x in found}


# ---------------------------------------------------------------------------------------------------
# The stack machine


def _instructions(content: bytes) -> Iterator[tuple[str, Any]]:
    """Yield the name and argument of each instruction. A Python 2 string holds bytes, one per character."""
    file = io.BytesIO(content)
    for _ in range(MAX_INSTRUCTIONS):
        opcode = OPCODES.get(file.read(1).decode("latin-1"))
        if opcode is None:
            raise ValueError("expected an instruction, found none")
        if opcode.name == "STRING":  # pickletools reads only ASCII here
            text = file.readline().strip()[1:-1]
            if not OF_PYTHON_2.fullmatch(text):
                raise ValueError("found a string that Python 2 does not write")
            yield opcode.name, codecs.escape_decode(text)[0].decode("latin-1")
        elif opcode.name in LINES_OF_NAMES:
            lines = [file.readline().rstrip(b"\n").decode("ascii") for _ in range(LINES_OF_NAMES[opcode.name])]
            yield opcode.name, " ".join(lines)
        else:
            yield opcode.name, None if opcode.arg is None else opcode.arg.reader(file)
    raise ValueError(f"expected {MAX_INSTRUCTIONS:,} instructions at most")


def _played(content: bytes) -> Any:
    """Run a pickle and return the object that it leaves on the stack."""
    stack: list[Any] = []
    memo: dict[Any, Any] = {}
    for name, argument in _instructions(content):
        if name == "STOP":
            return stack.pop()
        if name in ("PROTO", "FRAME"):
            continue
        if name in VALUES:
            stack.append(argument)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name]())
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in STEPS:
            STEPS[name](stack, argument)
        else:
            raise ValueError(f"the instruction {name} is refused")
    raise AssertionError("the loop ends only with STOP or an error")


VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
}
CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": Dict,
    "MARK": lambda: MARK,
}


def _to_mark(stack: list[Any]) -> list[Any]:
    """Pop the last mark and everything above it. Return the values above the mark."""
    at = next((i for i in reversed(range(len(stack))) if stack[i] is MARK), None)
    if at is None:
        raise ValueError("expected a mark on the stack, found none")
    taken = stack[at + 1 :]
    del stack[at:]
    return taken


def _pairs(values: list[Any]) -> list[tuple[Any, Any]]:
    return list(zip(values[::2], values[1::2], strict=True))


def _put(target: Any, pairs: list[tuple[Any, Any]]) -> None:
    if not isinstance(target, (Dict, Made)):
        raise ValueError(f"expected a dict to put items into, found {_described(target)}")
    target.items.extend(pairs)


def _append(target: Any, values: list[Any]) -> None:
    if type(target) is not list:
        raise ValueError(f"expected a list to append to, found {_described(target)}")
    target.extend(values)


def _make(stack: list[Any], called: Any, arguments: Any) -> None:
    if not isinstance(called, Global):
        raise ValueError(f"expected a function to call, found {_described(called)}")
    stack.append(Made(called.name, arguments))


def _build(stack: list[Any]) -> None:
    state = stack.pop()
    if not isinstance(stack[-1], Made):
        raise ValueError(f"expected an object to set the state of, found {_described(stack[-1])}")
    stack[-1].state = state


def _on_two(step: Callable[[list[Any], Any, Any], None]) -> Callable[[list[Any], Any], None]:
    def run(stack: list[Any], _: Any) -> None:
        second = stack.pop()
        step(stack, stack.pop(), second)

    return run


def _set_item(stack: list[Any], _: Any) -> None:
    value, key = stack.pop(), stack.pop()
    _put(stack[-1], [(key, value)])


def _top_n(n: int) -> Callable[[list[Any], Any], None]:
    def run(stack: list[Any], _: Any) -> None:
        taken = tuple(stack[-n:])
        del stack[-n:]
        stack.append(taken)

    return run


def _on_marked(step: Callable[[list[Any], list[Any]], None]) -> Callable[[list[Any], Any], None]:
    return lambda stack, _: step(stack, _to_mark(stack))


STEPS: dict[str, Callable[[list[Any], Any], Any]] = {
    "POP": lambda stack, _: stack.pop(),
    "POP_MARK": lambda stack, _: _to_mark(stack),
    "DUP": lambda stack, _: stack.append(stack[-1]),
    "LIST": _on_marked(lambda stack, values: stack.append(values)),
    "TUPLE": _on_marked(lambda stack, values: stack.append(tuple(values))),
    "DICT": _on_marked(lambda stack, values: stack.append(Dict(_pairs(values)))),
    "TUPLE1": _top_n(1),
    "TUPLE2": _top_n(2),
    "TUPLE3": _top_n(3),
    "APPEND": lambda stack, _: _append(stack[-2], [stack.pop()]),
    "APPENDS": _on_marked(lambda stack, values: _append(stack[-1], values)),
    "SETITEM": _set_item,
    "SETITEMS": _on_marked(lambda stack, values: _put(stack[-1], _pairs(values))),
    "GLOBAL": lambda stack, name: stack.append(Global(name.replace(" ", "."))),
    "STACK_GLOBAL": _on_two(lambda stack, module, name: stack.append(Global(f"{module!s:.99}.{name!s:.99}"))),
    "REDUCE": _on_two(_make),
    "NEWOBJ": _on_two(_make),
    "BUILD": lambda stack, _: _build(stack),
}


# ---------------------------------------------------------------------------------------------------
# The arrays

NUMPY = "numpy.core.", "numpy._core."
FLOATS_AND_INTEGERS = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}


def _described(found: Any) -> str:
    if isinstance(found, Made):
        return quoted(found.name)
    return f"a {type(found).__name__}"


def _function(made: Any) -> str:
    """Return the name of the NumPy function that made an object, without the module. Other objects give ""."""
    if isinstance(made, Made) and made.name.startswith(NUMPY):
        return made.name.rsplit(".", 1)[1]
    return ""


def _is_shared(found: Any) -> bool:
    """Return whether an object is a shared variable. In protocols 0 and 1, a Python function makes it."""
    return isinstance(found, Made) and isinstance(found.state, Dict) and found.state.get("container") is not None


def _shared(found: Made) -> Shared:
    name, container = found.state.get("name"), found.state.get("container")
    if not isinstance(container, Made) or not isinstance(container.state, Dict):
        raise ValueError("found a shared variable without a value")
    (value,) = container.state.get("storage")
    return Shared(name if type(name) is str else None, _array(value))


def _value(found: Any) -> np.ndarray:
    return _shared(found).value if _is_shared(found) else _array(found)


def _array(found: Any) -> np.ndarray:
    function = _function(found)
    if function == "_reconstruct" and type(found.state) is tuple and len(found.state) == 5:
        _, shape, dtype, fortran, content = found.state
        return _of_bytes(content, _dtype(dtype), shape, "F" if fortran else "C")
    if function == "_frombuffer" and len(found.arguments) == 4:
        content, dtype, shape, order = found.arguments
        return _of_bytes(content, _dtype(dtype), shape, "F" if order == "F" else "C")
    if function == "scalar" and len(found.arguments) == 2:
        dtype, content = found.arguments
        return _of_bytes(content, _dtype(dtype), (), "C")
    if type(found) in (float, int):
        return np.asarray(found, float)
    raise ValueError(f"expected an array, found {_described(found)}")


def _of_bytes(held: Any, dtype: np.dtype, shape: Any, order: Any) -> np.ndarray:
    content = _bytes(held)
    if type(shape) is int:
        shape = (shape,)
    if type(shape) is not tuple or len(shape) > 8 or not all(type(n) is int and 0 <= n < 2**40 for n in shape):
        raise ValueError("found an array without a valid shape")
    if math.prod(shape) * dtype.itemsize != len(content):
        raise ValueError(f"found an array of {dtype} and shape {shape} in {len(content):,} bytes")
    array = np.frombuffer(content, dtype) if content else np.empty(0, dtype)
    return array.astype(dtype.newbyteorder("=")).reshape(shape, order=order)


def _dtype(found: Any) -> np.dtype:
    kind = found.arguments[0] if isinstance(found, Made) and found.name == "numpy.dtype" else None
    if type(kind) is not str or kind not in FLOATS_AND_INTEGERS:
        raise ValueError("found an array of neither floats nor integers")
    order = found.state[1] if type(found.state) is tuple else "="
    if order not in ("<", ">", "|", "="):
        raise ValueError("found an array of unknown byte order")
    return np.dtype(order + kind)


def _bytes(found: Any) -> bytes:
    """Return the bytes of an array. Python 2 and old protocols of Python 3 store them as text."""
    if isinstance(found, Made) and found.name == "_codecs.encode" and found.arguments[1] == "latin1":
        found = found.arguments[0]
    if isinstance(found, Made) and found.name in ("__builtin__.bytes", "builtins.bytes") and not found.arguments:
        return b""
    if type(found) is str:
        return found.encode("latin-1")
    if type(found) not in (bytes, bytearray):
        raise ValueError("found an array without bytes")
    return bytes(found)
