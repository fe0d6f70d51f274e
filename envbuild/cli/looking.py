"""`envbuild verify`, `envbuild ls` and `envbuild cat`."""

import json
import sys

import click

from envbuild.cli.candidates import images
from envbuild.cli.options import Asked, asked
from envbuild.cli.saying import say

__all__ = ["cat_command", "ls_command", "verify_command"]

_NOT_OK = 6


@click.command("verify", no_args_is_help=True)
@click.argument("image", metavar="IMAGE", shell_complete=images)
@asked("json")
def verify_command(asked: Asked, image: str) -> int:
    r"""Check an image: the interpreter starts, every locked package is there, and its record holds.

    IMAGE is what `envbuild build` printed, an image id, a SPEC that was built, oci:DIR or archive:FILE. Each fault is a
    line; exit 6 where there is one. Without an engine the interpreter is not started, which is said.

    \b
    envbuild verify requirements.txt
    envbuild verify archive:image.tar
    """
    found = asked.workspace.verify(image)
    if asked.json:
        document = {"schema": 1, "ok": found.ok, "started": found.started, "checked": found.checked}
        click.echo(json.dumps({**document, "faults": list(found.faults), "why_not_started": found.why_not_started}))
    else:
        for fault in found.faults:
            say(fault)
        if not asked.quiet:
            say(found.summary, err=True)
    return 0 if found.ok else _NOT_OK


@click.command("ls", no_args_is_help=True)
@click.argument("image", metavar="IMAGE", shell_complete=images)
@click.argument("path", metavar="[PATH]", default="")
@asked("json")
def ls_command(asked: Asked, image: str, path: str) -> None:
    r"""List the files of an image, or of a folder in it: mode, size, path.

    IMAGE is what `envbuild build` printed, an image id, a SPEC that was built, oci:DIR or archive:FILE. No engine is
    needed.

    \b
    envbuild ls requirements.txt /opt/env/bin
    envbuild ls archive:image.tar /etc --json
    """
    entries = asked.workspace.list_files(image, path)
    if asked.json:
        rows = [{"path": e.path, "kind": e.kind, "mode": e.mode, "size": e.size, "target": e.target} for e in entries]
        click.echo(json.dumps({"schema": 1, "files": rows}))
        return
    for entry in entries:
        arrow = f" -> {entry.target}" if entry.target else ""
        say(f"{entry.mode_text} {entry.size:>10} /{entry.path}{arrow}")


@click.command("cat", no_args_is_help=True)
@click.argument("image", metavar="IMAGE", shell_complete=images)
@click.argument("path", metavar="PATH")
@asked()
def cat_command(asked: Asked, image: str, path: str) -> None:
    r"""Print a file of an image, byte for byte; links are followed.

    IMAGE is what `envbuild build` printed, an image id, a SPEC that was built, oci:DIR or archive:FILE.

    \b
    envbuild cat requirements.txt /etc/os-release
    """
    stream = sys.stdout.buffer
    for chunk in asked.workspace.read_file(image, path):
        stream.write(chunk)
    stream.flush()
