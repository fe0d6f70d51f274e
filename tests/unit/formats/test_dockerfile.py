"""A Dockerfile is a definition: with its text as it is and its folder as context; what is none is refused with its place."""

import pytest

from envbuild.definition import Context, Definition, DockerfileBase
from envbuild.errors import InvalidDefinition, UsageError
from envbuild.formats.dockerfile import dockerfile_text
from envbuild.formats.reading import read
from envbuild.formats.selection import Selection
from envbuild.formats.sourcefile import LARGEST

HEREDOC = b"\xef\xbb\xbf# syntax=x\r\nFROM x\r\nRUN <<E\r\n  a \t\r\nE\r\n"


@pytest.mark.parametrize("name", ["Dockerfile", "Containerfile", "Dockerfile.gpu", "gpu.Dockerfile", "gpu.dockerfile"])
def test_its_folder_is_its_context(name):
    found = read(f"p/{name}", lambda _: HEREDOC)
    base = DockerfileBase(HEREDOC.decode(), Context("."), path=name)
    assert found.definition.base == base
    assert found.definition.python == ""
    assert found.files == (f"p/{name}",)


def test_it_is_called_after_its_folder():
    definition = read("train/Dockerfile", lambda _: b"FROM x\n").definition
    assert definition == Definition(
        name="train", base=DockerfileBase("FROM x\n", Context("."), path="Dockerfile"), python=""
    )


def test_not_a_byte_of_it_is_changed():
    """In a here-document line ends and spaces are content."""
    assert dockerfile_text(HEREDOC, "D").encode() == HEREDOC


@pytest.mark.parametrize(
    ("data", "at", "what"),
    [
        (b"", "d/D:1", "the file is empty"),
        (b" \r\n\t\n", "d/D:1", "the file is empty"),
        (b"# FROM x\n  # RUN y\n", "d/D:1", "only comments"),
        (b"FROM x\nRUN \0\n", "d/D", "NUL byte at offset 11"),
        (b"FROM x\nRUN caf\xe9\n", "d/D:2", "byte 0xe9"),
        (b"\xff\xfeF\0", "d/D", "UTF-16"),
        (b"#" * (LARGEST + 1), "d/D", "at most"),
    ],
)
def test_what_is_no_dockerfile_is_refused_with_its_place(data, at, what):
    with pytest.raises(InvalidDefinition) as caught:
        dockerfile_text(data, "d/D")
    assert caught.value.at == at
    assert what in caught.value.what
    assert caught.value.hint


def test_nothing_can_be_chosen_of_it():
    """Else `--extra gpu` would be silently without effect."""
    with pytest.raises(UsageError, match="extra"):
        read("Dockerfile", lambda _: b"FROM x\n", selection=Selection(extras=("gpu",)))
