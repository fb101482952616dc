"""Search space: options of `rnnrbm train`, with the values that each option may take.

As TOML:

lr = "1e-4..0.1:log"                 # from 0.0001 to 0.1, uniform in the logarithm
hidden = "50..300:50"                # integers from 50 to 300, in steps of 50
optimizer = ["sgd", "nesterov"]      # one of these
persistent = [true, false]           # --persistent or --no-persistent
momentum = {range = "0.5..0.99", when = {optimizer = ["nesterov"]}}
"""

import json
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rnnrbm_pt.io.atomic_write import FilePath, read_bytes
from rnnrbm_pt.quoting import quoted

Value = bool | int | float | str
LARGEST_FILE = 2**20


@dataclass(frozen=True)
class Parameter:
    """An option and its possible values: either choices or a range.

    Attributes
    ----------
    name : str
        Name of the option without dashes at the start, such as "clip-norm".
    choices : tuple
        Possible values. Empty for a range.
    low, high : int or float, optional
        Smallest and largest value of a range.
    log : bool
        Whether the range is sampled uniformly in the logarithm.
    step : int or float, optional
        Distance between neighbouring values of the range.
    when : dict {str: list}
        Condition for this parameter: values of earlier parameters, by name. Without a match, the option is left out.
    """

    name: str
    choices: tuple[Value, ...] = ()
    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    when: dict[str, list[Value]] = field(default_factory=dict)

    def suggest(self, trial: Any) -> Value:
        """Return the value for an Optuna trial. A value that was drawn before stays the same."""
        if self.choices:
            return trial.suggest_categorical(self.name, list(self.choices))
        if isinstance(self.low, int):
            return trial.suggest_int(self.name, self.low, self.high, step=self.step or 1, log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, step=self.step, log=self.log)

    def examples(self) -> tuple[Value, ...]:
        """Return values with which to check the option: all choices, or both bounds."""
        return self.choices or (self.low, self.high)  # type: ignore[return-value]  # a range has both

    def matching(self, value: Value) -> list[Value]:
        """Return the possible values that a condition means by a value. The number 50 and the word "50" are the same.

        Conditions can name choices and whole numbers of a range. A range of real numbers has no such values.
        """
        plain = _plain(value)
        if isinstance(self.low, int) and isinstance(self.high, int):
            numbers = range(self.low, self.high + 1, int(self.step or 1))
            return [plain] if type(plain) is int and plain in numbers else []
        same_type = (choice for choice in self.choices if isinstance(choice, bool) == isinstance(plain, bool))
        return [choice for choice in same_type if _plain(choice) == plain]


@dataclass(frozen=True)
class Space:
    """All parameters, in the order in which they are sampled."""

    parameters: tuple[Parameter, ...]

    def suggest(self, trial: Any) -> dict[str, Value]:
        """Return the values of a trial, by option name."""
        values: dict[str, Value] = {}
        for one in self.parameters:
            if all(values.get(name) in allowed for name, allowed in one.when.items()):
                values[one.name] = one.suggest(trial)
        return values

    def to_json(self) -> str:
        """Return a string that identifies the space."""
        return json.dumps([asdict(one) for one in self.parameters])


