"""Fetching by hash: the file that was locked, from any place that has it, or an error that says what is wrong."""

import hashlib
import threading
from dataclasses import dataclass, field

import pytest

from envbuild.errors import EnvironmentFault, IntegrityError, ResolveFailed
from envbuild.http.client import Http
from envbuild.httpsettings import HttpSettings
from envbuild.lockfile import Artifact, ArtifactKind
from envbuild.sources.fetch import Fetcher
from envbuild.store.blobs import Blobs


@dataclass(frozen=True)
class File:
    file: str
    url: str
    sha256: str = ""


@dataclass(frozen=True)
class Project:
    files: tuple[File, ...]


@dataclass
class Indexes:
    """Index name -> package -> files; an index that is an error raises it."""

    known: dict = field(default_factory=dict)

    def project(self, index_name, package, /):
        index = self.known.get(index_name, {})
        if isinstance(index, Exception):
            raise index
        return Project(tuple(index[package])) if package in index else None


@dataclass
class Report:
    stages: list = field(default_factory=list)
    total: int = 0
    done: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, stage, total):
        self.stages.append(stage)
        self.total += total

    def advance(self, stage, amount):
        with self.lock:
            self.done += amount

    def end(self, stage):
        self.stages.append(f"{stage} over")

    def notice(self, text):
        raise AssertionError(text)


