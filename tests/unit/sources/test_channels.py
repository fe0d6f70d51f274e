"""What channels are read as: shards, repodata.json, mirrors, logins; and what is told where they cannot be."""

import hashlib
import json
import shutil
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgpack
import pytest
import zstandard
from condachannel import package, serve, write_channel
from hypothesis import given, settings
from hypothesis import strategies as st

from envbuild.conda.condarc import Condarc
from envbuild.errors import EnvironmentFault, IntegrityError, ResolveFailed
from envbuild.http.client import Http
from envbuild.httpsettings import HttpSettings
from envbuild.lockfile import Artifact, ArtifactKind
from envbuild.sources.channelplaces import ChannelPlaces
from envbuild.sources.channels import ChannelClient
from envbuild.sources.repodata import RepodataTable, read_records, repodata_table
from envbuild.sources.shards import shard_index, shard_records

LINUX, ARM, NOARCH = "linux-64", "linux-aarch64", "noarch"
BOTH = (LINUX, NOARCH)


def client(cache, *, condarc=None, logins=None, tokens=None, **urls) -> ChannelClient:
    """A client that has been told where channels are; a few URLs are mirrors."""
    own = {name.replace("_", "-"): (url,) if isinstance(url, str) else tuple(url) for name, url in urls.items()}
    settings = HttpSettings(logins=logins or {}, patience=0.0, read_timeout=2.0)
    places = ChannelPlaces(condarc or Condarc(), own, tokens or {})
    return ChannelClient(Http(settings, sleep=lambda _: None), places, cache)


def packed(value) -> bytes:
    return zstandard.compress(msgpack.packb(value))


