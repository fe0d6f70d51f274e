"""`--resolver conda-lock`: conda-lock's own code, over the declared stand-in for conda, gives the locks that rattler gives."""

import importlib.util
import os
from pathlib import Path

import pytest
from condachannel import condashim, package, serve, write_channel

from envbuild.conda.condarc import Condarc
from envbuild.definition import Definition
from envbuild.errors import EnvironmentFault, MissingExtra, ResolveFailed, UsageError
from envbuild.http.client import Http
from envbuild.httpsettings import HttpSettings, host_of
from envbuild.normalize import normalize
from envbuild.pipeline.quiet import Quiet
from envbuild.platforms import Platform
from envbuild.resolvers.conda.condalocksolver import CondaLockSolver
from envbuild.resolvers.conda.condaresolver import CondaResolver
from envbuild.resolvers.conda.rattlersolver import RattlerSolver
from envbuild.sources.channelplaces import ChannelPlaces
from envbuild.sources.channels import ChannelClient

if importlib.util.find_spec("conda_lock") is None and not os.environ.get("CI"):
    pytest.skip("conda-lock is not installed: make setup", allow_module_level=True)

AMD64, ARM64 = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")

FORGE = [
    package("python", "3.11.9", "h1_0", depends=["libffi >=3.4,<4", "__glibc >=2.17,<3.0.a0"]),
    package("python", "3.12.4", "h2_0", depends=["libffi >=3.4,<4", "__glibc >=2.17,<3.0.a0"]),
    package("python", "3.12.4", "h2_0", subdir="linux-aarch64", depends=["__glibc >=2.17,<3.0.a0"]),
    package("libffi", "3.4.4", "h1_0"),
    package("libffi", "3.4.6", "h1_0"),
    package("libffi", "3.5", "h2_0", depends=["__glibc >=2.40"]),
    package("numpy", "1.26.4", "py311_0", depends=["python >=3.11,<3.12.0a0", "libblas 3.9.*"]),
    package("numpy", "1.26.4", "py312_0", depends=["python >=3.12,<3.13.0a0", "libblas 3.9.*"]),
    package("numpy", "2.0.1", "py312_0", depends=["python >=3.12,<3.13.0a0", "libblas 3.9.*"]),
    package("numpy", "2.0.1", "py312_0", subdir="linux-aarch64", depends=["python >=3.12,<3.13.0a0"]),
    package("libblas", "3.9.0", "20_openblas", build_number=20),
    package("libblas", "3.9.0", "21_mkl", build_number=21),
    package("six", "1!1.17.0", "pyhd_0", noarch="python", depends=["python >=3.8"]),
    package("cuda-thing", "12.4", "h1_0", depends=["__cuda >=12.4"]),
    package("cuda-thing", "11.8", "h1_0"),
    package("x86-thing", "1.0", "v1_0", depends=["__archspec 1 x86_64"]),
    package("old-form", "1.0", "0", format=".tar.bz2"),
]  # fmt: skip
OTHER = [package("numpy", "9.9", "other_0"), package("only-here", "1.0", "0", depends=["numpy"])]


@pytest.fixture(scope="module")
def channels(tmp_path_factory):
    """Channels, served: `conda-forge`, `private` behind a login, `paid` behind a token."""
    folder = tmp_path_factory.mktemp("channels")
    write_channel(folder / "conda-forge", FORGE)
    write_channel(folder / "private", OTHER)
    write_channel(folder / "paid", [package("bought", depends=["python"])])
    login = {"login": ("joe", "s3:cr@t")}
    with (
        serve(folder / "conda-forge") as forge,
        serve(folder / "private", **login) as private,
        serve(folder / "paid", token="tk-1234") as paid,
    ):
        yield {"conda-forge": (forge.url,), "private": (private.login_url,), "paid": (paid.url,)}


@pytest.fixture
def shim(tmp_path):
    """A folder with the stand-in."""
    condashim.install(tmp_path / "bin")
    return tmp_path / "bin"


@pytest.fixture
def resolvers(channels, shim, tmp_path):
    """The resolver with rattler, and the one with conda-lock."""
    places = ChannelPlaces(Condarc(), channels, {host_of(channels["paid"][0]): "tk-1234"})
    client = ChannelClient(Http(HttpSettings(), sleep=lambda _: None), places, tmp_path / "cache")
    environ = {"PATH": os.environ["PATH"]}
    program = {"PATH": f"{shim}{os.pathsep}{os.environ['PATH']}"}
    second = CondaLockSolver(client, environ, program)
    return CondaResolver(RattlerSolver(client), client), CondaResolver(second, client)


def solved(resolver, *conda, platform=AMD64, prefer=None, **more):
    definition = normalize(Definition(conda=conda, channels=more.pop("channels", ("conda-forge",)), python="", **more))
    return resolver.resolve(definition, platform, "2.36", prefer or {}, Quiet())


