"""Where a lock's files are: what an export says of them leads there, and has nothing in it that opens the door."""

from types import SimpleNamespace

import pytest

from envbuild.lockfile import Artifact, ArtifactKind
from envbuild.workspace.fileplaces import channel_places, conda_urls


def conda(name, channel, **more):
    return Artifact(
        kind=ArtifactKind.CONDA, name=name, version="1", file=f"{name}-1-0.conda", size=1, sha256=name * 64,
        source=f"{channel}/noarch", **more,
    )  # fmt: skip


class Channels:
    """Channels at these places; `asked` has each URL that was looked at."""

    def __init__(self, places, there=()):
        self.places, self.there, self.asked = places, there, []
        self.http = SimpleNamespace(size=self._size)

    def urls(self, channel):
        return self.places[channel]

    def file_urls(self, artifact):
        channel, _, subdir = artifact.source.rpartition("/")
        yield from (f"{url}/{subdir}/{artifact.file}" for url in self.places[channel])
        yield f"https://elsewhere.example/{subdir}/{artifact.file}"

    def _size(self, url):
        self.asked.append(url)
        return 7 if url in self.there else None


MAIN, OLD = "https://c.example/pkgs/main", "https://c.example/pkgs/old"


def test_a_channel_at_one_place_is_not_asked():
    """An export of what is here already needs no network."""
    channels = Channels({"lab": ("https://u:geheim@c.example/lab",)})
    urls = conda_urls(SimpleNamespace(channels=channels), [conda("a", "lab")])
    assert urls == {"a" * 64: "https://c.example/lab/noarch/a-1-0.conda"}
    assert channels.asked == []


@pytest.mark.parametrize(
    ("there", "url"),
    [
        ([f"{MAIN}/noarch/a-1-0.conda"], f"{MAIN}/noarch/a-1-0.conda"),
        ([f"{OLD}/noarch/a-1-0.conda"], f"{OLD}/noarch/a-1-0.conda"),
        (["https://elsewhere.example/noarch/a-1-0.conda"], "https://elsewhere.example/noarch/a-1-0.conda"),
        # It is nowhere now: the first place is as good as another.
        ([], f"{MAIN}/noarch/a-1-0.conda"),
    ],
)
def test_of_several_places_the_one_that_has_the_file_is_named(there, url):
    """`defaults` are several channels: conda-lock would look for the file where it never was."""
    adapters = SimpleNamespace(channels=Channels({"defaults": (MAIN, OLD)}, there))
    assert conda_urls(adapters, [conda("a", "defaults")]) == {"a" * 64: url}


def test_a_token_is_in_no_place():
    channels = Channels({"lab": ("https://c.example/t/geheim/lab", "https://token:geheim@c.example/lab")})
    adapters = SimpleNamespace(channels=channels)
    assert conda_urls(adapters, [conda("a", "lab")]) == {"a" * 64: "https://c.example/lab/noarch/a-1-0.conda"}
    assert channel_places(adapters, "lab") == ("https://c.example/lab",)
    # Two ways in are one place.
    assert channels.asked == []


def test_a_package_of_its_own_url_keeps_it():
    url = "https://x.example/linux-64/a-1-0.conda"
    adapters = SimpleNamespace(channels=Channels({}))
    assert conda_urls(adapters, [conda("a", "lab", url=url)]) == {"a" * 64: url}