@pytest.fixture(scope="module")
def made_once(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("channels") / "forge"
    write_channel(folder, [package("a", depends=["b >=1"]), package("b", "2.0", noarch="generic")])
    return folder


@pytest.fixture
def forge(tmp_path, made_once) -> Path:
    """A channel with two packages, in both kinds of index."""
    return shutil.copytree(made_once, tmp_path / "forge")


def without_shards(folder: Path) -> Path:
    for file in folder.rglob("repodata_shards.msgpack.zst"):
        file.unlink()
    return folder


def read(cache, channel="forge", subdirs=BOTH, **told):
    """What a channel has, by folder: package -> files."""
    channels = client(cache, **told)
    found = {}
    for folder in channels.listings([channel], subdirs):
        wanted = [(folder, name) for name in sorted(folder.names)]
        found[folder.subdir] = {
            name: dict(records) for (_, name), records in zip(wanted, channels.records(wanted), strict=True)
        }
    return found


@pytest.mark.parametrize("form", ["shards", "zst", "json"])
@pytest.mark.parametrize("scheme", ["file", "http"])
def test_every_kind_of_index_says_the_same(tmp_path, forge, form, scheme):
    if form != "shards":
        without_shards(forge)
    if form == "json":
        for file in forge.rglob("repodata.json.zst"):
            file.unlink()
    with serve(forge) as served:
        found = read(tmp_path / "cache", forge=served.url if scheme == "http" else forge.as_uri())
    record = found[LINUX]["a"]["a-1.0-0.conda"]
    assert {folder: list(names) for folder, names in found.items()} == {LINUX: ["a"], NOARCH: ["b"]}
    assert record["depends"] == ["b >=1"]
    content = (forge / LINUX / "a-1.0-0.conda").read_bytes()
    assert (record["sha256"], record["size"]) == (hashlib.sha256(content).hexdigest(), len(content))


def test_only_the_shards_that_are_asked_for_are_read(tmp_path, forge):
    with serve(forge) as served:
        channels = client(tmp_path / "cache", forge=served.url)
        linux, _ = channels.listings(["forge"], BOTH)
        assert served.count(".msgpack.zst") == 2
        channels.records([(linux, "a")])
        assert len([path for path in served.requests if "/shards/" in path]) == 1


@pytest.mark.parametrize("shards", [True, False])
def test_what_did_not_change_is_not_read_again(tmp_path, forge, shards):
    if not shards:
        without_shards(forge)
    with serve(forge) as served:
        first = read(tmp_path / "cache", forge=served.url)
        served.requests.clear()
        assert read(tmp_path / "cache", forge=served.url) == first
        asked = [path.rpartition("/")[2] for path in served.requests]
    assert not any("shards/" in path for path in served.requests)
    assert set(asked) == {"repodata_shards.msgpack.zst"} | (set() if shards else {"repodata.json.zst"})


@pytest.mark.parametrize("shards", [True, False])
def test_a_package_that_was_added_is_seen_at_once(tmp_path, forge, shards):
    with serve(forge) as served:
        read(tmp_path / "cache", forge=served.url)
        write_channel(forge, [package("c")])
        if not shards:
            without_shards(forge)
        assert "c" in read(tmp_path / "cache", forge=served.url)[LINUX]


def test_a_cache_that_was_damaged_is_read_anew(tmp_path, forge):
    cache = tmp_path / "cache"
    with serve(without_shards(forge)) as served:
        first = read(cache, forge=served.url)
        for file in cache.glob("*.table"):
            file.write_bytes(b"{}")
        assert read(cache, forge=served.url) == first
        for file in cache.glob("*.state"):
            file.write_bytes(b"nonsense")
        assert read(cache, forge=served.url) == first


def test_a_shard_that_was_damaged_here_is_read_anew(tmp_path, forge):
    cache = tmp_path / "cache"
    with serve(forge) as served:
        first = read(cache, forge=served.url)
        for file in (cache / "shards").rglob("*"):
            if file.is_file():
                file.write_bytes(b"nonsense")
        assert read(cache, forge=served.url) == first


def test_a_shard_with_other_bytes_is_refused(tmp_path, forge):
    """Whoever may write the channel's files, but not its index, gets nothing in."""
    for file in (forge / LINUX / "shards").iterdir():
        file.write_bytes(packed({"packages": {}, "packages.conda": {}, "removed": []}))
    with serve(forge) as served, pytest.raises(IntegrityError) as caught:
        read(tmp_path / "cache", forge=served.url)
    assert "sha256" in caught.value.what


def test_a_shard_that_is_missing_is_no_missing_package(tmp_path, forge):
    for file in (forge / LINUX / "shards").iterdir():
        file.unlink()
    with serve(forge) as served, pytest.raises(EnvironmentFault) as caught:
        read(tmp_path / "cache", forge=served.url)
    assert "the index names it" in caught.value.what


def test_a_shard_that_one_mirror_lost_comes_from_another(tmp_path, forge):
    with serve(forge) as whole:
        broken = tmp_path / "broken"
        shutil.copytree(forge, broken)
        for file in (broken / LINUX / "shards").iterdir():
            file.write_bytes(b"nonsense")
        with serve(broken) as served:
            assert read(tmp_path / "cache", forge=[served.url, whole.url])[LINUX]["a"]


@pytest.mark.parametrize(
    "content", [b"", b"<html>log in</html>", packed([1]), packed({"info": {}, "shards": {"a": b"1"}})]
)
def test_an_index_that_is_none_is_told_as_such(tmp_path, forge, content):
    (forge / LINUX / "repodata_shards.msgpack.zst").write_bytes(content)
    with serve(forge) as served, pytest.raises(EnvironmentFault) as caught:
        read(tmp_path / "cache", forge=served.url)
    assert "no index of a conda channel" in caught.value.what
    assert caught.value.at.endswith("/linux-64")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"<html>",
        b'{"packages": {"a": {}}}',
        b'{"packages": []}',
        b'{"packages": {}',
        b'{"a": 1} x',
        b"[" * 99999,
        b"\xff",
    ],
)
def test_repodata_that_is_none_is_told_as_such(tmp_path, forge, content):
    for file in without_shards(forge).rglob("repodata.json.zst"):
        file.unlink()
    (forge / LINUX / "repodata.json").write_bytes(content)
    with serve(forge) as served, pytest.raises(EnvironmentFault) as caught:
        read(tmp_path / "cache", forge=served.url)
    assert "no index of a conda channel" in caught.value.what


# Whether a channel is there.


def test_an_unknown_channel_is_named(tmp_path, forge):
    with serve(forge) as served, pytest.raises(ResolveFailed) as caught:
        read(tmp_path / "cache", channel="frog", condarc=Condarc(channel_alias=served.alias))
    assert caught.value.at == "frog"
    assert "no such conda channel" in caught.value.what
    assert "404" in caught.value.what


def test_a_channel_without_packages_for_all_platforms_is_one(tmp_path, forge):
    for file in (forge / NOARCH).rglob("repodata*"):
        file.unlink()
    with serve(forge) as served:
        assert list(read(tmp_path / "cache", forge=served.url)) == [LINUX]


