"""`envbuild explain` and `envbuild diff`."""

from dataclasses import asdict
from typing import Any

import click

from envbuild.cli.candidates import files
from envbuild.cli.display import amount, table
from envbuild.cli.options import Asked, asked
from envbuild.cli.saying import say, say_data
from envbuild.formats.lockfiles.lockchanges import Change
from envbuild.pipeline.differing import FieldChange
from envbuild.pipeline.explaining import Explanation
from envbuild.workspace.comparing import Difference

__all__ = ["diff_command", "explain_command"]


@click.command("explain", no_args_is_help=True)
@click.argument("spec", metavar="SPEC", shell_complete=files)
@asked("platform", "selection", "json")
def explain_command(asked: Asked, spec: str) -> None:
    r"""Tell why the image of SPEC is found, or has to be built: each id on the way, and what is known for it here.

    For an image that is not here, the nearest definition that was resolved here and what it asks for otherwise: a `-` is
    only there, a `+` only in SPEC. Nothing is resolved or built.

    \b
    envbuild explain requirements.txt
    envbuild explain envbuild.toml --json
    """
    found = asked.workspace.explain(spec, asked.platform, selection=asked.selection)
    if asked.json:
        say_data(_explained(found))
        return
    say(f"{found.name} for {found.platform}: {'hit' if found.hit else 'miss'}")
    say(table([(step.kind, "ok" if step.known else "--", step.id or "-", step.what) for step in found.steps]))
    if found.nearest:
        say(f"nearest here: {found.nearest.name} ({found.nearest.definition_id.short}), otherwise in")
        _fields(found.nearest.changes)
    elif not found.hit:
        say("no other definition was resolved here")


@click.command("diff", no_args_is_help=True)
@click.argument("first", metavar="FIRST", shell_complete=files)
@click.argument("second", metavar="SECOND", shell_complete=files)
@asked("platform", "json")
def diff_command(asked: Asked, first: str, second: str) -> None:
    r"""Tell what differs between two environments: definitions, lock files or images.

    Of definitions the fields, and where their locks are known here the packages, too; of images the packages of their
    locks, and the bytes of the layers that they share. Nothing is resolved or built.

    \b
    envbuild diff requirements.txt environment.yml
    envbuild diff lockfiles/old.lock lockfiles/training.lock
    envbuild diff envbuild/train:latest envbuild/serve:latest
    """
    found = asked.workspace.diff(first, second, asked.platform)
    if asked.json:
        say_data(_different(found))
        return
    if found.fields is not None:
        say("asked for: the same" if not found.fields else "asked for:")
        _fields(found.fields)
    if found.packages is not None:
        say("packages: the same" if not found.packages else "packages:")
        rows = [(f"  {change}", _sizes(change)) for change in found.packages]
        say(table(rows), nl=bool(rows))
    if found.same_image is not None:
        one, other = map(amount, found.sizes)
        words = (
            "the same" if found.same_image else f"{one} and {other}, of which {amount(found.shared_bytes)} are shared"
        )
        say(f"images: {words}")


def _fields(changes: tuple[FieldChange, ...]) -> None:
    for change in changes:
        say(f"  {change.field}" + (" is in another order" if change.moved else ""))
        for sign, texts in (("-", change.gone), ("+", change.came)):
            for text in texts:
                say(f"    {sign} {text}")


def _sizes(change: Change) -> str:
    return " -> ".join(amount(size) for size in (change.old_size, change.new_size) if size)


def _explained(found: Explanation) -> dict[str, Any]:
    nearest = found.nearest
    return {
        "schema": 1,
        "name": found.name,
        "platform": str(found.platform),
        "hit": found.hit,
        "steps": [asdict(step) for step in found.steps],
        "nearest": nearest
        and {
            "definition": str(nearest.definition_id),
            "name": nearest.name,
            "changes": [asdict(change) for change in nearest.changes],
        },
    }


def _different(found: Difference) -> dict[str, Any]:
    return {
        "schema": 1,
        "same": found.same,
        "fields": None if found.fields is None else [asdict(change) for change in found.fields],
        "packages": None if found.packages is None else [asdict(change) for change in found.packages],
        "same_image": found.same_image,
        "shared_bytes": found.shared_bytes,
        "sizes": list(found.sizes),
    }
