"""`envbuild lock` and `envbuild export`."""

import json
import re

import click

from envbuild.cli.candidates import files
from envbuild.cli.display import amount, table
from envbuild.cli.options import Asked, asked
from envbuild.cli.saying import say
from envbuild.errors import UsageError
from envbuild.formats.lockfiles.lockchanges import Change
from envbuild.pipeline.locking import Choice
from envbuild.pipeline.relocking import LockResult

__all__ = ["export_command", "lock_command"]


_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def _packages(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not _PACKAGE.fullmatch(value):
            hint = "give the name alone, once for each package: -P numpy -P pandas"
            raise UsageError(f"{value!r} is no name of a package", at="-P", hint=hint)
    return values


@click.command("lock", no_args_is_help=True)
@click.argument("spec", metavar="SPEC", shell_complete=files)
@click.option("--upgrade", is_flag=True, help="Take the newest of everything that SPEC allows.")
@click.option(
    "-P",
    "--upgrade-package",
    "packages",
    multiple=True,
    callback=_packages,
    metavar="NAME",
    help="Take the newest of NAME.",
)
@click.option("--upgrade-base", is_flag=True, help="Take the newest of the base's packages.")
@click.option(
    "--lock", "file", metavar="FILE", default="", shell_complete=files, help="The lock file to write. [as said above]"
)
@click.option("--check", is_flag=True, help="Write nothing; exit 3 if the lock file does not fit SPEC.")
@asked("resolver", "selection", "json")
def lock_command(
    asked: Asked, spec: str, *, check: bool, upgrade: bool, packages: tuple[str, ...], upgrade_base: bool, file: str
) -> None:
    r"""Resolve SPEC for its platforms, write its lock file, and print what changed.

    The file is lockfiles/NAME.lock where the project has that folder, else SPEC's own name with .envbuild.lock. What
    is locked stays as it is unless an option asks for newer versions. The file's path goes to stdout.

    \b
    envbuild lock requirements.txt
    envbuild lock requirements.txt -P numpy -P pandas
    envbuild lock envbuild.toml --check
    """
    choice = Choice(file=file, locked=check, upgrade=upgrade, packages=packages, upgrade_base=upgrade_base)
    result = asked.workspace.lock(spec, choice, asked.report, selection=asked.selection)
    if asked.json:
        changes = [_as_json(c) for c in result.changes]
        click.echo(json.dumps({"schema": 1, "path": result.path, "ids": dict(result.ids), "changes": changes}))
        return
    say(result.path)
    if not asked.quiet:
        say(_told(result), err=True)


def _told(result: LockResult) -> str:
    rows = [(str(c), amount(c.new_size) if c.new_size else "") for c in result.changes]
    what = "written" if result.written else "fits already"
    ids = ", ".join(f"{platform} {lock_id[7:19]}" for platform, lock_id in result.ids.items())
    return "\n".join([*([table(rows)] if rows else []), f"{what}: {ids}, {len(rows) or 'no'} changes"])


def _as_json(change: Change) -> dict[str, object]:
    return {
        "change": change.change.value,
        "kind": change.kind.value,
        "name": change.name,
        "old": change.old_version,
        "new": change.new_version,
        **(
            {"old_build": change.old_build, "new_build": change.new_build}
            if change.old_build or change.new_build
            else {}
        ),
        "size": change.new_size,
        "source": change.new_source,
    }


@click.command("export", no_args_is_help=True)
@click.argument("spec", metavar="SPEC", shell_complete=files)
@click.option(
    "--format",
    "form",
    type=click.Choice(["pylock", "requirements", "conda-lock", "pixi", "explicit"]),
    default="pylock",
    help="PyPI packages as pylock.toml (PEP 751) or requirements with hashes; conda's and PyPI's as conda-lock.yml, pixi.lock "
    "or conda's explicit list. [pylock]",
)
@click.option("-o", "--output", metavar="FILE", default="", shell_complete=files, help="The file to write. [stdout]")
@asked("platform", "resolver", "selection", "locking")
def export_command(asked: Asked, spec: str, form: str, output: str) -> None:
    r"""Write the packages of SPEC's lock in a form that other tools install from.

    conda-lock and pixi hold all platforms of SPEC, unless --platform names one; the others one. All but requirements have the
    address of each file at your index and channels, without logins: look at it before you publish it.

    \b
    envbuild export requirements.txt -o pylock.toml
    envbuild export requirements.txt --format requirements -o hashed.txt
    envbuild export environment.yml --format conda-lock -o conda-lock.yml
    """
    workspace = asked.workspace
    text = workspace.export(spec, form, asked.platform, asked.choice, asked.report, selection=asked.selection)
    if output:
        workspace.adapters.files.write(output, text.encode())
    else:
        click.echo(text, nl=False)
