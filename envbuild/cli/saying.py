"""What the command line writes: nothing in it steers a terminal, and data has such characters as escapes."""

import json

import click

__all__ = ["printable", "say", "say_data", "shown"]


def printable(text: str) -> str:
    """The text with everything that could steer a terminal, or turn its direction, shown as `?`; lines stay lines."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def shown(text: str) -> str:
    """A text that may quote anything, as it is shown: without credentials, and printable."""
    from envbuild.formats.urls import redacted

    return printable(redacted(text))


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Write it, with a `?` for each character that steers a terminal or turns its direction."""
    click.echo(printable(text), err=err, nl=nl)


def say_data(value: object, *, indent: int | None = None) -> None:
    r"""Write it as JSON. Letters stand as they are; what is not printable as `\u`: the value is the same."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    click.echo("".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text))


def _escaped(character: str) -> str:
    """JSON's own escapes spare DEL."""
    return json.dumps(character)[1:-1].replace("\x7f", r"\u007f")
