"""The linker's cache is what ldconfig would write: else libraries are not found, or the wrong one is."""

import shutil
import struct
import subprocess
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.layers.ldsocache import ld_so_cache, library_directories
from envbuild.platforms import LINUX_AMD64, Platform

LDCONFIG = shutil.which("ldconfig", path="/sbin:/usr/sbin:/bin:/usr/bin")


def names_in(cache):
    """The entries in the order of the cache, read as the linker does."""
    _, count = struct.unpack_from("<20sI", cache)
    rows = [struct.unpack_from("<iIIIQ", cache, 48 + 24 * n) for n in range(count)]
    return [
        (flags, *(cache[at : cache.index(b"\0", at)].decode() for at in (key, value))) for flags, key, value, *_ in rows
    ]


def linker_compares(one, other):
    """_dl_cache_libcmp of glibc's elf/dl-cache.c."""
    i = j = 0
    while i < len(one):
        if one[i].isdigit():
            if j < len(other) and other[j].isdigit():
                a = b = 0
                while i < len(one) and one[i].isdigit():
                    a, i = a * 10 + int(one[i]), i + 1
                while j < len(other) and other[j].isdigit():
                    b, j = b * 10 + int(other[j]), j + 1
                if a != b:
                    return a - b
            else:
                return 1
        elif j < len(other) and other[j].isdigit():
            return -1
        elif j >= len(other):
            return 1
        elif one[i] != other[j]:
            return ord(one[i]) - ord(other[j])
        else:
            i, j = i + 1, j + 1
    return -1 if j < len(other) else 0


SONAMES = st.text("libsozA+-_.0129", min_size=1, max_size=12)


@given(st.lists(SONAMES, max_size=30))
def test_binary_search_finds_every_library(sonames):
    """The linker halves the table by its own comparison: one entry out of order hides others."""
    order = [name for _, name, _ in names_in(ld_so_cache([(name, f"/lib/{name}") for name in sonames], LINUX_AMD64))]
    assert sorted(order) == sorted(sonames)
    assert all(linker_compares(a, b) >= 0 for a, b in pairwise(order))


def test_of_equal_names_the_first_directory_wins():
    cache = ld_so_cache([("libx.so.1", "/usr/local/lib/libx.so.1"), ("libx.so.1", "/lib/libx.so.1")], LINUX_AMD64)
    assert [path for _, _, path in names_in(cache)] == ["/usr/local/lib/libx.so.1", "/lib/libx.so.1"]


@pytest.mark.parametrize(("platform", "flags"), [("linux/amd64", 0x0303), ("linux/arm64", 0x0A03)])
def test_flags_are_those_of_the_architecture(platform, flags):
    """The linker passes over entries with other flags."""
    assert names_in(ld_so_cache([("liba.so", "/lib/liba.so")], Platform.parse(platform)))[0][0] == flags


@pytest.mark.skipif(LDCONFIG is None, reason="missing component: ldconfig")
def test_ldconfig_reads_the_cache(tmp_path):
    names = [(f"lib{n}.so.{n % 7}", f"/lib/x86_64-linux-gnu/lib{n}.so.{n % 7}") for n in range(300)]
    (tmp_path / "cache").write_bytes(ld_so_cache(names, LINUX_AMD64))
    printed = subprocess.run(
        [LDCONFIG, "-p", "-C", tmp_path / "cache"], capture_output=True, text=True, check=True
    ).stdout
    assert sorted(line.split()[0] for line in printed.splitlines()[1:] if "=>" in line) == sorted(n for n, _ in names)
    assert "(libc6,x86-64) => /lib/x86_64-linux-gnu/lib299.so.5" in printed


def test_directories_come_in_the_order_of_the_configuration():
    files = {
        "etc/ld.so.conf": b"# mine\ninclude /etc/ld.so.conf.d/*.conf\n/opt/x/lib/=libc6 # old\n",
        "etc/ld.so.conf.d/x86_64.conf": b"/usr/local/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n",
        "etc/ld.so.conf.d/libc.conf": b"/usr/local/lib\n",
        "etc/ld.so.conf.d/notes": b"/never\n",
    }
    assert library_directories(files, LINUX_AMD64) == [
        "/usr/local/lib", "/usr/local/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/opt/x/lib", "/lib",
    ]  # fmt: skip


def test_configuration_that_includes_itself_ends():
    assert library_directories({"etc/ld.so.conf": b"include ld.so.conf\n"}, LINUX_AMD64)[0] == "/lib/x86_64-linux-gnu"
