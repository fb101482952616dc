"""Pickles of plain numbers in lists, read without the power that pickles have.

A pickle is a program for a small machine that can import and call anything. Those of the paper's sets need little of
it: lists, tuples, one dict, small integers and the words "train", "valid" and "test". So the whole file is first held
against a grammar of just that; then Python's own unpickler, which is told besides to refuse every import, reads it.

The one dict is read as a list of its keys and values. So nothing that the file says is ever hashed or compared, which
for containers within containers goes deeper than the stack of the processor, or takes time without end.
"""

import io
import pickle
import re
from typing import Any

from rnnrbm_pt.music.paper_sets import SPLITS

MAX_BYTES = 32 * 2**20  # MuseData, the largest set, has about 0.4 million frames of 3.5 notes
MAX_CONTAINERS = 2_000_000
MAX_INSTRUCTIONS_OF_DICTS = 20  # protocol 0 has one for each of the three keys, and one for the dict

# The instructions of protocols 0 to 5 that such a file may have, by their byte, but those of dicts. Indices of the memo
# are below 4,194,304, since the unpickler makes room for as many as the highest says.
GRAMMAR = re.compile(
    rb"""(?:
      [(\])]                                             # marks and empty containers
    | [aelt\x85\x86\x87]                                 # append, extend, make a list or a tuple
    | K. | I-?[0-9]{1,9}\n | L-?[0-9]{1,9}L?\n | \x8a(?:\0|\x01[\x00-\x7f])
    | (?:S(['"])(?:train|valid|test)\1\n) | V(?:train|valid|test)\n
    | [U\x8c](?:\x05(?:train|valid)|\x04test) | [XT](?:\x05\0\0\0(?:train|valid)|\x04\0\0\0test)
    | q. | r..[\x00-\x3f]\x00 | p[0-3]?[0-9]{1,6}\n | \x94   # put into the memo
    | h. | j.{4} | g[0-9]{1,7}\n                         # get from it
    | \x95.{4}\0{4}                                      # a frame begins
    )*+""",
    re.DOTALL | re.VERBOSE,
)
# The instructions of dicts, and what does the same to a list of keys and values. A frame may become longer by what
# stands for "s", and the unpickler does not mind.
DICTS = {b"}": b"]", b"d": b"l", b"u": b"e", b"s": b"\x86a"}
PROTOCOL = re.compile(rb"(?:\x80[\x02-\x05])?", re.DOTALL)
GROWING = b"]()lt\x85\x86\x87\x94"  # what takes much more memory than its one byte
IMPORTING = b"ciRob\x81\x92\x93\x82\x83\x84PQ\x97"  # imports, calls, extensions, foreign objects
FOREIGN_NAME = re.compile(rb"([A-Za-z_][\w.]{0,80})\n([A-Za-z_][\w.]{0,80})\n")


class _PlainUnpickler(pickle.Unpickler):
    """The second wall: whatever the grammar let through, nothing is imported."""

    def find_class(self, module, name):
        raise pickle.UnpicklingError(f"{module}.{name} is refused")

    def persistent_load(self, pid):
        raise pickle.UnpicklingError("a foreign object is refused")


def load_plain(content: bytes, label: str) -> dict[str, Any]:
    """The dict that a pickle holds, made of lists, tuples, integers and the names of the splits alone.

    Parameters
    ----------
    content : bytes
        Written by Python 2 or 3, of any protocol.
    label : str
        What to call it in an error.

    Returns
    -------
    dict
        Of names of splits. Its values are not checked beyond that: containers may hold one another in any way,
        themselves too.

    Raises
    ------
    ValueError
        If there is anything else in it, it is broken off, or larger than any of the sets. The sentence begins with the
        label; nothing in the file has been executed.
    """
    if len(content) > MAX_BYTES:
        raise ValueError(f"{label}: expected a pickle of {MAX_BYTES:,} bytes at most, found {len(content):,}")
    # Counts bytes of numbers and names as well: an upper bound, a little above the truth.
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
    """The same pickle with a list instead of its dict, after a check of the whole against the grammar."""
    start = PROTOCOL.match(content).end()
    pieces = [content[:start]]
    for _ in range(MAX_INSTRUCTIONS_OF_DICTS + 1):
        end = GRAMMAR.match(content, start).end()
        pieces.append(content[start:end])
        instruction = content[end : end + 1]
        if instruction == b".":
            return b"".join([*pieces, b"."])
        if instruction not in DICTS:
            raise ValueError(f"{label}: expected a pickle of numbers in lists, found {_found(content, end)}")
        pieces.append(DICTS[instruction])
        start = end + 1
    raise ValueError(f"{label}: expected a pickle of one dict of {', '.join(SPLITS)}, found a larger one or several")


def _dict_of(entries, label):
    """The dict of a list of keys and values: one after the other, or in tuples of both."""
    if type(entries) is not list or len(entries) > 2 * MAX_INSTRUCTIONS_OF_DICTS:
        raise ValueError(f"{label}: expected a pickle of a dict, found something else")
    rest, found = iter(entries), {}
    for key in rest:
        key, value = key if type(key) is tuple and len(key) == 2 else (key, next(rest, None))
        if type(key) is not str or key not in SPLITS:
            raise ValueError(f"{label}: expected a dict of {', '.join(SPLITS)}, found another key in it")
        found[key] = value
    return found


def _found(content, place):
    """What stands at the first byte that the grammar does not have."""
    byte = content[place : place + 1]
    if not content:
        return "an empty file"
    if not byte:
        return "a file that is broken off"
    name = FOREIGN_NAME.match(content, place + 1) if byte in b"ci" else None
    if place == 0 and name is None:
        return f"a file that begins with {content[:8]!r}"
    if byte in IMPORTING:
        wish = b".".join(name.groups()).decode() if name else "something"
        return f"at byte {place:,} an instruction to import or call {wish}, which is never done here"
    if byte in b"SUVXT\x8c":
        return f"at byte {place:,} a word other than train, valid and test"
    return f"at byte {place:,} the instruction {byte!r}, which none of the data sets has"
