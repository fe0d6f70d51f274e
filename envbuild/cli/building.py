"""`envbuild build`."""

import json
import time
from dataclasses import asdict
from typing import Any

import click

from envbuild.cli.candidates import files, places, repositories
from envbuild.cli.display import amount, seconds
from envbuild.cli.options import Asked, asked
from envbuild.cli.saying import say
from envbuild.errors import UsageError
from envbuild.reference import RULE, Reference
from envbuild.workspace.results import BuildRequest, Delivered

__all__ = ["build_command", "summary"]


def _tags(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            parsed = Reference.parse(value)
        except ValueError:
            parsed = None
        if parsed is None or parsed.digest:
            raise UsageError(f"{value!r} is no name for an image", at="-t", hint=f"it must be {RULE}")
    return values


@click.command("build", no_args_is_help=True)
@click.argument("spec", metavar="SPEC", shell_complete=files)
@click.option(
    "--to",
    "targets",
    multiple=True,
    metavar="PLACE",
    shell_complete=places,
    help="Where the image goes: store, docker, podman, oci:DIR, archive:FILE.tar, or HOST/REPOSITORY[:TAG] of a registry; "
    "may be repeated. [an engine where one runs, else store]",
)
@click.option(
    "-t",
    "--tag",
    "names",
    multiple=True,
    callback=_tags,
    metavar="NAME[:TAG]",
    help="A further name for the image; may be repeated.",
)
@click.option(
    "--cache",
    default="",
    metavar="HOST/REPOSITORY",
    shell_complete=repositories,
    help="Where images are looked for before they are built, and claimed after. [ENVBUILD_CACHE]",
)
@asked("platform", "resolver", "selection", "locking", "json")
def build_command(asked: Asked, spec: str, targets: tuple[str, ...], names: tuple[str, ...], cache: str) -> None:
    r"""Build the image of SPEC, or find it built already.

    SPEC is a definition (requirements.txt, envbuild.toml, pyproject.toml, a script with a header, or environment.yml with
    packages from pip alone), a folder with one, or a lock file. What no lock says is resolved first. The image's reference alone goes to stdout, in a form
    that the next command takes:

    \b
    docker run --rm $(envbuild build requirements.txt) python -V
    envbuild build . --extra gpu --project
    envbuild build envbuild.toml --to archive:image.tar
    envbuild build lockfiles/training.lock --to oci:layout
    envbuild build requirements.txt --to registry.example/team/train:v2
    """
    started = time.perf_counter()
    request = BuildRequest(
        spec=spec,
        platform=asked.platform,
        choice=asked.choice,
        selection=asked.selection,
        targets=targets,
        names=names,
        cache=cache,
    )
    delivered = asked.workspace.build(request, asked.report)
    took = time.perf_counter() - started
    if asked.json:
        click.echo(json.dumps(_document(delivered, took)))
    else:
        for reference in delivered.references:
            say(reference)
    if not asked.quiet:
        say(summary(delivered, took), err=True)


def summary(delivered: Delivered, took: float) -> str:
    """One line: what was made, what was there, bytes, seconds."""
    built, count = delivered.built, delivered.built.layers
    what = "found" if built.reused else "built"
    made = f"{count.made} layers made ({amount(count.made_bytes)}), {count.reused} reused"
    pushed = "".join(
        f", pushed {p.sent} blobs ({amount(p.sent_bytes)}), {p.mounted} mounted, {p.existed} there already"
        for p in delivered.pushed
    )
    return f"{what} {delivered.reference}: {made}, image {amount(built.image.size)}{pushed}, {seconds(took)}"


def _document(delivered: Delivered, took: float) -> dict[str, Any]:
    built = delivered.built
    return {
        "schema": 1,
        "ids": delivered.ids,
        "digest": str(built.image.digest),
        "reference": delivered.reference,
        "references": list(delivered.references),
        "platform": str(built.platform),
        "hit": built.reused,
        "layers": {"reused": built.layers.reused, "made": built.layers.made, "made_bytes": built.layers.made_bytes},
        "pushed": [asdict(p) for p in delivered.pushed],
        "size": built.image.size,
        "seconds": round(took, 3),
    }
