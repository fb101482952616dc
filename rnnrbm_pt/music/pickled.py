"""Pickles of plain numbers in lists, read without the power that pickles have.

A pickle is a program for a small machine that can import and call anything. Those of the paper's sets need little of
it: lists, tuples, one dict, small integers and the words "train", "valid" and "test". So the whole file is first held
against a grammar of just that; then Python's own unpickler, which is told besides to refuse every import, reads it.
Nothing else is looked at, and memory is bounded by the size of the file.
"""

import io
import pickle
import re

MAX_BYTES = 32 * 2**20  # MuseData, the largest set, has about 0.4 million frames of 3.5 notes
MAX_CONTAINERS = 2_000_000

# The instructions of protocols 0 to 5 that such a file may have, by their byte. Indices of the memo are below
# 4,194,304, since the unpickler makes room for as many as the highest says.
GRAMMAR = re.compile(
    rb"""(?:
      [(\]})]                                            # marks and empty containers
    | [aelstud\x85\x86\x87]                              # append, extend, make a list, a tuple or a dict, set items
    | K. | M.. | J.{4} | I-?[0-9]{1,9}\n | L-?[0-9]{1,9}L?\n | \x8a(?:\0|\x01.|\x02..)
    | (?:S(['"])(?:train|valid|test)\1\n) | V(?:train|valid|test)\n
    | [U\x8c](?:\x05(?:train|valid)|\x04test) | [XT](?:\x05\0\0\0(?:train|valid)|\x04\0\0\0test)
    | q. | r..[\x00-\x3f]\x00 | p[0-3]?[0-9]{1,6}\n | \x94   # put into the memo
    | h. | j.{4} | g[0-9]{1,7}\n                         # get from it
    | \x95.{4}\0{4}                                      # a frame begins
    )*+""",
    re.DOTALL | re.VERBOSE,
)
PROTOCOL = re.compile(rb"(?:\x80[\x02-\x05])?", re.DOTALL)
CONTAINERS = b"]}ldt\x85\x86\x87"
IMPORTING = b"ciRob\x81\x92\x93\x82\x83\x84PQ\x97"  # imports, calls, extensions, foreign objects
FOREIGN_NAME = re.compile(rb"([A-Za-z_][\w.]{0,80})\n([A-Za-z_][\w.]{0,80})\n")


class _PlainUnpickler(pickle.Unpickler):
    """The second wall: whatever the grammar let through, nothing is imported."""

    def find_class(self, module, name):
        raise pickle.UnpicklingError(f"{module}.{name} is refused")

    def persistent_load(self, pid):
        raise pickle.UnpicklingError("a foreign object is refused")


def load_plain(content, label):
    """What a pickle holds that is made of dicts, lists, tuples, integers and the names of the splits alone.

    Parameters
    ----------
    content : bytes
        Written by Python 2 or 3, of any protocol.
    label : str
        What to call it in an error.

    Returns
    -------
    object
        Not checked beyond that: containers may hold one another in any way, themselves too.

    Raises
    ------
    ValueError
        If there is anything else in it, it is broken off, or larger than any of the sets. The sentence begins with the
        label; nothing in the file has been executed.
    """
    if len(content) > MAX_BYTES:
        raise ValueError(f"{label}: expected a pickle of {MAX_BYTES:,} bytes at most, found {len(content):,}")
    start = PROTOCOL.match(content).end()
    end = GRAMMAR.match(content, start).end()
    if content[end : end + 1] != b".":
        raise ValueError(f"{label}: expected a pickle of numbers in lists, found {_found(content, end)}")
    # Counts bytes of numbers and names as well: an upper bound, a little above the truth.
    if sum(content.count(instruction) for instruction in CONTAINERS) > MAX_CONTAINERS:
        raise ValueError(f"{label}: expected {MAX_CONTAINERS:,} lists and tuples at most in a pickle, found more")
    try:
        return _PlainUnpickler(io.BytesIO(content)).load()
    except (pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError, AttributeError) as err:
        raise ValueError(f"{label}: not a pickle, or a damaged one ({err})") from err


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