def body_of(name, size=50_000):
    return (name.encode() * (size // len(name) + 1))[:size]


def wheel(name, body=None, **more):
    body = body_of(name) if body is None else body
    return Artifact(
        kind=ArtifactKind.WHEEL, name=name, version="1.0", file=f"{name}-1.0-py3-none-any.whl", size=len(body),
        sha256=hashlib.sha256(body).hexdigest(), **{"source": "pypi", **more},
    )  # fmt: skip


def deb(name):
    body = body_of(name)
    return Artifact(
        kind=ArtifactKind.DEB, name=name, version="2", file=f"{name}_2_all.deb", size=len(body),
        sha256=hashlib.sha256(body).hexdigest(), source="debian:bookworm", path=f"pool/main/{name}.deb",
    )  # fmt: skip


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def http():
    return Http(HttpSettings(patience=5), sleep=lambda _: None)


@pytest.fixture
def report():
    return Report()


@pytest.fixture
def listed(faulty, answers):
    """Serve an artifact's body and list it."""

    def serve(artifact, body=None, **more):
        body = body_of(artifact.name) if body is None else body
        url = faulty.at(f"/{artifact.file}", answers.reply(200, body))
        return File(artifact.file, url, **{"sha256": artifact.sha256, **more})

    return serve


def test_everything_missing_is_brought_once_and_counted(http, blobs, report, listed, faulty):
    wheels = [wheel(f"pkg{n}") for n in range(20)]
    index = Indexes({"pypi": {w.name: [listed(w)] for w in wheels}})
    Fetcher(http, index).fetch([*wheels, *wheels], blobs, report)
    for artifact in wheels:
        blobs.verify(artifact.digest)
    assert report.stages == ["download", "download over"]
    assert report.done == report.total == sum(w.size for w in wheels)
    assert len(faulty.requests) == 20


def test_what_is_there_is_not_asked_for(http, blobs, report, listed, faulty):
    one = wheel("one")
    index = Indexes({"pypi": {"one": [listed(one)]}})
    Fetcher(http, index).fetch([one], blobs, report)
    Fetcher(http, Indexes()).fetch([one], blobs, report)
    assert len(faulty.requests) == 1
    assert report.stages == ["download", "download over"]


def test_a_cut_goes_on_and_is_counted_once(http, blobs, report, listed, faulty, answers):
    one = wheel("one", body_of("one", 400_000))
    file = listed(one)
    faulty.at(f"/{one.file}", answers.ranged(body_of("one", 400_000), stop=150_000))
    Fetcher(http, Indexes({"pypi": {"one": [file]}})).fetch([one], blobs, report)
    blobs.verify(one.digest)
    assert report.done == report.total


def test_a_direct_reference_is_had_from_its_url(http, blobs, report, listed):
    one = wheel("one")
    direct = wheel("one", source="url", url=listed(one).url)
    Fetcher(http, Indexes()).fetch([direct], blobs, report)
    blobs.verify(one.digest)


def test_a_file_without_a_hash_is_hashed_and_compared(http, blobs, report, listed):
    one, two = wheel("one"), wheel("two")
    index = Indexes({"pypi": {"one": [listed(one, sha256="")], "two": [listed(two, b"x" * two.size, sha256="")]}})
    Fetcher(http, index).fetch([one], blobs, report)
    blobs.verify(one.digest)
    with pytest.raises(IntegrityError) as caught:
        Fetcher(http, index).fetch([two], blobs, report)
    assert two.sha256 in str(caught.value)
    assert hashlib.sha256(b"x" * two.size).hexdigest() in str(caught.value)
    assert "pypi" in caught.value.at


def test_the_hash_decides_not_the_file_name(http, blobs, report, listed, faulty, answers):
    """A rebuilt wheel of the same name on the index must not be taken."""
    one = wheel("one")
    other = File(one.file, faulty.at("/other", answers.reply(200, b"other")), "0" * 64)
    Fetcher(http, Indexes({"pypi": {"one": [other, listed(one)]}})).fetch([one], blobs, report)
    blobs.verify(one.digest)
    assert faulty.headers_of("/other") == []


def test_a_file_that_was_replaced_is_an_integrity_error_with_both_hashes(http, blobs, report, faulty):
    one = wheel("one")
    index = Indexes({"pypi": {"one": [File(one.file, faulty.url("/one"), "0" * 64)]}})
    with pytest.raises(IntegrityError, match="0" * 64) as caught:
        Fetcher(http, index).fetch([one], blobs, report)
    assert one.sha256 in caught.value.what
    assert not blobs.has(one.digest)


def test_other_bytes_at_the_listed_place_are_not_kept(http, blobs, report, listed):
    one = wheel("one")
    index = Indexes({"pypi": {"one": [listed(one, b"y" * one.size)]}})
    with pytest.raises(IntegrityError, match=one.sha256):
        Fetcher(http, index).fetch([one], blobs, report)
    assert list(blobs) == []


def test_what_is_gone_names_what_is_there_now(http, blobs, report):
    with pytest.raises(ResolveFailed, match=r"libx 2 .* not there any more; 2.1 is there now") as caught:
        Fetcher(http, Indexes(), now=lambda _: "2.1").fetch([deb("libx")], blobs, report)
    assert caught.value.at == "debian:bookworm"
    with pytest.raises(ResolveFailed, match="not there any more"):
        Fetcher(http, Indexes({"pypi": {}})).fetch([wheel("one")], blobs, report)


def test_debs_come_from_the_first_mirror_that_has_them(http, blobs, report, faulty, answers):
    one = deb("libx")
    faulty.at("/second", answers.reply(200, body_of("libx")))
    places = [faulty.url("/first"), faulty.url("/second")]
    Fetcher(http, Indexes(), deb_urls=lambda _: places).fetch([one], blobs, report)
    blobs.verify(one.digest)
    assert [path for path, _ in faulty.requests] == ["/first", "/second"]


def test_a_mirror_with_other_bytes_does_not_keep_the_next_one_from_helping(http, blobs, report, faulty, answers):
    one = deb("libx")
    faulty.at("/first", answers.reply(200, b"z" * one.size))
    faulty.at("/second", answers.reply(200, body_of("libx")))
    places = [faulty.url("/first"), faulty.url("/second")]
    Fetcher(http, Indexes(), deb_urls=lambda _: places).fetch([one], blobs, report)
    blobs.verify(one.digest)
    assert report.done == one.size


@pytest.mark.parametrize("index", [{}, EnvironmentFault("no network", at="host")], ids=["gone", "unreachable"])
def test_a_machines_extra_index_serves_by_hash(http, blobs, report, listed, index):
    one = wheel("one")
    indexes = Indexes({"pypi": index, "extra": {"one": [listed(one)]}})
    Fetcher(http, indexes, fetch_only=["extra"]).fetch([one], blobs, report)
    blobs.verify(one.digest)


def test_an_extra_index_with_the_same_name_and_other_bytes_is_passed_over(http, blobs, report, faulty):
    one = wheel("one")
    indexes = Indexes({"extra": {"one": [File(one.file, faulty.url("/x"), "0" * 64)]}})
    with pytest.raises(ResolveFailed, match="not there any more"):
        Fetcher(http, indexes, fetch_only=["extra"]).fetch([one], blobs, report)


@pytest.mark.parametrize("form", ["{}", "file://{}", "{}/links.html", "{url}/links"])
def test_find_links_serve_by_hash(http, blobs, report, tmp_path, faulty, answers, form):
    one = wheel("one")
    folder = tmp_path / "wheels"
    folder.mkdir()
    (folder / one.file).write_bytes(body_of("one"))
    page = f'<a href="{one.file}#sha256=00">one</a> <a href="else.whl">else</a>'.encode()
    (folder / "links.html").write_bytes(page)
    faulty.at("/links", answers.reply(200, page))
    faulty.at(f"/{one.file}", answers.reply(200, body_of("one")))
    place = form.format(folder, url=faulty.url(""))
    Fetcher(http, Indexes(), find_links=["/no-such-folder", faulty.url("/none"), place]).fetch([one], blobs, report)
    blobs.verify(one.digest)


def test_a_wrong_file_in_a_folder_is_told(http, blobs, report, tmp_path):
    one = wheel("one")
    (tmp_path / one.file).write_bytes(b"x" * one.size)
    with pytest.raises(IntegrityError, match=one.sha256):
        Fetcher(http, Indexes(), find_links=[str(tmp_path)]).fetch([one], blobs, report)


def test_an_unreachable_index_is_not_told_as_gone(http, blobs, report):
    """Who reads 'gone' locks anew; who reads 'no network' waits."""
    index = Indexes({"pypi": EnvironmentFault("refuses connections", at="mirror")})
    with pytest.raises(EnvironmentFault, match="refuses"):
        Fetcher(http, index).fetch([wheel("one")], blobs, report)


def test_the_first_failure_ends_the_rest(http, blobs, report, listed, faulty, answers):
    """A build of 3 GB that cannot succeed must not download 3 GB first."""
    many = [wheel(f"pkg{n}") for n in range(200)]
    bad = wheel("bad", bytes(60_000))
    files = {w.name: [listed(w)] for w in many}
    with pytest.raises(ResolveFailed):
        Fetcher(http, Indexes({"pypi": files})).fetch([*many, bad], blobs, report)
    assert len(faulty.requests) < 100
    assert report.stages[-1] == "download over"
    assert not list((blobs._root / ".new").iterdir())


def test_a_full_disk_is_told_as_that(http, blobs, report, listed, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    one = wheel("one")
    index = Indexes({"pypi": {"one": [listed(one)]}})
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(EnvironmentFault, match="disk is full"):
        Fetcher(http, index).fetch([one], blobs, report)


# conda packages.


class _Channels:
    """Implements CondaFiles with a few URLs."""

    def __init__(self, *urls):
        self.http = Http(HttpSettings(patience=0.0))
        self.urls = urls

    def file_urls(self, artifact, /):
        return iter(self.urls)


def conda(content, **more) -> Artifact:
    sha256 = hashlib.sha256(content).hexdigest()
    size = len(content)
    given = {"file": "a-1-0.conda", "source": "forge/linux-64", "size": size, "sha256": sha256, **more}
    return Artifact(kind=ArtifactKind.CONDA, name="a", version="1", **given)


def fetch_conda(blobs, artifact, *urls):
    channels = _Channels(*urls)
    Fetcher(Http(HttpSettings()), Indexes(), conda=lambda: channels).fetch([artifact], blobs, Report())


def test_a_conda_package_comes_from_the_next_place_where_one_lacks_it(tmp_path, faulty, answers):
    blobs = Blobs(tmp_path / "blobs")
    artifact = conda(b"content")
    url = faulty.at("/a-1-0.conda", answers.reply(200, b"content"))
    fetch_conda(blobs, artifact, "http://127.0.0.1:9/a", faulty.url("/nothing"), url)
    assert blobs.has(artifact.digest)


def test_a_conda_package_with_other_bytes_is_refused_and_another_mirror_asked(tmp_path, faulty, answers):
    blobs = Blobs(tmp_path / "blobs")
    artifact = conda(b"content")
    other = faulty.at("/other", answers.reply(200, b"CONTENT"))
    with pytest.raises(IntegrityError):
        fetch_conda(blobs, artifact, other)
    assert not blobs.has(artifact.digest)
    fetch_conda(blobs, artifact, other, faulty.at("/right", answers.reply(200, b"content")))
    assert blobs.has(artifact.digest)


def test_a_conda_package_that_is_gone_is_named_and_an_unreached_channel_is_not_that(tmp_path, faulty):
    blobs = Blobs(tmp_path / "blobs")
    with pytest.raises(ResolveFailed) as gone:
        fetch_conda(blobs, conda(b"content"), faulty.url("/nothing"))
    assert ("a-1-0.conda" in gone.value.what, gone.value.at) == (True, "forge/linux-64")
    with pytest.raises(EnvironmentFault):
        fetch_conda(blobs, conda(b"content"), "http://127.0.0.1:9/a")


def test_a_conda_package_of_a_direct_url_comes_from_there(tmp_path, faulty, answers):
    blobs = Blobs(tmp_path / "blobs")
    artifact = conda(b"content", url=faulty.at("/direct", answers.reply(200, b"content")))
    fetch_conda(blobs, artifact)
    assert blobs.has(artifact.digest)
