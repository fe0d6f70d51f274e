"""If these fail, a package is missed, an older version wins, or a stanza leads out of the mirror."""

import time

import pytest

from envbuild.debian.packages import PackagesIndex
from envbuild.debian.relations import Relation
from envbuild.errors import IntegrityError


def test_a_stanza_becomes_a_package_with_its_place_and_hash(universe, stanza):
    text = stanza(
        "bash", "5.2-1", Priority="required", Pre_Depends="libc6 (>= 2.36)", Depends="a | b", Breaks="c (<< 2)"
    )
    (bash,) = universe([text]).candidates("bash")
    assert (bash.source, bash.filename, bash.size) == ("debian:bookworm", "pool/main/b/bash/bash_5.2-1_amd64.deb", 104)
    assert [" | ".join(map(str, group)) for group in bash.depends] == ["libc6 (>= 2.36)", "a | b"]
    assert bash.excludes == (("Breaks", Relation("c", "<<", "2")),)
    assert bash.priority == 0


def test_the_highest_version_of_all_suites_comes_first(universe, stanza):
    found = universe(
        [stanza("openssl", "3.0-9")], [stanza("openssl", "3.0-10")], [stanza("openssl", "3.0-9+deb12u1")]
    ).candidates("openssl")
    assert [(p.version, p.source) for p in found] == [
        ("3.0-10", "debian:bookworm-updates"),
        ("3.0-9+deb12u1", "debian:bookworm-security"),
        ("3.0-9", "debian:bookworm"),
    ]


def test_of_equal_versions_the_first_suite_is_named_so_that_a_lock_is_stable(universe, stanza):
    (only,) = universe([stanza("a", "1")], [stanza("a", "1")]).candidates("a")
    assert only.source == "debian:bookworm"


def test_first_and_last_stanza_are_found_with_and_without_a_final_line_break(stanza):
    for data in (
        stanza("a1") + "\n" + stanza("b1"),
        (stanza("a1") + "\n" + stanza("b1")).rstrip("\n"),
        stanza("a1") + "\n\n\n",
    ):
        index = PackagesIndex("debian:bookworm", data.encode())
        for name in index.names():
            assert [p.name for p in index.named(name)] == [name]
        assert "a1" in index.names()
        assert "no-field" not in index.names()


def test_a_field_before_the_name_belongs_to_its_package(stanza):
    """Nothing says that Package comes first."""
    text = stanza("a1") + "\nDepends: z9\n" + stanza("b1") + "\n" + stanza("c1")
    found = {n: next(iter(PackagesIndex("s", text.encode()).named(n))).depends for n in ("a1", "b1", "c1")}
    assert found == {"a1": (), "b1": ((Relation("z9"),),), "c1": ()}


def test_providers_are_found_in_folded_fields_by_priority_then_name(universe, stanza):
    packages = universe(
        [
            stanza("gawk", Provides="awk", Priority="optional"),
            stanza("mawk", Provides="posix-awk (= 1),\n awk", Priority="required"),
            stanza("busybox", Provides="awk-not", Priority="required"),
        ]
    )
    assert [p.name for p in packages.providers("awk")] == ["mawk", "gawk"]
    assert [p.name for p in packages.providers("posix-awk")] == ["mawk"]
    assert packages.providers("nothing") == ()


def test_packages_of_another_architecture_are_not_there(universe, stanza):
    assert universe([stanza("a1", Architecture="arm64")]).candidates("a1") == ()
    assert universe([stanza("a1", Architecture="all")]).candidates("a1")


@pytest.mark.parametrize(
    "fields",
    [
        {"Filename": "../../etc/shadow.deb"},
        {"Filename": "/etc/shadow.deb"},
        {"Filename": "pool/a.txt"},
        {"Size": "many"},
        {"SHA256": "00"},
        {"Version": "not a version"},
        {"Depends": "a (>= "},
    ],
)
def test_a_malformed_stanza_is_an_integrity_error_that_names_the_package(universe, stanza, fields):
    with pytest.raises(IntegrityError, match="stanza of hostile is malformed") as caught:
        universe([stanza("fine"), stanza("hostile", **fields)]).candidates("hostile")
    assert caught.value.at == "debian:bookworm"


def test_an_index_of_debians_size_is_not_parsed_as_a_whole(universe, stanza):
    """Each stanza is parsed when it is asked for: one that cannot be read hurts nobody who does not want it."""
    broken = [stanza(f"p{n}", "not a version", Provides=f"v{n}") for n in range(20_000)]
    packages = universe([*broken, stanza("wanted", Provides="v")])
    start = time.process_time()
    assert packages.candidates("wanted") == packages.providers("v")
    assert time.process_time() - start < 5
