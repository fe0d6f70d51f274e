"""`envbuild capture`."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from envbuild.cli.candidates import files, folders
from envbuild.cli.options import Asked, asked
from envbuild.cli.saying import say
from envbuild.errors import UsageError

if TYPE_CHECKING:
    from envbuild.sources.installed import Captured

__all__ = ["capture_command"]


@click.command("capture")
@click.argument("prefix", metavar="[PREFIX]", default="", shell_complete=folders)
@click.option("-o", "--output", metavar="FILE", default="", shell_complete=files, help="The file to write. [stdout]")
@click.option("--force", is_flag=True, help="Replace FILE where it exists.")
@click.option(
    "--ask-channels", is_flag=True, help="Ask conda's channels for each build; of one that is gone the version is kept."
)
@asked("json")
def capture_command(asked: Asked, prefix: str, output: str, *, force: bool, ask_channels: bool) -> None:
    r"""Make a definition of an existing Python environment: write it as an envbuild.toml.

    PREFIX is the folder of a virtual environment, of a conda environment (or its name), or of an installation of Python;
    without one it is the environment that is active. Its files are read, nothing of it is run, and neither pip nor conda
    is needed. Made for Linux, each package is taken in the version that is installed, conda's in its build, too; made for
    another system, what was asked for is. What could not become part of the definition is told on stderr, with the reason: editable installs,
    those from version control, files of this machine.

    \b
    envbuild capture > envbuild.toml
    envbuild capture .venv -o envbuild.toml
    envbuild capture train -o train.toml
    """
    from envbuild.formats.toml.envtomldump import envbuild_toml

    workspace = asked.workspace
    if output and not force and workspace.adapters.files.is_file(output):
        raise UsageError("the file exists", at=output, hint="name another one, or replace it: --force")
    found = workspace.capture(prefix, ask_channels=ask_channels)
    toml = envbuild_toml(found.definition)
    if output:
        workspace.adapters.files.write(output, toml.encode())
    if asked.json:
        click.echo(json.dumps(_as_data(found, toml, output)))
        return
    click.echo(output or toml, nl=bool(output))
    if not asked.quiet:
        for line in _told(found):
            say(line, err=True)


def _told(found: "Captured") -> Iterator[str]:
    """What there is to say, then what was left behind: in one line what has one reason and no place of its own."""
    yield from found.notices
    if found.left_behind:
        yield "left behind:"
    for why, group in groupby(found.left_behind, key=lambda one: "" if one.origin else one.why):
        several = list(group)
        if not why or len(several) == 1:
            yield from (f"  {one}" for one in several)
        else:
            yield f"  {', '.join(f'{one.name} {one.version}'.strip() for one in several)}: {why}"


def _as_data(found: "Captured", toml: str, path: str) -> dict[str, Any]:
    return {
        "schema": 1,
        "prefix": found.prefix,
        "name": found.definition.name,
        "path": path,
        "toml": toml,
        "left_behind": [asdict(one) for one in found.left_behind],
        "notices": list(found.notices),
    }
