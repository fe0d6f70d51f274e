"""What conda-lock is asked, and what is read of its lock, without running it: nothing asked for is lost on the way."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from envbuild.errors import EnvironmentFault, ResolveFailed
from envbuild.pipeline.quiet import Quiet
from envbuild.process import Finished
from envbuild.resolvers.conda.condalockfiles import (
    environment,
    kept,
    locked,
    needed,
    unserved,
    virtual_packages_file,
    wanted,
)
from envbuild.resolvers.conda.condalocksays import failure
from envbuild.resolvers.conda.condalocksolver import CondaLockSolver
from envbuild.resolvers.conda.condaprogram import find_conda
from envbuild.resolvers.conda.request import CondaRequest
from envbuild.resolvers.conda.virtualpackages import VirtualPackage

URL = "https://channel.invalid/conda-forge"


def request(*specs, **more):
    return CondaRequest(specs=specs, channels=("conda-forge",), subdir="linux-64", **more)


def dependencies(*specs):
    return json.loads(environment(wanted(request(*specs)), [URL], "linux-64"))["dependencies"]


def test_the_environment_has_names_versions_and_builds():
    specs = ("numpy==1.26.4=py311_0", "pip", "python=3.11", "scipy[version='>=1,<2|==0.9',build='*_openblas']")
    assert dependencies(*specs) == [
        "numpy[version='==1.26.4',build='py311_0']",
        "pip",
        "python[version='3.11.*']",
        "scipy[version='<2,>=1|==0.9',build='*_openblas']",
    ]


def test_two_specs_of_a_package_are_one_for_conda_lock_keeps_the_last_alone():
    (line,) = dependencies("numpy[version='>=1.20']", "numpy[version='<2']", "numpy[build='py3*']")
    assert sorted(line.partition("version='")[2].partition("'")[0].split(",")) == ["<2", ">=1.20"]
    assert "build='py3*'" in line


def test_virtual_packages_are_those_of_the_image():
    packages = (VirtualPackage("__glibc", "2.36"), VirtualPackage("__archspec", "1", "x86_64"))
    assert yaml.safe_load(virtual_packages_file(request(virtual_packages=packages))) == {
        "subdirs": {"linux-64": {"packages": {"__glibc": "2.36", "__archspec": "1 x86_64"}}}
    }


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("bioconda::samtools", "one channel"),
        ("x[subdir='linux-64']", "folder"),
        ("x[build_number='>=2']", "build_number"),
        ("x==1=0[fn='x-1-0.conda',sha256='" + "0" * 64 + "']", "fn and sha256"),
        ("x[build='^py3.*$']", "regular expression"),
    ],
)
def test_what_conda_lock_has_no_words_for_is_named(spec, words):
    """Else it would be left out, and another package taken."""
    assert words in unserved(request("python", spec))
    assert not unserved(request("python", "x"))


def test_other_priorities_folders_of_channels_and_two_builds_are_named():
    assert "disabled" in unserved(request("x", strict=False))
    assert "noarch" in unserved(CondaRequest(specs=("x",), channels=("conda-forge/noarch",), subdir="linux-64"))
    assert "two builds" in unserved(request("x[build='a*']", "x[build='*b']"))


def test_files_are_kept_only_where_they_are_still_asked_for():
    specs = wanted(request("numpy[version='>=1.20,<2']", "scipy[build='*_mkl']"))
    prefer = {
        "numpy": "numpy-1.26.4-py311_0.conda",
        "scipy": "scipy-1.0-0_openblas.tar.bz2",
        "zlib": "zlib-1.2-h_0.conda",
    }
    assert {name: str(spec) for name, spec in kept(specs, prefer).items()} == {
        "numpy": "numpy==1.26.4=py311_0",
        "zlib": "zlib==1.2=h_0",
    }
    assert kept(wanted(request("numpy>=2")), {"numpy": "numpy-1.26.4-py311_0.conda"}) == {}


def lock(*entries):
    return yaml.safe_dump({"version": 1, "metadata": {}, "package": list(entries)})


def entry(url, name="x", needs=(), **more):
    hashes = {"md5": "a" * 32, "sha256": "B" * 64}
    return {"name": name, "version": "1", "manager": "conda", "url": url, "hash": hashes, **more} | {
        "dependencies": dict.fromkeys(needs, "")
    }


@pytest.mark.parametrize(
    "url",
    [
        "https://channel.invalid/private",
        "https://joe:s3cret@channel.invalid/private",
        "https://${USER}:${PASSWORD}@channel.invalid/private",
        "https://channel.invalid/t/<TOKEN>/private",
        "https://channel.invalid/t/**********/private",
    ],
)
def test_a_package_is_of_its_channel_however_the_url_hides_credentials(url):
    places = {"conda-forge": (URL,), "private": ("https://mirror.invalid/x", "https://channel.invalid/t/tk-1/private/")}
    (found,) = locked(lock(entry(f"{url}/noarch/x-1%212.0-py_0.conda")), places)
    assert (found.record.channel, found.record.subdir, found.record.file) == ("private", "noarch", "x-1!2.0-py_0.conda")
    assert (found.record.version, found.record.build, found.record.sha256) == ("1!2.0", "py_0", "b" * 64)


def test_virtual_packages_and_pips_are_no_records():
    virtual = entry("file:///tmp/fake/linux-64/__glibc-2.36-0.tar.bz2", "__glibc")
    of_pip = entry("https://index.invalid/x-1.whl", manager="pip")
    assert locked(lock(virtual, of_pip), {"conda-forge": (URL,)}) == []


def test_a_package_of_an_unknown_place_is_refused_where_there_are_several_channels():
    text = lock(entry("https://elsewhere.invalid/c/linux-64/x-1-0.conda"))
    assert locked(text, {"conda-forge": (URL,)})[0].record.channel == "conda-forge"
    with pytest.raises(ResolveFailed, match="which channel https://elsewhere"):
        locked(text, {"conda-forge": (URL,), "other": ("https://other.invalid/o",)})


@pytest.mark.parametrize("text", ["", "[", "package: 3", "package: [{}]", "package: [{manager: conda, name: x}]"])
def test_what_is_no_lock_is_told(text):
    with pytest.raises(ResolveFailed, match="is no lock"):
        locked(text, {"conda-forge": (URL,)})


@given(some.dictionaries(some.sampled_from("abcdefg"), some.lists(some.sampled_from("abcdefgh"), max_size=3)))
def test_needed_packages_are_closed_and_no_more(needs):
    packages = locked(
        lock(*(entry(f"{URL}/noarch/{name}-1-0.conda", name, of) for name, of in needs.items())),
        {"conda-forge": (URL,)},
    )
    found = {one.record.name: one.needs for one in needed(packages, ["a"])}
    assert ("a" in found) == ("a" in needs)
    assert all(need in found for of in found.values() for need in of if need in needs)
    assert all(name == "a" or any(name in of for of in found.values()) for name in found)


def test_the_reason_is_told_without_folder_and_logins():
    text = (
        "Locking dependencies for ['linux-64']...\nCould not lock the environment for platform linux-64\n"
        "nothing provides __cuda >=12 of /tmp/place/x from https://joe:s3cret@channel.invalid/c\n"
        '    Command: [\'conda\']\n    STDOUT:\n{"exception_name": "LibMambaUnsatisfiableError"}\nTraceback (most\n'
    )
    found = failure(text, "/tmp/place")
    assert isinstance(found, ResolveFailed)
    assert "nothing provides __cuda >=12 of x from https://channel.invalid/c" in found.what
    assert "Traceback" not in str(found)
    unreached = failure(text.replace("LibMambaUnsatisfiableError", "CondaHTTPError"), "/tmp/place")
    assert isinstance(unreached, EnvironmentFault)
    assert "s3cret" not in str(unreached)


def test_a_crash_of_conda_lock_is_told_by_its_last_words():
    found = failure("WARNING: old\nTraceback (most recent call last):\n  File x\nValueError: bad spec\n", "/tmp/place")
    assert found.what == "conda-lock failed:\n  ValueError: bad spec"
    assert "said nothing" in failure("", "/tmp/place").what


def test_conda_is_the_one_that_the_shell_has_then_paths_and_never_fetched(tmp_path):
    def program(name):
        path = tmp_path / name
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        return str(path)

    with pytest.raises(EnvironmentFault, match="none is on PATH"):
        find_conda({"PATH": str(tmp_path), "CONDA_EXE": str(tmp_path / "gone")})
    micromamba, mamba = program("micromamba"), program("mamba")
    assert find_conda({"PATH": str(tmp_path)}) == mamba
    assert find_conda({"PATH": str(tmp_path), "MAMBA_EXE": micromamba}) == micromamba
    other = program("other-conda")
    assert find_conda({"PATH": str(tmp_path), "MAMBA_EXE": micromamba, "CONDA_EXE": other}) == other


def test_conda_is_given_one_place_that_answers_for_each_channel(tmp_path, monkeypatch):
    """It fails where one of its channels does not answer. A name may stand for several channels."""
    conda = tmp_path / "conda"
    conda.write_text("#!/bin/sh\n")
    conda.chmod(0o755)
    seen = []

    def run(argv, *, env, cwd):
        seen.append(json.loads((cwd / "environment.yml").read_text()))
        (cwd / "conda-lock.yml").write_text(lock(entry("https://a.invalid/t/<TOKEN>/c/noarch/x-1-0.conda")))
        return Finished(0, b"", b"")

    class Channels:
        def answering(self, channel, subdirs):
            return "https://a.invalid/t/tk-1/c", f"https://{'-'.join(subdirs)}.invalid/c"

    monkeypatch.setattr("envbuild.process.run", run)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    (found,) = CondaLockSolver(Channels(), {}, {"CONDA_EXE": str(conda)}).solve(request("x"), Quiet())
    assert seen[0]["channels"] == ["https://a.invalid/t/tk-1/c", "https://linux-64-noarch.invalid/c"]
    assert (found.channel, found.file) == ("conda-forge", "x-1-0.conda")
