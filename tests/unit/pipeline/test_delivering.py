"""`--to` and the names of images: what stdout prints must work in the next command."""

import pytest

from envbuild.digest import Digest
from envbuild.errors import UsageError
from envbuild.pipeline.delivering import Destination, DestinationKind, Names, Writers, deliver, names_of

ID = Digest("a" * 64)


@pytest.mark.parametrize(
    ("text", "kind", "path"),
    [
        ("store", DestinationKind.STORE, ""),
        ("docker", DestinationKind.DOCKER, ""),
        ("oci:some/dir", DestinationKind.OCI, "some/dir"),
        ("archive:C:/x.tar", DestinationKind.ARCHIVE, "C:/x.tar"),
        ("registry.example/x", DestinationKind.REGISTRY, "registry.example/x:latest"),
        ("localhost:5000/a/b:v1", DestinationKind.REGISTRY, "localhost:5000/a/b:v1"),
    ],
)
def test_destinations(text, kind, path):
    assert Destination.parse(text) == Destination(kind, path)


@pytest.mark.parametrize(
    "text", ["", "oci", "oci:", "archive:", "docker:x", "store:", "https://registry.example/x", "OCI:dir"]
)
def test_other_words_are_refused_with_the_forms(text):
    with pytest.raises(UsageError) as caught:
        Destination.parse(text)
    assert "archive:FILE.tar" in caught.value.hint


def test_names():
    assert names_of("train", ID, ["mine", "host:5000/x", "y:1"]) == (
        "envbuild/train:aaaaaaaaaaaa", "envbuild/train:latest", "mine:latest", "host:5000/x:latest", "y:1",
    )  # fmt: skip


def test_a_name_means_what_was_built_last_under_it(claims):
    names = Names(claims)
    assert names.get("envbuild/x:latest") is None
    names.put(["envbuild/x:latest"], ID)
    names.put(["envbuild/x:latest"], Digest("b" * 64))
    assert names.get("envbuild/x") == Digest("b" * 64)


class _Engine:
    def __init__(self, there):
        self.there, self.loaded = there, []

    def has(self, image, references):
        return self.there

    def load(self, image, references):
        self.loaded.append(references)


@pytest.mark.parametrize("there", [True, False])
def test_an_engine_that_has_the_image_is_not_given_it_again(image_with, there):
    engine = _Engine(there)
    writers = Writers(engine=lambda _: engine, layout=None, archive=None, registry=None)
    image = image_with({"a": b"1"})
    assert deliver(image, Destination(DestinationKind.DOCKER), ("n:1",), writers) == "n:1"
    assert engine.loaded == ([] if there else [("n:1",)])
