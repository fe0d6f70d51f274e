"""Where a standalone Python is, and what its bytes are: the mirror's word goes first, and nobody's is taken for nothing."""

import hashlib

import pytest
from pythonarchives import DAY, PythonArchive, serve_mirror, write_mirror

from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault, IntegrityError, ResolveFailed
from envbuild.http.client import Http
from envbuild.lockfile import Artifact, ArtifactKind
from envbuild.pipeline.quiet import Quiet
from envbuild.sources.fetch import Fetcher
from envbuild.sources.pythonmirror import PythonMirror
from envbuild.store.blobs import Blobs

ARCHIVE = PythonArchive("3.12.7", "x86_64", b"the bytes of an archive" * 100)
PATH = f"{DAY}/{ARCHIVE.file}"
SIZE = len(ARCHIVE.content)
ARCHIVE_DIGEST = Digest.of(ARCHIVE.content)


class Told(Quiet):
    """Keeps what the user is told."""

    def __init__(self):
        self.notices = []

    def notice(self, text):
        self.notices.append(text)


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def told():
    return Told()


def served(folder, **how):
    return serve_mirror(write_mirror(folder, [ARCHIVE], **how))


def mirror(blobs, url="", bases=()):
    return PythonMirror(Http(sleep=lambda _: None), blobs, url, lambda: bases)


@pytest.mark.parametrize("sums", ["SHA256SUMS", ".sha256"])
def test_the_sum_beside_the_file_is_taken_and_nothing_is_downloaded(tmp_path, blobs, told, sums):
    """30 MB for each lock would be a price that nobody knows of."""
    with served(tmp_path / "mirror", sums=sums) as place:
        assert mirror(blobs, place.url).measure(PATH, (), "", told) == (ARCHIVE.sha256, SIZE)
    assert not blobs.has(ARCHIVE_DIGEST)
    assert told.notices == []


def test_where_nobody_says_the_sum_the_file_is_fetched_and_kept_and_the_user_knows(tmp_path, blobs, told):
    with served(tmp_path / "mirror", sums="") as place:
        assert mirror(blobs, place.url).measure(PATH, (), "", told) == (ARCHIVE.sha256, SIZE)
    assert blobs.has(ARCHIVE_DIGEST)
    assert len(told.notices) == 1
    assert ARCHIVE.file in told.notices[0]


def test_the_lists_own_sum_is_not_asked_for_again(tmp_path, blobs, told):
    with served(tmp_path / "mirror") as place:
        assert mirror(blobs, place.url).measure(PATH, (), ARCHIVE.sha256, told) == (ARCHIVE.sha256, SIZE)
    assert [path for path in place.requests if "sha256" in path.lower()] == []


def test_no_other_place_is_asked_in_a_mirrors_stead(tmp_path, blobs, told):
    """Else a closed network's machine tells a public host what is built, and takes files from there."""
    with served(tmp_path / "one") as place, serve_mirror(tmp_path) as empty:
        listed = f"{place.url}/{PATH.replace('+', '%2B')}"
        assert mirror(blobs, f"{empty.url}/none").measure(PATH, (listed,), "", told) is None
        assert place.requests == []
        assert mirror(blobs, "").measure(PATH, (listed,), "", told) == (ARCHIVE.sha256, SIZE)


def test_a_mirror_that_is_down_is_never_told_as_not_there(blobs, told):
    """Else another place's file is locked in its stead, unseen."""
    with pytest.raises(EnvironmentFault):
        mirror(blobs, "http://127.0.0.1:9").measure(PATH, ("http://127.0.0.1:9/x",), "", told)


def test_a_folder_is_a_mirror_too(tmp_path, blobs, told):
    folder = write_mirror(tmp_path / "a mirror", [ARCHIVE])
    assert mirror(blobs, folder.as_uri()).measure(PATH, (), "", told) == (ARCHIVE.sha256, SIZE)


def locked(**more):
    return Artifact(
        kind=ArtifactKind.PYTHON, name="cpython", version="3.12.7", file=ARCHIVE.file, size=SIZE, sha256=ARCHIVE.sha256,
        source="python-build-standalone", path=PATH, **more,
    )  # fmt: skip


def fetch(blobs, place, artifact=None):
    http = Http(sleep=lambda _: None)
    Fetcher(http, Nothing(), python_urls=place.urls_of).fetch([artifact or locked()], blobs, Quiet())


class Nothing:
    """No package index."""

    def project(self, index_name, package, /):
        raise AssertionError("an index was asked for an interpreter")


def test_the_places_of_a_locked_archive_in_order(blobs):
    """The configured mirror alone; without one, where the lock found it, then where the list has its builds."""
    quoted = PATH.replace("+", "%2B")
    bases = ["https://list.example/dl", "https://lock.example"]
    one = mirror(blobs, "https://mirror.example/py/", bases)
    assert list(one.urls_of(locked(url=f"https://lock.example/{PATH}"))) == [f"https://mirror.example/py/{quoted}"]
    without = list(mirror(blobs, "", bases).urls_of(locked(url=f"https://lock.example/{quoted}")))
    assert without == [f"https://lock.example/{quoted}", f"https://list.example/dl/{quoted}"]


def test_the_list_is_not_made_where_the_mirror_has_the_file(blobs):
    """uv is a process, and need not start for each fetch."""

    def never():
        raise AssertionError("the list was asked for")

    place = PythonMirror(Http(), blobs, "https://mirror.example", never)
    assert next(place.urls_of(locked())).startswith("https://mirror.example/")


def test_a_locked_archive_comes_from_any_mirror_by_its_hash(tmp_path, blobs):
    """A lock that was made elsewhere must build here."""
    with served(tmp_path / "mirror") as place:
        fetch(blobs, mirror(blobs, place.url), locked(url="http://127.0.0.1:9/gone"))
    with blobs.open(ARCHIVE_DIGEST) as stream:
        assert stream.read() == ARCHIVE.content


def test_other_bytes_are_refused(tmp_path, blobs):
    with served(tmp_path / "mirror") as place:
        (place.folder / PATH).write_bytes(b"x" * SIZE)
        with pytest.raises(IntegrityError, match="not the file that was locked"):
            fetch(blobs, mirror(blobs, place.url))
    assert not blobs.has(ARCHIVE_DIGEST)


def test_an_archive_that_is_gone_says_how_to_go_on(tmp_path, blobs):
    with serve_mirror(tmp_path) as place, pytest.raises(ResolveFailed, match="not there any more") as caught:
        fetch(blobs, mirror(blobs, place.url))
    assert "envbuild lock SPEC -P cpython" in caught.value.hint


def test_a_listed_sum_that_the_file_has_not_is_refused(tmp_path, blobs, told):
    """Where the size is not said either, the file is read, and must be the listed one."""

    class Sizeless(Http):
        def size(self, url):
            return None

    with served(tmp_path / "mirror") as place:
        one = PythonMirror(Sizeless(), blobs, place.url, tuple)
        assert one.measure(PATH, (), ARCHIVE.sha256, told) == (ARCHIVE.sha256, SIZE)
        with pytest.raises(IntegrityError, match="not the file that is listed"):
            one.measure(PATH, (), hashlib.sha256(b"other").hexdigest(), told)
