"""Safe reading of pickles that contain only numbers in lists.

A pickle is a program for a small virtual machine that can import and call anything. The pickles of the paper's sets
need only a few instructions: for lists, tuples, one dict, small integers and the words "train", "valid" and "test". So
the whole file is first checked against a grammar of these instructions. Then Python's unpickler reads the file, with
all imports disabled.

The dict is read as a list of its keys and values, so that nothing in the file is hashed or compared. Hashing deeply
nested containers can overflow the stack or take forever.
"""

import io
import pickle
import re
from typing import Any

from rnnrbm_pt.music.paper_sets import SPLITS

MAX_BYTES = 32 * 2**20  # MuseData, the largest set, has about 0.4 million frames of 3.5 notes
MAX_CONTAINERS = 2_000_000
MAX_DICT_INSTRUCTIONS = 20  # protocol 0 has one for each of the three keys, and one for the dict

# The allowed instructions of protocols 0 to 5, except those of dicts. Memo indices are below 4,194,304, since the
# unpickler allocates memory for all indices up to the largest one.
GRAMMAR = re.compile(
    rb"""(?:
      [(\])]                                             # marks and empty containers
    | [aelt\x85\x86\x87]                                 # append, extend, make a list or a tuple
    | K. | I-?[0-9]{1,9}\n | L-?[0-9]{1,9}L?\n | \x8a(?:\0|\x01[\x00-\x7f])
    | (?:S(['"])(?:train|valid|test)\1\n) | V(?:train|valid|test)\n
    | [U\x8c](?:\x05(?:train|valid)|\x04test) | [XT](?:\x05\0\0\0(?:train|valid)|\x04\0\0\0test)
    | q. | r..[\x00-\x3f]\x00 | p[0-3]?[0-9]{1,6}\n | \x94   # put into the memo
    | h. | j.{4} | g[0-9]{1,7}\n                         # get from the memo
    | \x95.{4}\0{4}                                      # a frame begins
    )*+""",
    re.DOTALL | re.VERBOSE,
)
# The instructions of dicts, and the equivalent instructions for a list of keys and values. The replacement of "s" is
# longer, which can make a frame longer than declared; the unpickler accepts that.
DICTS = {b"}": b"]", b"d": b"l", b"u": b"e", b"s": b"\x86a"}
PROTOCOL = re.compile(rb"(?:\x80[\x02-\x05])?", re.DOTALL)
GROWING = b"]()lt\x85\x86\x87\x94"  # instructions of one byte that take much more memory
IMPORTING = b"ciRob\x81\x92\x93\x82\x83\x84PQ\x97"  # imports, calls, extensions, persistent objects
FOREIGN_NAME = re.compile(rb"([A-Za-z_][\w.]{0,80})\n([A-Za-z_][\w.]{0,80})\n")


class _PlainUnpickler(pickle.Unpickler):
    """An unpickler that imports nothing: a second safeguard, in case the grammar lets something through."""

    def find_class(self, module, name):
        raise pickle.UnpicklingError(f"{module}.{name} is refused")

    def persistent_load(self, pid):
        raise pickle.UnpicklingError("a persistent object is refused")


def load_plain(content: bytes, label: str) -> dict[str, Any]:
    """Load a pickled dict that consists of lists, tuples, integers and the names of the splits.

    Parameters
    ----------
    content : bytes
        A pickle of any protocol, written by Python 2 or 3.
    label : str
        Name of the pickle in error messages.

    Returns
    -------
    dict
        Its keys are names of splits. The structure of its values is not checked: a container may even contain itself.

    Raises
    ------
    ValueError
        If the pickle contains anything else, is incomplete, or is larger than any of the sets. The message begins with
        the label. Nothing in the file has been executed.
    """
    if len(content) > MAX_BYTES:
        raise ValueError(f"{label}: expected a pickle of {MAX_BYTES:,} bytes at most, found {len(content):,}")
    # An upper bound: it also counts such bytes within numbers and names.
    if sum(content.count(instruction) for instruction in GROWING) > MAX_CONTAINERS:
        raise ValueError(f"{label}: expected {MAX_CONTAINERS:,} lists and tuples at most in a pickle, found more")
    try:
        entries = _PlainUnpickler(io.BytesIO(_without_dicts(content, label))).load()
    except (pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError, AttributeError) as err:
        if str(err).startswith(f"{label}: "):
            raise
        raise ValueError(f"{label}: not a pickle, or a damaged one ({err})") from err
    return _dict_of(entries, label)


def _without_dicts(content, label):
    """Check the pickle against the grammar, and return it with a list instead of its dict."""
    start = PROTOCOL.match(content).end()
    pieces = [content[:start]]
    for _ in range(MAX_DICT_INSTRUCTIONS + 1):
        end = GRAMMAR.match(content, start).end()
        pieces.append(content[start:end])
        instruction = content[end : end + 1]
        if instruction == b".":
            return b"".join([*pieces, b"."])
        if instruction not in DICTS:
            raise ValueError(f"{label}: expected a pickle of numbers in lists, found {_found(content, end)}")
        pieces.append(DICTS[instruction])
        start = end + 1
    raise ValueError(f"{label}: expected a pickle of one dict of {', '.join(SPLITS)}, found a larger dict or several")


def _dict_of(entries, label):
    """Make a dict of a list that has keys and values in turn, or (key, value) tuples."""
    if type(entries) is not list or len(entries) > 2 * MAX_DICT_INSTRUCTIONS:
        raise ValueError(f"{label}: expected a pickle of a dict, found something else")
    rest, found = iter(entries), {}
    for key in rest:
        key, value = key if type(key) is tuple and len(key) == 2 else (key, next(rest, None))
        if type(key) is not str or key not in SPLITS:
            raise ValueError(f"{label}: expected a dict of {', '.join(SPLITS)}, found another key")
        found[key] = value
    return found


def _found(content, place):
    """Describe the first instruction that the grammar does not allow."""
    byte = content[place : place + 1]
    if not content:
        return "an empty file"
    if not byte:
        return "an incomplete file"
    name = FOREIGN_NAME.match(content, place + 1) if byte in b"ci" else None
    if place == 0 and name is None:
        return f"a file that begins with {content[:8]!r}"
    if byte in IMPORTING:
        target = b".".join(name.groups()).decode() if name else "something"
        return f"an instruction to import or call {target} at byte {place:,}, which is never executed"
    if byte in b"SUVXT\x8c":
        return f"a word other than train, valid and test at byte {place:,}"
    return f"the instruction {byte!r} at byte {place:,}, which none of the data sets has"