def test_a_channel_without_the_platform_is_one(tmp_path, forge):
    with serve(forge) as served:
        assert list(read(tmp_path / "cache", subdirs=(ARM, NOARCH), forge=served.url)) == [NOARCH]


def test_a_platform_behind_a_channel_is_that_folder_and_noarch(tmp_path, forge):
    write_channel(forge, [package("x", subdir=ARM)])
    with serve(forge) as served:
        found = read(tmp_path / "cache", "forge/linux-64", (ARM, NOARCH), forge=served.url)
    assert list(found) == [NOARCH]


def test_a_channel_that_is_not_reached_is_no_missing_one(tmp_path):
    with pytest.raises(EnvironmentFault) as caught:
        read(tmp_path / "cache", forge="http://127.0.0.1:9/forge")
    assert caught.value.at == "127.0.0.1:9"


@pytest.mark.parametrize("status", [500, 503, 401, 403])
def test_a_server_that_fails_is_no_missing_channel(tmp_path, faulty, answers, status):
    for subdir in BOTH:
        for file in ("repodata_shards.msgpack.zst", "repodata.json.zst", "repodata.json"):
            faulty.at(f"/c/{subdir}/{file}", answers.reply(status))
    with pytest.raises(EnvironmentFault):
        read(tmp_path / "cache", forge=faulty.url("/c"))


def test_a_silent_server_is_told_in_time(tmp_path, faulty, answers):
    for subdir in BOTH:
        faulty.at(f"/c/{subdir}/repodata_shards.msgpack.zst", answers.silent(3))
    with pytest.raises(EnvironmentFault) as caught:
        read(tmp_path / "cache", forge=faulty.url("/c"))
    assert "silent" in caught.value.what


def test_a_server_that_forbids_what_it_lacks_has_the_other_index(tmp_path, faulty, answers):
    repodata = json.dumps({"packages": {"a-1-0.tar.bz2": {"name": "a"}}}).encode()
    for subdir in BOTH:
        for file in ("repodata_shards.msgpack.zst", "repodata.json.zst"):
            faulty.at(f"/c/{subdir}/{file}", answers.reply(403))
        faulty.at(f"/c/{subdir}/repodata.json", answers.reply(200, repodata))
    assert "a" in read(tmp_path / "cache", forge=faulty.url("/c"))[LINUX]


# Places.


def test_the_next_mirror_serves_where_one_is_not_reached(tmp_path, forge):
    with serve(forge) as served:
        condarc = Condarc(mirrored_channels={"forge": ("http://127.0.0.1:9/forge", served.url)})
        assert LINUX in read(tmp_path / "cache", condarc=condarc)


def test_the_place_that_answers_is_known(tmp_path, forge):
    """Another solver is given one place of each channel, and fails where that one does not answer."""
    with serve(forge) as served:
        condarc = Condarc(mirrored_channels={"forge": ("http://127.0.0.1:9/forge", served.url)})
        assert client(tmp_path / "cache", condarc=condarc).answering("forge", BOTH) == (served.url,)


def test_a_name_of_several_channels_gives_them_in_their_order(tmp_path, forge):
    other = tmp_path / "other"
    write_channel(other, [package("z")])
    with serve(forge) as one, serve(other) as two:
        condarc = Condarc(default_channels=(two.url, one.url))
        found = client(tmp_path / "cache", condarc=condarc).listings(["defaults"], BOTH)
        tiers = [(f.channel, f.tier, f.subdir, sorted(f.names)) for f in found if f.names]
    assert tiers == [("defaults", 0, LINUX, ["z"]), ("defaults", 1, LINUX, ["a"]), ("defaults", 1, NOARCH, ["b"])]


def test_our_own_setting_goes_before_condas(tmp_path, forge):
    with serve(forge) as served:
        condarc = Condarc(channel_alias="http://127.0.0.1:9")
        assert LINUX in read(tmp_path / "cache", "team/forge", condarc=condarc, team_forge=served.url)


def test_a_token_of_the_definition_is_put_into_the_path(tmp_path, forge):
    with serve(forge, token="s3cret") as served:
        host = served.url.removeprefix("http://").partition("/")[0]
        assert LINUX in read(tmp_path / "cache", served.url, tokens={host: "s3cret"})


