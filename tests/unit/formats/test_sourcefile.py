"""Whatever bytes a definition's file holds, its user gets the place and the way on, never a traceback or a hang."""

import errno

import pytest

from envbuild.errors import InvalidDefinition, UsageError
from envbuild.formats.reading import definition_name, read
from envbuild.formats.sourcefile import LARGEST, load_text, text_of


def fails_with(number):
    def load(path):
        raise OSError(number, "some reason", path)

    return load


@pytest.mark.parametrize(
    ("data", "at", "what", "hint"),
    [
        (b"\xff\xfen\0u\0m\0", "p/r.txt", "UTF-16", "iconv -f UTF-16 -t UTF-8 p/r.txt"),
        (b"\xfe\xff\0n\0u\0m", "p/r.txt", "UTF-16", "iconv"),
        (b"numpy\npan\xe9das\n", "p/r.txt:2", "byte 0xe9 at offset 9", "UTF-8"),
        (b"numpy\n\0", "p/r.txt", "NUL byte at offset 6", "UTF-8"),
        (b"#" * (LARGEST + 1), "p/r.txt", f"{LARGEST + 1} bytes; at most {LARGEST}", "right file"),
    ],
)
def test_bytes_that_are_no_text_are_refused_with_their_offset(data, at, what, hint):
    with pytest.raises(InvalidDefinition) as caught:
        text_of(data, "p/r.txt")
    assert caught.value.at == at
    assert what in caught.value.what
    assert hint in caught.value.hint


def test_a_byte_order_mark_and_windows_line_ends_say_nothing():
    assert text_of(b"\xef\xbb\xbfnumpy\r\npandas\r\n", "r.txt") == text_of(b"numpy\npandas\n", "r.txt")


@pytest.mark.parametrize(
    ("number", "what"),
    [
        (errno.ENOENT, "no such file"),
        (errno.EISDIR, "folder"),
        (errno.EACCES, "permission denied"),
        (errno.ELOOP, "symbolic links"),
        (errno.EIO, "some reason"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_usage_error_that_names_it(number, what):
    with pytest.raises(UsageError) as caught:
        load_text("p/r.txt", fails_with(number))
    assert caught.value.at == "p/r.txt"
    assert what in caught.value.what
    assert caught.value.hint


@pytest.mark.parametrize(
    ("path", "data", "what"),
    [
        ("r.txt", b"", "no definition: the file is empty"),
        ("r.txt", b"\n  \n", "no definition: the file is empty"),
        ("r.txt", b"# numpy\n  # pandas\n", "no definition: only comments"),
        ("envbuild.toml", b"", "no definition: the file is empty"),
        ("envbuild.toml", b"# format = 1\n", "no definition: only comments"),
    ],
)
def test_an_empty_file_is_no_definition_rather_than_an_empty_image(path, data, what):
    with pytest.raises(InvalidDefinition, match=what):
        read(path, lambda _: data)


@pytest.mark.parametrize(
    ("path", "folder", "name"),
    [
        ("examples/classify/requirements.txt", "", "classify"),
        ("requirements.txt", "/projects/My Project", "my-project"),
        ("requirements.txt", "", "requirements"),
        ("../other/envbuild.toml", "/projects/here", "other"),
        ("envs/train.txt", "", "train"),
        ("envs/GPU_2.toml", "", "gpu-2"),
        ("/requirements.txt", "", "requirements"),
        ("envs/été.txt", "", "t"),
        ("envs/日本.txt", "", "environment"),
        ("x" * 200 + ".txt", "", "x" * 128),
    ],
)
def test_a_definition_without_a_name_gets_that_of_its_file_or_folder(path, folder, name):
    assert definition_name(path, folder) == name
