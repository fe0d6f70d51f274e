"""`envbuild cache`: info, verify, prune."""

import json
from typing import Any

import click

from envbuild.cli.cachewords import (
    info_document,
    info_words,
    prune_document,
    prune_words,
    verify_document,
    verify_words,
)
from envbuild.cli.options import Asked, asked
from envbuild.cli.quantities import bytes_of, seconds_of
from envbuild.cli.saying import say
from envbuild.store.collect import Rules

__all__ = ["cache_command"]

_NOT_OK = 6


@click.group("cache")
def cache_command() -> None:
    r"""Tell what the store on this machine holds, check it, free space.

    The store is in $ENVBUILD_HOME, else in the user's cache folder. All that is in it can be made again.

    \b
    envbuild cache info
    envbuild cache verify --repair
    envbuild cache prune --older-than 7d
    """


@cache_command.command("info")
@click.option(
    "--by",
    type=click.Choice(["environment", "package", "layer"]),
    default="environment",
    help="What the table has a row for. [environment]",
)
@click.option("--top", type=click.IntRange(min=1), default=20, metavar="N", help="How many rows the table has. [20]")
@asked("json")
def info_command(asked: Asked, by: str, top: int) -> None:
    r"""Tell where the store is, how large each part is, and what environments share.

    A table says of each environment its size and its own bytes: those that no other one has. --json has all rows.

    \b
    envbuild cache info
    envbuild cache info --by package --top 50
    """
    info = asked.workspace.cache.info()
    _say(info_document(info) if asked.json else info_words(info, by, top))


@cache_command.command("verify")
@click.option("--repair", is_flag=True, help="Remove what is damaged, and fetch or build it again.")
@asked("json")
def verify_command(asked: Asked, repair: bool) -> int:
    r"""Check every byte of the store and everything that it claims. Exit 6 where something is wrong.

    Nothing is changed without --repair: a damaged file stays where it is, and is not used, as reading checks it too. With
    --repair the exit code is 0 where everything could be brought back.

    \b
    envbuild cache verify
    envbuild cache verify --repair
    """
    verdict = asked.workspace.cache.verify(asked.report, repair=repair)
    if asked.json:
        _say(verify_document(verdict))
    else:
        for line in verify_words(verdict):
            if not asked.quiet or not verdict.ok:
                say(line)
    return 0 if verdict.ok else _NOT_OK


@cache_command.command("prune")
@click.option("--older-than", metavar="TIME", help="What was not used for so long is old: 30d, 12h. [30d]")
@click.option(
    "--keep-bytes", metavar="SIZE", help="Go on, least recently used first, until the store has at most SIZE."
)
@click.option("--all", "everything", is_flag=True, help="Names keep nothing; alone: all goes that is not in use now.")
@click.option("--dry-run", is_flag=True, help="Tell what would go, and remove nothing.")
@asked("json")
def prune_command(
    asked: Asked, older_than: str | None, keep_bytes: str | None, *, everything: bool, dry_run: bool
) -> None:
    r"""Free space: remove what no name, no recent use and no running build reaches.

    A name that was given (-t NAME) and NAME:latest keep their image; names made of an image's id do not. Files of
    packages that became layers are removed, unless drop-packages is off. Safe beside running builds, and on a full
    disk.

    \b
    envbuild cache prune --dry-run
    envbuild cache prune --older-than 7d
    envbuild cache prune --keep-bytes 20GB
    envbuild cache prune --all
    """
    rules = Rules(
        older_than=None if older_than is None else seconds_of(older_than, "--older-than"),
        keep_bytes=None if keep_bytes is None else bytes_of(keep_bytes, "--keep-bytes"),
        everything=everything,
    )
    swept = asked.workspace.cache.prune(rules, asked.report, dry_run=dry_run)
    if asked.json:
        _say(prune_document(swept, rules, dry_run=dry_run))
    elif dry_run or not asked.quiet:
        _say(prune_words(swept, rules, dry_run=dry_run))


def _say(what: "dict[str, Any] | list[str]") -> None:
    for line in [json.dumps(what)] if isinstance(what, dict) else what:
        say(line)