def test_a_token_is_tried_as_a_login_too(tmp_path, forge):
    """Some servers take a token as the password of the user `token`."""
    with serve(forge, login=("token", "s3cret")) as served:
        host = served.url.removeprefix("http://").partition("/")[0]
        assert LINUX in read(tmp_path / "cache", served.url, tokens={host: "s3cret"})


def test_a_login_stands_in_the_machines_url_or_is_known_by_host(tmp_path, forge):
    with serve(forge, login=("us er", "p@ss/word")) as served:
        assert LINUX in read(tmp_path / "one", forge=served.login_url)
        host = served.url.removeprefix("http://").partition("/")[0]
        assert LINUX in read(tmp_path / "two", forge=served.url, logins={host: "us er:p@ss/word"})
        with pytest.raises(EnvironmentFault) as caught:
            read(tmp_path / "three", forge=served.url)
    assert "login" in caught.value.what


def test_no_error_and_no_file_shows_a_token(tmp_path, forge):
    with serve(forge, token="s3cret") as served:
        read(tmp_path / "cache", forge=served.login_url)
        (forge / LINUX / "repodata_shards.msgpack.zst").write_bytes(b"nonsense")
        with pytest.raises(EnvironmentFault) as broken:
            read(tmp_path / "cache", forge=served.login_url)
    with pytest.raises(EnvironmentFault) as unreached:
        read(tmp_path / "cache", forge=served.login_url)
    with serve(forge, token="other") as served, pytest.raises(ResolveFailed) as unknown:
        read(tmp_path / "cache", forge=served.login_url.replace("other", "s3cret"))
    assert not [str(caught.value) for caught in (broken, unreached, unknown) if "s3cret" in str(caught.value)]
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if "s3cret" in str(path) or b"s3cret" in path.read_bytes()]


def test_a_login_goes_to_no_other_host(tmp_path, faulty, another_host, answers):
    """Shards may stand elsewhere (shards_base_url): that host does not get the channel's login."""
    shard = packed({"packages": {}, "packages.conda": {"a-1-0.conda": {"name": "a"}}, "removed": []})
    name = hashlib.sha256(shard).hexdigest()
    index = {"info": {"base_url": "", "shards_base_url": another_host.url("/s")}, "shards": {"a": bytes.fromhex(name)}}
    faulty.at("/c/linux-64/repodata_shards.msgpack.zst", answers.reply(200, packed(index)))
    another_host.at(f"/s/{name}.msgpack.zst", answers.reply(200, shard))
    url = faulty.url("/c").replace("://", "://user:secret@")
    assert read(tmp_path / "cache", subdirs=(LINUX,), forge=url)[LINUX]["a"]
    assert faulty.requests[0][1]["authorization"]
    assert "authorization" not in another_host.requests[0][1]


# Files of a lock.


def locked(source, file="a-1.0-0.conda") -> Artifact:
    return Artifact(kind=ArtifactKind.CONDA, name="a", version="1.0", file=file, size=1, sha256="0" * 64, source=source)


def test_a_locked_file_is_looked_for_at_every_place_of_its_channel(tmp_path):
    channels = client(tmp_path, team_x=["https://one.example/x", "https://u:p@two.example/x"])
    found = list(channels.file_urls(locked("team/x/linux-64", "a-1!2_0.conda")))
    assert found[:2] == [
        "https://one.example/x/linux-64/a-1!2_0.conda",
        "https://u:p@two.example/x/linux-64/a-1!2_0.conda",
    ]


def test_packages_may_stand_elsewhere_than_their_index(tmp_path, forge):
    """CEP 15: the index has base_url."""
    file = forge / LINUX / "repodata.json"
    document = json.loads(file.read_text())
    document["info"]["base_url"] = "https://packages.example/forge/linux-64"
    file.write_text(json.dumps(document))
    for other in [*forge.rglob("*.zst")]:
        other.unlink()
    found = list(client(tmp_path / "cache", forge=forge.as_uri()).file_urls(locked("forge/linux-64")))
    assert found == [
        f"{forge.as_uri()}/linux-64/a-1.0-0.conda",
        "https://packages.example/forge/linux-64/a-1.0-0.conda",
    ]


