"""A channel's folder: packages in their platforms' folders, and the index that rattler writes over them."""

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path

from condachannel.packages import CondaPackage


def write_channel(folder: Path, packages: Iterable[CondaPackage] = (), *, shards: bool = True) -> None:
    """Puts packages beside those that are there and writes repodata.json, repodata.json.zst and, with `shards`, CEP 16's.

    Call it again with another package to add it: the index is written anew.
    """
    from rattler.index import index_fs

    (folder / "noarch").mkdir(parents=True, exist_ok=True)
    for made in packages:
        (folder / made.subdir).mkdir(exist_ok=True)
        (folder / made.subdir / made.file).write_bytes(made.content)
    asyncio.run(index_fs(folder, write_zst=True, write_shards=shards, force=True))


def changed_channel(folder: Path, into: Path, packages: Iterable[CondaPackage]) -> Path:
    """A copy of a channel below `into`, of the same name, with these packages beside the others."""
    copy = into / folder.name
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("repodata*", "shards"))
    write_channel(copy, packages)
    return copy
