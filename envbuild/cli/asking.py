"""`envbuild probe` and `envbuild show`."""

import json

import click

from envbuild.cli.candidates import files
from envbuild.cli.exits import MISS
from envbuild.cli.options import Asked, asked
from envbuild.cli.saying import say, say_data
from envbuild.errors import UsageError

__all__ = ["probe_command", "show_command"]


@click.command("probe", no_args_is_help=True)
@click.argument("spec", metavar="SPEC", shell_complete=files)
@asked("platform", "selection", "locking", "json")
def probe_command(asked: Asked, spec: str) -> int:
    r"""Tell whether the image of SPEC is here: exit 0 for a hit, 10 for a miss. Uses neither network nor engine.

    A hit's reference goes to stdout; of a miss, what is missing is said on stderr.

    \b
    envbuild probe requirements.txt
    envbuild probe requirements.txt -q || echo "will be built"
    """
    answer = asked.workspace.probe(spec, asked.platform, asked.choice, asked.report, selection=asked.selection)
    if asked.json:
        document = {"schema": 1, "hit": answer.hit, "ids": dict(answer.ids), "digest": answer.digest}
        click.echo(json.dumps({**document, "reference": answer.reference, "missing": answer.missing}))
    elif answer.hit:
        say(answer.reference)
    elif not asked.quiet:
        say(f"miss: {answer.missing}", err=True)
    return 0 if answer.hit else MISS


@click.command("show", no_args_is_help=True)
@click.argument("spec", metavar="SPEC", shell_complete=files)
@click.option("--toml", "as_toml", is_flag=True, help="Write SPEC as an envbuild.toml, and nothing else.")
@asked("selection", "json")
def show_command(asked: Asked, spec: str, *, as_toml: bool) -> None:
    r"""Show the normalized definition of SPEC, its ids, and what is known of its lock and image.

    Nothing is resolved or built. Two definitions with one definition id ask for the same.

    \b
    envbuild show envbuild.toml
    envbuild show requirements.txt --json
    envbuild show environment.yml --toml > envbuild.toml
    """
    if as_toml and asked.json:
        raise UsageError("--toml and --json exclude each other", hint="--json has the definition, too")
    shown = asked.workspace.show(spec, asked.report, selection=asked.selection)
    if as_toml:
        click.echo(shown.toml, nl=False)
        return
    if asked.json:
        document = {"schema": 1, "name": shown.name, "ids": dict(shown.ids), "definition": shown.material}
        say_data(document)
        return
    say(f"name        {shown.name}")
    for kind, value in shown.ids.items():
        say(f"{kind:<11} {value or 'not known yet'}")
    say_data(shown.material, indent=2)
