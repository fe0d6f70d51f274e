"""`shelf`: conda channels in memory, so that a solve takes milliseconds and asks nobody."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from envbuild.definition import Definition
from envbuild.errors import ResolveFailed
from envbuild.normalize import normalize
from envbuild.platforms import LINUX_AMD64
from envbuild.resolvers.conda.condaresolver import CondaResolver
from envbuild.resolvers.conda.rattlersolver import RattlerSolver


@dataclass(frozen=True, eq=False)
class Folder:
    channel: str
    tier: int
    subdir: str
    names: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Measured:
    sha256: str
    md5: str
    size: int


@dataclass
class Report:
    notices: list[str] = field(default_factory=list)

    def begin(self, stage, total):
        pass

    def advance(self, stage, amount):
        pass

    def end(self, stage):
        pass

    def notice(self, text):
        self.notices.append(text)


class Shelf:
    """Implements resolvers.conda.listing.Channels. `read`: the packages whose records were asked for, with their channel."""

    def __init__(self):
        self.report = Report()
        self.read: list[tuple[str, str]] = []
        self.contents: dict[str, bytes] = {}
        self.orders: list[list[str]] = []
        self._channels: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
        self._among: dict[str, str] = {}

    def add(self, where, name, version="1.0", build="0", *, form=".conda", without=(), **more):
        """A package in `channel` or `channel/subdir`; `more` are fields of its record. Its file name."""
        channel, _, subdir = where.partition("/")
        subdir = subdir or "linux-64"
        file = f"{name}-{version}-{build}{form}"
        content = f"{channel}/{subdir}/{file}".encode()
        record = {
            "name": name,
            "version": version,
            "build": build,
            "build_number": 0,
            "depends": [],
            "constrains": [],
            "subdir": subdir,
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "md5": hashlib.md5(content).hexdigest(),
            **more,
        }
        record = {key: value for key, value in record.items() if key not in without}
        self.contents[f"{channel}/{subdir}/{file}"] = content
        self._channels.setdefault(channel, {}).setdefault(subdir, {})[file] = record
        return file

    def change(self, channel, file, folder="linux-64", **wrong):
        """Let the record of a file say something else."""
        self._channels[channel][folder][file] |= wrong

    def put_among(self, file, name):
        """Let a file's record stand among those of another package."""
        self._among[file] = name

    def listings(self, channels: Sequence[str], subdirs: Sequence[str]) -> list[Folder]:
        self.orders.append(list(channels))
        found = []
        for tier, text in enumerate(channels):
            channel = text.partition("/")[0]
            if channel not in self._channels:
                raise ResolveFailed("there is no such conda channel", at=channel)
            for subdir in subdirs:
                names: dict[str, dict[str, Any]] = {}
                for file, record in self._channels[channel].get(subdir, {}).items():
                    names.setdefault(self._among.get(file, record["name"]), {})[file] = record
                found.append(Folder(channel, tier, subdir, names))
        return found

    def records(self, wanted: Sequence[tuple[Folder, str]]) -> list[Mapping[str, Any]]:
        self.read += [(folder.channel, name) for folder, name in wanted]
        return [folder.names[name] for folder, name in wanted]

    def urls(self, channel: str) -> tuple[str, ...]:
        return (f"https://{channel}.example",)

    def size(self, channel: str, subdir: str, file: str) -> int:
        return self.measure(channel, subdir, file).size

    def measure(self, channel: str, subdir: str, file: str) -> Measured:
        content = self.contents.get(f"{channel}/{subdir}/{file}")
        if content is None:
            raise ResolveFailed(f"there is no {file} in {channel}/{subdir}")
        return Measured(hashlib.sha256(content).hexdigest(), hashlib.md5(content).hexdigest(), len(content))

    def artifacts(self, *specs, platform=LINUX_AMD64, glibc="2.36", prefer=None, channels=("forge",), **definition):
        """What a definition with these specs resolves to. Its Python is left out where no spec names it."""
        definition = {"python": "", "channels": channels, "platforms": (platform,), **definition}
        asked = Definition(conda=specs, **definition)
        return CondaResolver(RattlerSolver(self), self).resolve(
            normalize(asked), platform, glibc, prefer or {}, self.report
        )

    def files(self, *specs, **more) -> list[str]:
        """Files of the artifacts, with their source."""
        return [f"{artifact.source}/{artifact.file}" for artifact in self.artifacts(*specs, **more)]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def shelf_class() -> type[Shelf]:
    return Shelf
