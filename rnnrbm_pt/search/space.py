"""The space that a search draws from: options of `rnnrbm train`, with the values that each may take.

lr = "1e-4..0.1:log"                 # from 0.0001 to 0.1, evenly in the logarithm
hidden = "50..300:50"                # whole numbers from 50 to 300, in steps of 50
optimizer = ["sgd", "nesterov"]      # one of these
momentum = {range = "0.5..0.99", when = {optimizer = ["nesterov"]}}
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rnnrbm_pt.io.atomic_write import FilePath, read_bytes
from rnnrbm_pt.quoting import quoted

Value = bool | int | float | str
RANGE = re.compile(r"(?P<low>[^.:,]+(?:\.\d+)?(?:e-?\d+)?)\.\.(?P<high>[^:,]+)(?::(?P<how>[^:,]+))?")
LARGEST_FILE = 2**20


@dataclass(frozen=True)
class Parameter:
    """One option, and what it may be.

    Attributes
    ----------
    name : str
        The option without its dashes, such as "clip-norm".
    choices : tuple
        The values, unless it has a range.
    low, high : int or float, optional
        Bounds of a range, both of which are allowed.
    log : bool
        Whether the range is drawn from evenly in the logarithm.
    step : int or float, optional
        From one value of the range to the next.
    when : dict {str: list}
        Other parameters and their values for which this one exists.
    """

    name: str
    choices: tuple[Value, ...] = ()
    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    when: dict[str, list[Value]] = field(default_factory=dict)

    def suggest(self, trial: Any) -> Value:
        """The value of an Optuna trial; one that was drawn before is the same again."""
        if self.choices:
            return trial.suggest_categorical(self.name, list(self.choices))
        if isinstance(self.low, int):
            return trial.suggest_int(self.name, self.low, self.high, step=self.step or 1, log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, step=self.step, log=self.log)

    def examples(self) -> tuple[Value, ...]:
        """Values to check an option by: all choices, or the bounds."""
        return self.choices or (self.low, self.high)  # type: ignore[return-value]  # a range has both


@dataclass(frozen=True)
class Space:
    """All parameters, in the order in which they are drawn."""

    parameters: tuple[Parameter, ...]

    def suggest(self, trial: Any) -> dict[str, Value]:
        """The values of a trial, by the names of the options."""
        values: dict[str, Value] = {}
        for one in self.parameters:
            if all(values.get(name) in allowed for name, allowed in one.when.items()):
                values[one.name] = one.suggest(trial)
        return values

    def to_json(self) -> str:
        """A text by which the space is known again."""
        return json.dumps([asdict(one) for one in self.parameters])


def parse_parameter(name: str, described: Any, earlier: Iterable[str] = ()) -> Parameter:
    """A parameter from its entry in a file, or from the text of an option.

    Parameters
    ----------
    name : str
    described : str, list or dict
        "LOW..HIGH", "LOW..HIGH:log", "LOW..HIGH:STEP" or "A,B,C"; a list of choices; or a dict of range or choices and
        when.
    earlier : iterable of str
        Names that `when` may have.

    Returns
    -------
    Parameter

    Raises
    ------
    ValueError
    """
    label, when = f"space: {name}", {}
    if isinstance(described, Mapping):
        unknown = set(described) - {"range", "choices", "when"}
        if unknown or len(set(described) & {"range", "choices"}) != 1:
            raise ValueError(f"{label}: expected range or choices, and perhaps when, found {quoted(dict(described))}")
        when = described.get("when", {})
        if not isinstance(when, Mapping) or not all(isinstance(allowed, list) for allowed in when.values()):
            raise ValueError(f"{label}: when: expected lists of values by names, found {quoted(when)}")
        for other in when:
            if other not in set(earlier):
                raise ValueError(f"{label}: when: expected a parameter that comes before, found {quoted(other)}")
        described = described["range"] if "range" in described else described["choices"]
    if isinstance(described, list):
        if not described or not all(isinstance(value, Value) for value in described):
            raise ValueError(f"{label}: expected a list of numbers, words or booleans, found {quoted(described)}")
        return Parameter(name, tuple(described), when=dict(when))
    if not isinstance(described, str):
        raise ValueError(f"{label}: expected LOW..HIGH or a list of choices, found {quoted(described)}")
    found = RANGE.fullmatch(described)
    if not found:
        return Parameter(name, tuple(described.split(",")), when=dict(when))
    how = found["how"]
    try:
        low, high = _number(found["low"]), _number(found["high"])
        step = None if how in (None, "log") else _number(how)
    except ValueError:
        expected = "LOW..HIGH, LOW..HIGH:log or LOW..HIGH:STEP, of numbers"
        raise ValueError(f"{label}: expected {expected}, found {quoted(described)}") from None
    if not all(isinstance(x, int) for x in (low, high, 0 if step is None else step)):
        low, high, step = float(low), float(high), None if step is None else float(step)
    if not low < high or (how == "log" and low <= 0) or (step is not None and step <= 0):
        raise ValueError(f"{label}: expected LOW < HIGH, and above 0 with log, found {quoted(described)}")
    return Parameter(name, (), low, high, how == "log", step, dict(when))


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        value = float(text)
        if value - value:
            raise ValueError("not finite") from None
        return value


def parse_space(texts: Iterable[str] = (), file: FilePath | None = None) -> Space:
    """The space of a TOML file and of options NAME=VALUES, which come after it.

    Parameters
    ----------
    texts : iterable of str
    file : path-like, optional

    Returns
    -------
    Space

    Raises
    ------
    ValueError
        If an entry is invalid, a name comes twice, or there is none; the sentence names the file or the entry.
    FileNotFoundError
    """
    entries: list[tuple[str, Any]] = []
    if file is not None:
        content = read_bytes(Path(file), "a TOML file", LARGEST_FILE)
        try:
            entries += tomllib.loads(content.decode()).items()
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{file}: expected TOML, found {quoted(str(error))}") from None
    for text in texts:
        name, equals, described = text.partition("=")
        if not equals or not name or not described:
            raise ValueError(f"--space: expected NAME=VALUES, found {quoted(text)}")
        entries.append((name.removeprefix("--"), described))
    parameters: list[Parameter] = []
    for name, described in entries:
        name = name.replace("_", "-")
        earlier = [one.name for one in parameters]
        if name in earlier:
            raise ValueError(f"space: {name}: expected each name once, found it twice")
        parameters.append(parse_parameter(name, described, earlier))
    if not parameters:
        raise ValueError("space: expected parameters, by --space NAME=VALUES or --space-file, found none")
    return Space(tuple(parameters))
