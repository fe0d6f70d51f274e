"""The tests' own conda channel is a real one: rattler solves from it, installs from it and finds every hash right."""

import asyncio
import json
import stat
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from condachannel import PLACEHOLDER, File, package, serve, write_channel

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
