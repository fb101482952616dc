"""Helpers that add commands and options to a parser. Options are generated from the fields of settings classes."""

import argparse
from collections.abc import Callable, Collection
from dataclasses import fields
from functools import partial
from typing import Any

from rnnrbm_pt.checks import integer


def add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], object], text: str, more: str = ".", **keywords: Any
) -> argparse.ArgumentParser:
    """Add a command to the subcommands of a parser.

    Parameters
    ----------
    commands : object
        Return value of `ArgumentParser.add_subparsers`.
    name : str
        Name of the command.
    run : callable
        Function that runs the command. It takes the parsed arguments.
    text : str
        Summary of the command: an imperative phrase without a capital or a full stop.
    more : str
        Text after the summary in the command's own help.
    **keywords
        Keywords of `add_parser`.

    Returns
    -------
    argparse.ArgumentParser
        The parser of the command.
    """
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + more, **keywords)
    parser.set_defaults(function=run)
    return parser


def add_options(group: Any, kind: type, prefix: str = "", only: Collection[str] | None = None) -> None:
    """Add the command-line options of a settings class. An option that is not given is None.

    Parameters
    ----------
    group : argparse.ArgumentParser or argument group
    kind : settings class
    prefix : str
        Prefix of the option names, such as "pretrain-".
    only : collection of str, optional
        Names of the fields that become options. By default all fields do.
    """
    for f in fields(kind):
        argument = dict(f.metadata["argument"])
        if not argument or (only is not None and f.name not in only):
            continue
        option = argument.pop("option", None) or f"--{prefix}{f.name.replace('_', '-')}"
        if "type" in argument:
            argument["type"] = checked(argument["type"], f.metadata["check"])
        default = "" if f.default is None or f.default is False else f" [default: {f.default}]"
        group.add_argument(
            option,
            dest=destination(prefix, f.name),
            default=None,
            help=f.metadata["help"].replace("%", "%%") + default,
            **argument,
        )


def given(args: argparse.Namespace, kind: type, prefix: str = "") -> dict[str, Any]:
    """Return the options of a settings class that were given: a dict of values by field name."""
    with_option = [f.name for f in fields(kind) if f.metadata["argument"]]
    values = {name: getattr(args, destination(prefix, name), None) for name in with_option}
    return {name: value for name, value in values.items() if value is not None}


def destination(prefix: str, name: str) -> str:
    """Return the attribute of the parsed arguments that holds the value of a field."""
    return f"{prefix}{name}".replace("-", "_")


def checked(convert: Callable[[str], Any], check: Callable[[str, Any], Any]) -> Callable[[str], Any]:
    """Make the ``type`` of an argument that is first converted and then checked.

    Parameters
    ----------
    convert : callable
        Converts the text, for example `int`.
    check : callable
        ``check(name, value)`` returns the value to use, or raises a ValueError.

    Returns
    -------
    callable
        Function from text to value, for `ArgumentParser.add_argument`.
    """

    def parse(text: str) -> Any:
        try:
            value: Any = convert(text)
        except ValueError:
            value = text  # the check reports what was expected
        try:
            return check("", value)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error).removeprefix(": ")) from None

    return parse


def whole_number(least: int, most: int | None = None) -> Callable[[str], Any]:
    """Make the ``type`` of an argument that is an integer of at least `least`, and at most `most`."""
    return checked(int, partial(integer, least=least, most=most))