def test_a_size_is_asked_for_by_head_and_else_measured(tmp_path, forge):
    size = (forge / LINUX / "a-1.0-0.conda").stat().st_size
    with serve(forge, login=("u", "p")) as served:
        assert client(tmp_path, forge=served.login_url).size("forge", LINUX, "a-1.0-0.conda") == size
        assert len(served.requests) == 1
    assert client(tmp_path, forge=forge.as_uri()).size("forge", LINUX, "a-1.0-0.conda") == size
    with pytest.raises(ResolveFailed):
        client(tmp_path, forge=forge.as_uri()).size("forge", LINUX, "gone-1.0-0.conda")


@contextmanager
def heads(status, **headers):
    """A server that answers every HEAD like this: its host, and the Authorization of each request."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            seen.append(self.headers["Authorization"])
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join()


def test_a_size_is_known_through_a_redirect_and_no_login_goes_along(tmp_path):
    """Some channels keep their packages elsewhere: reading each to measure it would fetch all of them twice."""
    with (
        heads(200, Content_Length="12345") as (stored, at_store),
        heads(302, Location=f"http://{stored}/stored") as (host, at_channel),
    ):
        places = ChannelPlaces(Condarc(), {"forge": (f"http://{host}/c",)})
        logins = {host: "me:pass"}
        channels = ChannelClient(Http(HttpSettings(patience=0.0)), places, tmp_path, lambda host: logins.get(host, ""))
        assert channels.size("forge", LINUX, "a-1.0-0.conda") == 12345
    assert (at_store, len(at_channel)) == ([None], 1)
    assert at_channel[0].startswith("Basic ")


# The documents themselves.


def test_hashes_of_a_shard_are_text_as_in_repodata():
    data = packed({"packages.conda": {"a-1-0.conda": {"name": "a", "sha256": b"\1" * 32, "md5": b"\2" * 16}}})
    assert shard_records(data) == {"a-1-0.conda": {"name": "a", "sha256": "01" * 32, "md5": "02" * 16}}


def test_the_newer_form_is_taken_and_what_was_removed_is_not():
    data = packed(
        {
            "packages": {
                "a-1-0.tar.bz2": {"name": "a"},
                "a-2-0.tar.bz2": {"name": "a"},
                "a-3-0.tar.bz2": {"name": "a"},
            },
            "packages.conda": {"a-1-0.conda": {"name": "a"}, "a-2-0.conda": {"name": "a"}},
            "removed": ["a-2-0.conda", "a-3-0.tar.bz2"],
        }
    )
    assert sorted(shard_records(data)) == ["a-1-0.conda", "a-2-0.tar.bz2"]


def test_an_index_has_each_packages_hash():
    index = shard_index(packed({"info": {"shards_base_url": "s/", "base_url": "b/"}, "shards": {"a": b"\1" * 32}}))
    assert (index.shards, index.shards_base_url, index.base_url) == ({"a": "01" * 32}, "s/", "b/")


_names = st.sampled_from(["a", "b", "ä-ö", "c", "日本"])
_records = st.dictionaries(
    st.text(st.sampled_from('abcé日"\\/-_.1 \U0001f600'), min_size=1, max_size=6),
    st.fixed_dictionaries({"name": _names}, optional={"depends": st.lists(st.text(max_size=4), max_size=2)}),
    max_size=8,
)


@settings(deadline=None)
@given(_records, _records, st.booleans(), st.sampled_from([None, 2]))
def test_every_record_is_found_where_the_table_says(tmp_path_factory, older, newer, ascii_only, indent):
    """Law: by the table a package's records are those that the whole document has, wherever letters of many bytes stand."""
    older = {f"{file}.tar.bz2": record for file, record in older.items()}
    newer = {f"{file}.conda": record for file, record in newer.items()}
    document = {"info": {"subdir": "é"}, "packages": older, "packages.conda": newer, "repodata_version": 1}
    data = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode()
    path = tmp_path_factory.getbasetemp() / "law.json"
    path.write_bytes(data)
    table = RepodataTable.parse(repodata_table(data).dump())
    everything = [*older.values(), *newer.values()]
    assert set(table.places) == {record["name"] for record in everything}
    for name in table.places:
        of_name = {file for file, record in newer.items() if record["name"] == name}
        stems = {file.removesuffix(".conda") for file in of_name}
        wanted = {
            file: record
            for file, record in {**older, **newer}.items()
            if record["name"] == name and (file in newer or file.removesuffix(".tar.bz2") not in stems)
        }
        assert read_records(path, table, name) == wanted
