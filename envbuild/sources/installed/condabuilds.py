"""Which builds of a captured environment its channels still have: of one that is gone, the version alone is kept.

Channels lose builds: what was broken is taken back, and some keep the newest ones only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from envbuild.definition import Definition
from envbuild.errors import EnvbuildError
from envbuild.matchspec.channel import subdir_of
from envbuild.matchspec.spec import MatchSpec, match_spec
from envbuild.sources.channels import ChannelClient, Folder
from envbuild.sources.installed.leftbehind import Left, LeftBehind

__all__ = ["with_served_builds"]


def with_served_builds(
    definition: Definition, client: ChannelClient
) -> tuple[Definition, tuple[LeftBehind, ...], tuple[str, ...]]:
    """A captured, normalized definition without the builds that its channels have no more; these, and what there is to say.

    Of a channel that cannot be asked, the builds stay.
    """
    specs = [match_spec(text) for text in definition.conda]
    named = {spec: _channel(spec, definition) for spec in specs if spec.build}
    subdirs = (*map(subdir_of, definition.platforms), "noarch")
    gone: dict[MatchSpec, str] = {}
    notices: list[str] = []
    for channel in dict.fromkeys(named.values()):
        asked = [spec for spec, own in named.items() if own == channel]
        try:
            gone |= dict.fromkeys(_not_served(asked, client, client.listings([channel], subdirs)), channel)
        except EnvbuildError as error:
            notices.append(f"{channel}: whether it has these builds still is not known, and they stay: {error.what}")
    left = [
        LeftBehind(
            spec.name, _version(spec), Left.BUILD, f"{channel} has its build {spec.build} no more: the version is taken"
        )
        for spec, channel in gone.items()
    ]
    kept = tuple(sorted(str(replace(spec, build="") if spec in gone else spec) for spec in specs))
    return replace(definition, conda=kept), tuple(left), tuple(notices)


def _channel(spec: MatchSpec, definition: Definition) -> str:
    return spec.channel.name or definition.channels[0]


def _not_served(specs: Sequence[MatchSpec], client: ChannelClient, folders: Sequence[Folder]) -> Iterator[MatchSpec]:
    wanted = [(folder, spec.name) for spec in specs for folder in folders if spec.name in folder.names]
    served: set[tuple[str, str]] = set()
    for (_, name), records in zip(wanted, client.records(wanted), strict=True):
        served |= {(_pinned(name, str(one.get("version"))), str(one.get("build"))) for one in records.values()}
    yield from (spec for spec in specs if (_pinned(spec.name, _version(spec)), spec.build) not in served)


def _pinned(name: str, version: str) -> str:
    """A version in its one spelling, so that 3.3 and 3.3.0 are alike; nothing where it is none."""
    try:
        return str(match_spec(f"{name}=={version}"))
    except ValueError:
        return ""


def _version(spec: MatchSpec) -> str:
    return spec.versions[0][0].removeprefix("==")
