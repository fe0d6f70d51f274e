"""The tests' own conda channel is a real one: rattler solves from it, installs from it and finds every hash right."""

import asyncio
import io
import json
import stat
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest
import zstandard
from condachannel import PLACEHOLDER, File, elf, package, serve, write_channel
from condachannel.cpython import LIBRARY, TAG
from condachannel.wheels import wheel_package

rattler = pytest.importorskip("rattler")

FILES = {
    "bin/tool": File(f"#!{PLACEHOLDER}/bin/sh\n".encode(), 0o755, "text"),
    "bin/other": File(link="tool"),
    "bin/same": File(hardlink="bin/tool", mode=0o755, placeholder="text"),
    "lib/data.bin": File(b"\x7f" + PLACEHOLDER.encode() + b"/x\0\0tail", placeholder="binary"),
    "share/plain file.txt": File(b"plain\n"),
}


def _channel(folder: Path) -> Path:
    needed = package("base-noarch", "2.0", noarch="generic", files={"share/base.txt": File(b"base\n")})
    new = package("tool", "1.0", "h0_1", files=FILES, depends=["base-noarch >=1"], license="MIT")
    plain = {path: file for path, file in FILES.items() if file.hardlink is None}
    old = package("tool-old", "1.0", files=plain, format=".tar.bz2", paths_json=False)
    write_channel(folder, [needed, new, old])
    return folder


def _solve(url: str, *names: str):
    async def solve():
        gateway = rattler.Gateway(cache_dir=None)
        specs = [rattler.MatchSpec(name) for name in names]
        return await rattler.solve([url], specs=specs, platforms=["linux-64", "noarch"], gateway=gateway)

    return asyncio.run(solve())


def test_rattler_solves_and_installs_from_the_served_channel(tmp_path):
    with serve(_channel(tmp_path / "channel")) as served:
        records = _solve(served.url, "tool", "tool-old")
        assert sorted(record.name.normalized for record in records) == ["base-noarch", "tool", "tool-old"]
        prefix = tmp_path / "prefix"
        asyncio.run(rattler.install(records, prefix, cache_dir=tmp_path / "cache", show_progress=False))
    assert (prefix / "bin/tool").read_text() == f"#!{prefix}/bin/sh\n"
    assert stat.S_IMODE((prefix / "bin/tool").stat().st_mode) == 0o755
    assert (prefix / "bin/other").readlink() == Path("tool")
    assert (prefix / "bin/same").read_text() == f"#!{prefix}/bin/sh\n"
    assert (prefix / "lib/data.bin").read_bytes().startswith(b"\x7f" + str(prefix).encode() + b"/x\0")
    assert (prefix / "share/base.txt").exists()
    assert served.count(".conda") == 2


def test_packages_have_the_same_bytes_each_time_and_the_hashes_of_the_index(tmp_path):
    first, second = (package("tool", "1.0", files=FILES) for _ in range(2))
    assert first == second
    write_channel(tmp_path / "channel", [first])
    index = json.loads((tmp_path / "channel/linux-64/repodata.json").read_bytes())
    entry = index["packages.conda"]["tool-1.0-0.conda"]
    assert (entry["sha256"], entry["md5"], entry["size"]) == (first.sha256, first.md5, first.size)


def _status(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_the_server_asks_for_what_it_was_told_to_ask_for(tmp_path):
    folder = _channel(tmp_path / "channel")
    with serve(folder, login=("ada", "pa:ss")) as served:
        assert _status(f"{served.url}/noarch/repodata.json") == 401
        assert _status(f"{served.url}/noarch/repodata.json", Authorization="Basic YWRhOnBhOnNz") == 200
    with serve(folder, token="tk-1") as served:
        assert _status(f"{served.url}/noarch/repodata.json") == 404
        assert _status(f"{served.login_url}/noarch/repodata.json") == 200
        assert _status(f"{served.login_url}/noarch/none.json") == 404
    with serve(folder) as served:
        with urllib.request.urlopen(f"{served.url}/noarch/repodata.json", timeout=10) as answer:
            etag = answer.headers["ETag"]
        assert _status(f"{served.url}/noarch/repodata.json", **{"If-None-Match": etag}) == 304


def _members(made, kind: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
        packed = archive.read(f"{kind}-{made.file.removesuffix('.conda')}.tar.zst")
    plain = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        return {info.name: archive.extractfile(info).read() for info in archive if info.isreg()}


def test_a_wheel_for_any_platform_is_a_noarch_package(make_wheel):
    """Entry points stand in link.json, not in bin/; needs of the index are needs of the package, by conda's names."""
    points = "[console_scripts]\nmy-tool = pkg:main\n"
    files = {"pkg/__init__.py": "def main(): ...\n", "pkg-1.0.dist-info/entry_points.txt": points}
    made = wheel_package(make_wheel("pkg", files=files, requires=["tzdata>=2", 'never; extra == "x"']))
    info, payload = _members(made, "info"), _members(made, "pkg")
    assert (made.file, made.subdir) == ("pkg-1.0-pyhd8ed1ab_0.conda", "noarch")
    assert json.loads(info["info/link.json"])["noarch"] == {"type": "python", "entry_points": ["my-tool = pkg:main"]}
    assert json.loads(info["info/index.json"])["depends"] == ["python >=3.8", "python-tzdata >=2"]
    assert payload["site-packages/pkg-1.0.dist-info/INSTALLER"] == b"conda\n"
    assert sorted(payload) == sorted(info["info/files"].decode().split())


def test_a_wheel_for_this_python_is_compiled_and_has_scripts(make_wheel):
    """Scripts name the build's prefix, and bytecode is beside each module, as conda-build leaves them."""
    files = {
        "pkg/__init__.py": "x = 1\n",
        "pkg-1.0.dist-info/entry_points.txt": "[console_scripts]\nmy-tool = pkg:main\n",
    }
    made = wheel_package(make_wheel("pkg", files=files, tag=f"{TAG}-{TAG}-manylinux_2_17_x86_64"))
    info, payload = _members(made, "info"), _members(made, "pkg")
    rows = {row["_path"]: row for row in json.loads(info["info/paths.json"])["paths"]}
    assert made.subdir == "linux-64"
    assert payload["bin/my-tool"].startswith(f"#!{PLACEHOLDER}/bin/python".encode())
    assert (rows["bin/my-tool"]["file_mode"], rows["bin/my-tool"]["prefix_placeholder"]) == ("text", PLACEHOLDER)
    assert f"{LIBRARY}/site-packages/pkg/__pycache__/__init__.{sys.implementation.cache_tag}.pyc" in payload


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads programs of Linux")
def test_needs_of_a_program_are_those_that_the_loader_sees():
    """Where this fails, a package of the channel names the wrong libraries, and starts on this machine alone."""
    program = Path(sys.executable).resolve().read_bytes()
    assert "libc.so.6" in elf.needed(program)
    assert 17 <= elf.glibc(program) < 100
    assert elf.needed(b"#!/bin/sh\n") == ()
    moved = elf.with_library_path(program, "$ORIGIN")
    assert moved is None or (
        len(moved) == len(program) and b"$ORIGIN\0" in moved and elf.needed(moved) == elf.needed(program)
    )