ENVIRONMENTS = {
    "ranges and epochs": (("python>=3.11", "numpy[version='>=1.20,<2']", "six", "old-form"), {}),
    "an exact build": (("numpy==1.26.4=py311_0", "libblas[build='*_openblas']"), {}),
    "several specs of one package": (("python", "numpy>=1", "numpy<2|9.9"), {}),
    "the first channel that has a package": (("only-here",), {"channels": ("conda-forge", "private")}),
    "the other order": (("only-here",), {"channels": ("private", "conda-forge")}),
    "a channel behind a token": (("bought",), {"channels": ("conda-forge", "paid")}),
    "a machine with CUDA": (("cuda-thing", "x86-thing"), {"virtual_packages": (("__cuda", "12.4"),)}),
    "one without": (("cuda-thing",), {}),
    "another platform": (("numpy",), {"platform": ARM64}),
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_both_solvers_give_one_lock(resolvers, name):
    conda, more = ENVIRONMENTS[name]
    first, second = (solved(resolver, *conda, **more) for resolver in resolvers)
    assert first == second
    assert first


def test_both_keep_what_a_lock_of_before_has(resolvers):
    """And neither keeps what nothing needs any more."""
    prefer = {"python": "python-3.11.9-h1_0.conda", "libffi": "libffi-3.4.4-h1_0.conda", "gone": "gone-1-0.conda"}
    prefer["old-form"] = "old-form-1.0-0.tar.bz2"
    first, second = (solved(resolver, "python", prefer=prefer) for resolver in resolvers)
    assert first == second
    assert [artifact.file for artifact in first] == ["libffi-3.4.4-h1_0.conda", "python-3.11.9-h1_0.conda"]
    first, second = (solved(resolver, "python>=3.12", prefer=prefer) for resolver in resolvers)
    assert first == second
    assert [artifact.file for artifact in first] == ["libffi-3.4.4-h1_0.conda", "python-3.12.4-h2_0.conda"]


def test_nothing_of_this_machine_reaches_conda(resolvers, shim, monkeypatch, tmp_path):
    monkeypatch.setenv("CONDA_CHANNEL_PRIORITY", "disabled")
    monkeypatch.setenv("CONDA_OVERRIDE_CUDA", "99")
    monkeypatch.setenv("CONDARC", str(tmp_path / "condarc"))
    solved(resolvers[1], "cuda-thing")
    (call,) = [one for one in condashim.asked(shim) if one["argv"][0] == "create"]
    environ = call["environ"]
    assert environ["CONDA_CHANNEL_PRIORITY"] == "strict"
    assert environ["CONDA_OVERRIDE_GLIBC"] == "2.36"
    assert environ["CONDA_OVERRIDE_CUDA"] == ""
    assert "CONDARC" not in environ
    assert environ["HOME"] != os.environ["HOME"]
    assert not Path(environ["HOME"]).exists()


def test_what_does_not_go_together_is_told_by_conda(resolvers):
    with pytest.raises(ResolveFailed, match="numpy") as failed:
        solved(resolvers[1], "python=3.11", "numpy>=2")
    assert "Traceback" not in str(failed.value)
    assert str(failed.value).count("\n") < 20


def test_a_channel_that_is_down_is_the_machines_fault_and_its_login_is_not_told(resolvers, channels, shim, tmp_path):
    down = {"private": ("http://joe:s3cret@127.0.0.1:9/private",)}
    client = ChannelClient(Http(HttpSettings()), ChannelPlaces(Condarc(), down, {}), tmp_path / "cache")
    solver = CondaResolver(CondaLockSolver(client, {"PATH": os.environ["PATH"]}, {"PATH": str(shim)}), client)
    with pytest.raises(EnvironmentFault) as failed:
        solved(solver, "numpy", channels=("private",))
    assert "s3cret" not in str(failed.value)


def test_what_conda_lock_has_no_words_for_is_refused_before_anything_runs(resolvers, shim):
    with pytest.raises(UsageError, match=r"one channel or folder \(conda-forge::numpy\).*"):
        solved(resolvers[1], "conda-forge::numpy")
    assert condashim.asked(shim) == []


def test_without_a_conda_or_conda_lock_it_is_told_what_is_missing(resolvers, channels, tmp_path, monkeypatch):
    client = ChannelClient(Http(HttpSettings()), ChannelPlaces(Condarc(), channels, {}), tmp_path / "cache")
    solver = CondaResolver(CondaLockSolver(client, {}, {"PATH": str(tmp_path)}), client)
    with pytest.raises(EnvironmentFault, match="none is on PATH"):
        solved(solver, "numpy")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"envbuild\[conda-lock\]"):
        solved(solver, "numpy")
