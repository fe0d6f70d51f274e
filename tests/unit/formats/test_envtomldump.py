"""What `show --toml` writes is read back as the same definition, so that people can move to it."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.definition import (
    Context,
    CopyStep,
    DebianBase,
    Definition,
    DockerfileBase,
    ImageBase,
    Index,
    Project,
    Requirement,
)
from envbuild.formats.reading import read
from envbuild.formats.toml.envtomldump import envbuild_toml
from envbuild.normalize import normalize
from envbuild.platforms import Platform

AA, BB = "a" * 64, "b" * 64
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


def back(definition):
    text = envbuild_toml(definition)
    tomllib.loads(text)
    return read(f"{definition.name}.toml", lambda _: text.encode(), finish=normalize).definition


FULL = Definition(
    name="training",
    description='all "keys" \\ here',
    tags=(("team", "vision"),),
    base=DebianBase("trixie"),
    python="3.13",
    pypi=(Requirement("numpy"), Requirement('pandas>=2; python_version < "3.14"')),
    constraints=("scipy<2",),
    conda=("cudatoolkit",),
    channels=("conda-forge",),
    system=("libgomp1",),
    platforms=(Platform("linux", "amd64"), Platform("linux", "arm64")),
    indexes=(Index("torch", "https://t.example/whl", explicit=True, packages=("torch",)), Index("pypi")),
    accelerator="cu128",
    virtual_packages=(("__cuda", "12.8"),),
    variables=(("A", "x=y\n\x7f\t\u2028"), ("B", "")),
    user="me",
    workdir="/work",
    entrypoint=("python", "-m", "x"),
    run=("echo 'hello'",),
    copy=(CopyStep("src", "/opt/src"),),
)


@pytest.mark.parametrize(
    "definition",
    [
        FULL,
        Definition(name="x"),
        Definition(name="x", python=""),
        Definition(name="x", base=ImageBase("debian:12")),
        Definition(name="x", base=DockerfileBase(path="docker/Dockerfile", context=Context("docker"))),
        Definition(name="x", base=DockerfileBase(path="D", arguments=(("A", "a b"), ("B", '"')), target="x")),
        Definition(name="x", base=DockerfileBase("FROM x\nRUN <<E\n '\\n' \n\tE\n\nE\n", Context("."))),
        Definition(name="x", python="3.12"),
        Definition(name="x", python="3.13.5", base=DebianBase("trixie")),
        Definition(
            name="x",
            conda=("python=3.12", "pytorch==2.5.1=cuda126*"),
            channels=("conda-forge", "bioconda"),
            channel_priority="disabled",
            virtual_packages=(("__archspec", "x86_64_v3"), ("__cuda", "12.6")),
            activate=True,
        ),
        Definition(name="x", no_deps=True, interpreter="/opt/python", project=Project("packages/x")),
        Definition(
            name="x", pypi=(Requirement("a", (f"sha256:{AA}", f"sha256:{BB}")), Requirement("b", (f"sha256:{BB}",)))
        ),
        Definition(
            name="x",
            pypi=(
                Requirement("a @ https://h.example/a-1-py3-none-any.whl", (f"sha256:{AA}", f"sha256:{BB}")),
                Requirement("b @ https://h.example/b-1-py3-none-any.whl"),
                Requirement("c @ https://h.example/c-1-py3-none-any.whl ; python_version < '3.12'", (f"sha256:{AA}",)),
            ),
        ),
        Definition(name="x", indexes=(Index("own", "https://own.example/s"),), sdists="build", bytecode="checked"),
    ],
    ids=lambda d: type(d.base).__name__,
)
def test_every_key_comes_back(definition):
    meant = normalize(definition)
    assert back(meant) == meant


@given(
    st.builds(
        Definition,
        name=st.just("x"),
        description=TEXT,
        pypi=st.lists(st.sampled_from(["numpy", "scipy>=1", "six==1"]), unique=True).map(
            lambda t: tuple(map(Requirement, t))
        ),
        variables=st.dictionaries(st.sampled_from("ABC"), TEXT).map(lambda d: tuple(d.items())),
        tags=st.dictionaries(st.from_regex(r"[a-z][a-z.-]{0,5}", fullmatch=True), TEXT).map(lambda d: tuple(d.items())),
        entrypoint=st.lists(TEXT, max_size=3).map(lambda words: ("x", *words)),
    )
)
def test_any_text_in_it_comes_back(definition):
    meant = normalize(definition)
    assert back(meant) == meant


DIRECT = "x{} @ https://h.example/x{}-1-py3-none-any.whl"


@given(st.lists(st.tuples(st.booleans(), st.sets(st.sampled_from([AA, BB]))), max_size=4), st.booleans())
def test_direct_references_come_back_with_and_without_hashes_in_any_mixture(found, hashed):
    """A table with hashes asks for hashes of all others: what was shown as TOML was refused when it was read."""
    direct = [
        Requirement(
            DIRECT.format(number, number) + (' ; python_version < "3.12"' if marked else ""),
            tuple(f"sha256:{one}" for one in hashes),
        )
        for number, (marked, hashes) in enumerate(found)
        if hashes or not hashed
    ]
    plain = Requirement("numpy==1", (f"sha256:{AA}",) if hashed else ())
    meant = normalize(Definition(name="x", pypi=(plain, *direct)))
    assert back(meant) == meant


dockerfiles = st.text(st.sampled_from("FROM x\n\r\t'\"\\#\x7f\u2028é"), min_size=1, max_size=20)


@given(dockerfiles.filter(str.strip))
def test_a_dockerfile_in_no_file_comes_back_byte_for_byte(text):
    """In a here-document every byte is content: a changed one would be another image, and another id."""
    meant = normalize(Definition(name="x", base=DockerfileBase(text)))
    assert back(meant) == meant


def test_what_was_read_from_a_file_stays_in_it():
    """Else the envbuild.toml would hold a copy that grows old."""
    base = DockerfileBase("FROM x\n", Context(".", f"sha256:{AA}"), path="Dockerfile")
    text = envbuild_toml(normalize(Definition(name="x", base=base, copy=(CopyStep("a", "/a", f"sha256:{AA}"),))))
    assert 'dockerfile = "Dockerfile"' in text
    assert "FROM" not in text
    assert AA not in text


def test_what_is_usual_is_left_out():
    """People read it, and keep it in version control."""
    assert envbuild_toml(normalize(Definition(name="x", pypi=(Requirement("six"),)))) == (
        'format = 1\nname = "x"\npython = "3.11"\npypi = ["six"]\n'
    )
