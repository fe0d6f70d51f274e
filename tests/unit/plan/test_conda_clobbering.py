"""If this fails, an image has another package's file at a path than the environment that rattler installs."""

import asyncio
import io

import pytest
from condachannel import File, package, write_channel

from envbuild.definition import DebianBase
from envbuild.digest import Digest
from envbuild.layers.conda.condalayer import layer_of_conda
from envbuild.layers.conda.place import CondaPlace
from envbuild.lockfile import Artifact, ArtifactKind, Lock
from envbuild.plan import find_conflicts
from envbuild.platforms import LINUX_AMD64

rattler = pytest.importorskip("rattler")

# Names, what each needs, and whether it is for every platform.
SHAPES = {
    "a dependent": [("a", "b", False), ("b", "", False)],
    "the other way": [("a", "", False), ("b", "a", False)],
    "strangers": [("a", "", False), ("b", "", False), ("c", "", False)],
    "a diamond": [("a", "b c", False), ("b", "d", False), ("c", "d", False), ("d", "", False)],
    "a chain": [("a", "", False), ("b", "c", False), ("c", "a", False)],
    "a cycle": [("a", "b", False), ("b", "a", False)],
    "python and pip": [("python", "pip", False), ("pip", "python", True)],
    "every platform first": [("a", "", True), ("b", "", False)],
    "a longer cycle": [("a", "b", False), ("b", "c", True), ("c", "a", False), ("d", "a", False)],
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_winners_are_the_ones_of_rattler(shape, tmp_path):
    packages = [
        package(
            name, "3.11.1", depends=[f"{needed} >=1" for needed in depends.split()],
            subdir="noarch" if noarch else "linux-64", noarch="generic" if noarch else None,
            files={"etc/all": File(name.encode()), f"etc/{name}": File(b"alone"), "etc/same": File(b"equal")}
            | {f"etc/pair-{name}-{other}": File(name.encode()) for other, _, _ in shape}
            | {f"etc/pair-{other}-{name}": File(name.encode()) for other, _, _ in shape},
        )
        for name, depends, noarch in shape
    ]  # fmt: skip
    write_channel(tmp_path / "channel", packages)
    theirs = asyncio.run(_installed(tmp_path, [name for name, _, _ in shape]))

    lock, tables = _linked(packages)
    conflicts = {c.path.removeprefix("opt/env/"): c for c in find_conflicts(lock, tables)}
    assert "etc/all" in conflicts
    assert not {"etc/same"} & conflicts.keys(), "equal files are no conflict"
    assert {path: conflict.winner.name for path, conflict in conflicts.items()} == {
        path: content for path, content in theirs.items() if path in conflicts
    }


async def _installed(folder, names) -> dict[str, str]:
    records = await rattler.solve(
        [f"file://{folder}/channel"], names, platforms=["linux-64", "noarch"], virtual_packages=[]
    )
    prefix = folder / "prefix"
    await rattler.install(
        records, prefix, cache_dir=folder / "cache", platform=rattler.Subdir("linux-64"), show_progress=False
    )
    return {f"etc/{path.name}": path.read_text() for path in (prefix / "etc").iterdir()}


def _linked(packages):
    artifacts, tables = [], {}
    for one in packages:
        name, version, _ = one.file.removesuffix(".conda").rsplit("-", 2)
        artifact = Artifact(
            kind=ArtifactKind.CONDA, name=name, version=version, file=one.file, size=len(one.content),
            sha256=one.sha256, source=f"x/{one.subdir}",
        )  # fmt: skip
        segment = layer_of_conda(
            io.BytesIO(one.content), lambda _: None, layer_id=Digest("0" * 64), file=one.file,
            place=CondaPlace(prefix="/opt/env"),
        )  # fmt: skip
        artifacts.append(artifact)
        tables[one.sha256] = segment.table
    artifacts.sort(key=lambda a: a.name)
    return Lock(platform=LINUX_AMD64, base=DebianBase(), base_artifacts=(), artifacts=tuple(artifacts)), tables