def parse_parameter(name: str, described: Any, earlier: Iterable[Parameter] = ()) -> Parameter:
    """Parse a parameter from a TOML entry or from the text of --space.

    Parameters
    ----------
    name : str
        Name of the option.
    described : str, list or dict
        "LOW..HIGH", "LOW..HIGH:log", "LOW..HIGH:STEP" or "A,B,C"; a list of choices; or a dict with the key "range" or
        "choices" and optionally "when".
    earlier : iterable of Parameter
        Earlier parameters, to which `when` may refer.

    Returns
    -------
    Parameter

    Raises
    ------
    ValueError
        If the description is invalid.
    """
    label, when = f"space: {name}", {}
    if isinstance(described, Mapping):
        unknown = set(described) - {"range", "choices", "when"}
        if unknown or len(set(described) & {"range", "choices"}) != 1:
            raise ValueError(f"{label}: expected range or choices, and maybe when, found {quoted(dict(described))}")
        when = parse_condition(f"{label}: when", described.get("when", {}), earlier)
        described = described["range"] if "range" in described else described["choices"]
    if isinstance(described, list):
        if not described or not all(isinstance(value, Value) for value in described):
            raise ValueError(f"{label}: expected a list of numbers, words or booleans, found {quoted(described)}")
        return Parameter(name, tuple(described), when=when)
    if not isinstance(described, str):
        raise ValueError(f"{label}: expected LOW..HIGH or a list of choices, found {quoted(described)}")
    if ".." not in described:
        return Parameter(name, tuple(described.split(",")), when=when)
    bounds, colon, how = described.partition(":")
    first, _, last = bounds.partition("..")
    try:
        low, high = _number(first), _number(last)
        step = None if not colon or how == "log" else _number(how)
    except ValueError:
        expected = "LOW..HIGH, LOW..HIGH:log or LOW..HIGH:STEP with numbers"
        raise ValueError(f"{label}: expected {expected}, found {quoted(described)}") from None
    if not all(isinstance(x, int) for x in (low, high, 0 if step is None else step)):
        low, high, step = float(low), float(high), None if step is None else float(step)
    if not low < high or (how == "log" and low <= 0) or (step is not None and step <= 0):
        raise ValueError(f"{label}: expected LOW < HIGH, STEP > 0, and LOW > 0 with log, found {quoted(described)}")
    return Parameter(name, (), low, high, how == "log", step, when)


def parse_condition(label: str, described: Any, earlier: Iterable[Parameter]) -> dict[str, list[Value]]:
    """Parse the condition of a parameter.

    Parameters
    ----------
    label : str
        Name of the condition, for error messages.
    described : dict {str: list}
        Values of earlier parameters, by name. The number 50 and the word "50" are the same.
    earlier : iterable of Parameter
        Earlier parameters.

    Returns
    -------
    dict {str: list}
        The same values, as the earlier parameters have them.

    Raises
    ------
    ValueError
        If the description is invalid, or names a value that the earlier parameter cannot have.
    """
    if not isinstance(described, Mapping) or not all(isinstance(x, list) and x for x in described.values()):
        raise ValueError(f"{label}: expected lists of values by name, found {quoted(described)}")
    parents, when = {one.name: one for one in earlier}, {}
    for name, allowed in described.items():
        parent = parents.get(name.replace("_", "-"))
        if parent is None:
            raise ValueError(f"{label}: expected an earlier parameter, found {quoted(name)}")
        for value in allowed:
            if not isinstance(value, Value) or not parent.matching(value):
                expected = f"choices of {parent.name}, or whole numbers in its range"
                raise ValueError(f"{label}: expected {expected}, found {quoted(value)}")
        when[parent.name] = [found for value in allowed for found in parent.matching(value)]
    return when


def _plain(value: Value) -> Value:
    """Convert the text of a number to the number."""
    if isinstance(value, str):
        with suppress(ValueError):
            return _number(value)
    return value


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        value = float(text)
        if value - value:
            raise ValueError("not finite") from None
        return value


def parse_space(texts: Iterable[str] = (), file: FilePath | None = None) -> Space:
    """Parse the space in a TOML file, and in --space options, which are added after it.

    Parameters
    ----------
    texts : iterable of str
        Values of --space: NAME=VALUES.
    file : path-like, optional
        TOML file.

    Returns
    -------
    Space

    Raises
    ------
    ValueError
        If an entry is invalid, a name occurs twice, or the space is empty. The message names the file or the entry.
    FileNotFoundError
        If the file does not exist.
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
        if name in [one.name for one in parameters]:
            raise ValueError(f"space: {name}: expected each name once, found it twice")
        parameters.append(parse_parameter(name, described, parameters))
    if not parameters:
        raise ValueError("space: expected parameters from --space NAME=VALUES or --space-file, found none")
    return Space(tuple(parameters))
