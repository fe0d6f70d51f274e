"""Options that several commands share, gathered into one value for the command."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import click

from envbuild.cli.candidates import files, platforms
from envbuild.cli.display import reporter
from envbuild.cli.interrupts import is_interrupted
from envbuild.errors import UsageError
from envbuild.formats.selection import NOTHING_MORE, Selection
from envbuild.pipeline.locking import Choice
from envbuild.platforms import Platform
from envbuild.ports import Reporter
from envbuild.workspace import Workspace

__all__ = ["Asked", "asked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the shared options say; those that a command does not offer have their defaults."""

    platform: Platform | None = None
    resolver: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    choice: Choice = field(default_factory=Choice)
    selection: Selection = NOTHING_MORE
    quiet: bool = False
    json: bool = False

    @property
    def report(self) -> Reporter:
        """Where progress goes."""
        return reporter(quiet=self.quiet)

    @property
    def workspace(self) -> Workspace:
        """The workspace of this process's environment."""
        return Workspace.open(settings=self.settings, resolver=self.resolver, interrupted=is_interrupted)


_QUIET = click.option("-q", "--quiet", is_flag=True, help="Write nothing but the result.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Write the result as JSON.")
_RESOLVER = click.option(
    "--resolver",
    type=click.Choice(["uv", "pip-tools", "conda-lock"]),
    help="What resolves packages; conda-lock is for conda's. [ENVBUILD_RESOLVER, uv]",
)
_LOCKING = (
    click.option(
        "--lock",
        "lock_file",
        metavar="FILE",
        default="",
        shell_complete=files,
        help="The lock file to use. [the one that `envbuild lock` writes]",
    ),
    click.option("--locked", is_flag=True, help="The lock must be there and fit the definition."),
    click.option("--frozen", is_flag=True, help="Use the lock as it is, whatever the definition says."),
)
_SELECTION = (
    click.option(
        "--extra", "extras", multiple=True, metavar="NAME", help="Take an extra of the project, too; may be repeated."
    ),
    click.option(
        "--group", "groups", multiple=True, metavar="NAME", help="Take a dependency group, too; may be repeated."
    ),
    click.option("--project", is_flag=True, help="Install the project's own package, too, as the last layer."),
    click.option(
        "--keep-azureml",
        is_flag=True,
        help="Keep azureml-defaults, -core and -sdk of an environment.yml, which are left out.",
    ),
)


def asked(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds shared options: of `platform`, `resolver`, `locking`, `selection`, `json` those named, `--quiet` always."""
    platform = click.option(
        "--platform",
        callback=_platform,
        metavar="OS/ARCH",
        shell_complete=platforms,
        help="The platform, of those that the definition names. [this machine's, else the first]",
    )
    offered = {
        "platform": [platform],
        "resolver": [_RESOLVER],
        "locking": list(_LOCKING),
        "selection": list(_SELECTION),
        "json": [_JSON],
    }
    chosen = [option for name in names for option in offered[name]] + [_QUIET]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def call(*args: Any, **kwargs: Any) -> Any:
            return command(*args, _gather(kwargs), **kwargs)

        for option in reversed(chosen):
            call = option(call)
        return call

    return decorate


def _gather(kwargs: dict[str, Any]) -> Asked:
    """Takes the shared options' values out of `kwargs`."""
    locked, frozen = kwargs.pop("locked", False), kwargs.pop("frozen", False)
    if locked and frozen:
        raise UsageError("--locked and --frozen exclude each other", hint="--locked checks the lock, --frozen does not")
    return Asked(
        platform=kwargs.pop("platform", None),
        resolver=kwargs.pop("resolver", None) or "",
        choice=Choice(file=kwargs.pop("lock_file", ""), locked=locked, frozen=frozen),
        selection=Selection(
            kwargs.pop("extras", ()),
            kwargs.pop("groups", ()),
            kwargs.pop("project", False),
            kwargs.pop("keep_azureml", False),
        ).normal,
        settings=click.get_current_context().find_root().params.get("settings") or {},
        quiet=kwargs.pop("quiet", False),
        json=kwargs.pop("as_json", False),
    )


def _platform(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Platform | None:
    if value is None:
        return None
    try:
        return Platform.parse(value)
    except ValueError as error:
        raise UsageError(str(error), at="--platform") from error
