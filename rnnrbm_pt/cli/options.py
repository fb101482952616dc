"""Commands and their options. Options come from the fields of settings classes; one that is not given is None."""

import argparse
from collections.abc import Callable
from dataclasses import fields
from typing import Any


def add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], object], text: str, more: str = ".", **keywords: Any
) -> argparse.ArgumentParser:
    """Add a command to the subcommands of a parser.

    Parameters
    ----------
    commands : the object that `ArgumentParser.add_subparsers` returns
    name : str
    run : callable
        Called with the parsed arguments.
    text : str
        What the command does, in a phrase.
    more : str
        What follows the phrase in the command's own help.
    **keywords
        For `add_parser`.

    Returns
    -------
    argparse.ArgumentParser
        That of the command.
    """
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + more, **keywords)
    parser.set_defaults(function=run)
    return parser


def add_options(group: Any, kind: type, prefix: str = "") -> None:
    """Add an option for each field of a settings class that has one.

    Parameters
    ----------
    group : argparse.ArgumentParser or argument group
    kind : settings class
    prefix : str
        What the names of the options begin with, such as "pretrain-".
    """
    for f in fields(kind):
        argument = dict(f.metadata["argument"])
        if not argument:
            continue
        option = argument.pop("option", None) or f"--{prefix}{f.name.replace('_', '-')}"
        if "type" in argument:
            argument["type"] = checked(argument["type"], f.metadata["check"])
        default = "" if f.default is None or f.default is False else f" ({f.default})"
        group.add_argument(
            option,
            dest=destination(prefix, f.name),
            default=None,
            help=f.metadata["help"].replace("%", "%%") + default,
            **argument,
        )


def given(args: argparse.Namespace, kind: type, prefix: str = "") -> dict[str, Any]:
    """The fields of a settings class whose options were given, with their values."""
    with_option = [f.name for f in fields(kind) if f.metadata["argument"]]
    values = {name: getattr(args, destination(prefix, name)) for name in with_option}
    return {name: value for name, value in values.items() if value is not None}


def destination(prefix: str, name: str) -> str:
    """The attribute of the parsed arguments that has the value of a field."""
    return f"{prefix}{name}".replace("-", "_")


def checked(convert: Callable[[str], Any], check: Callable[[str, Any], Any]) -> Callable[[str], Any]:
    """The ``type`` of an argument that is converted and then checked.

    Parameters
    ----------
    convert : callable
        Such as int.
    check : callable
        check(name, value) -> value, or a ValueError.
    """

    def parse(text: str) -> Any:
        try:
            value: Any = convert(text)
        except ValueError:
            value = text  # the check says what was expected instead
        try:
            return check("", value)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error).removeprefix(": ")) from None

    return parse
