"""The order in which the parts of a lock are resolved, and what no later part could mend."""

import pytest

from envbuild.definition import Definition, Requirement
from envbuild.errors import ResolveFailed
from envbuild.lockfile import Artifact, ArtifactKind
from envbuild.pipeline.quiet import Quiet
from envbuild.platforms import LINUX_AMD64
from envbuild.resolvers.locks import LockResolver, Resolvers
from envbuild.resolvers.pins import Provided


def artifact(kind: ArtifactKind, name: str, version: str = "1", file: str = "") -> Artifact:
    return Artifact(
        kind=kind, name=name, version=version, file=file or name, size=1, sha256="0" * 64, source="x/linux-64"
    )


class Parts:
    """Each part notes that it was asked, and gives what the test says."""

    def __init__(self, conda=(), python=None, wheels=()):
        self.asked, self._conda, self._python, self._wheels = [], conda, python, wheels

    def resolver(self) -> LockResolver:
        return LockResolver(
            Resolvers(base=self, packages=_Packages(self), python=lambda: _Python(self), conda=lambda: _Conda(self),
                      provided=self._provided)
        )  # fmt: skip

    def resolve(self, definition, platform, prefer):
        self.asked.append(("base", dict(prefer)))
        return (artifact(ArtifactKind.DEB, "libc6", "2.36-9"),), ()

    def _provided(self, lock, report):
        return [Provided("numpy", "1.26.4")]


class _Part:
    def __init__(self, parts):
        self.parts = parts


class _Python(_Part):
    def resolve(self, definition, platform, prefer, report):
        self.parts.asked.append(("python", dict(prefer)))
        if isinstance(self.parts._python, Exception):
            raise self.parts._python
        return self.parts._python


class _Conda(_Part):
    def resolve(self, definition, platform, glibc, prefer, report):
        self.parts.asked.append(("conda", glibc, dict(prefer)))
        return self.parts._conda


class _Packages(_Part):
    def resolve(self, definition, target, prefer, report, provided=()):
        self.parts.asked.append(("wheels", target.python, target.glibc, tuple(provided), dict(prefer)))
        return self.parts._wheels


def conda_python(build: str) -> Artifact:
    return artifact(ArtifactKind.CONDA, "python", "3.12.7", f"python-3.12.7-{build}.conda")


def locked(parts: Parts, definition: Definition, prefer=None):
    return parts.resolver().resolve(definition, LINUX_AMD64, prefer or {}, Quiet())


def test_wheels_are_chosen_for_condas_python_and_told_what_conda_brings():
    parts = Parts(conda=(conda_python("h1_0_cpython"),), wheels=(artifact(ArtifactKind.WHEEL, "six"),))
    definition = Definition(conda=("python",), channels=("x",), python="", pypi=(Requirement("six"),))
    prefer = {"conda:python": "python-3.12.7-h1_0_cpython.conda", "wheel:six": "1", "deb:libc6": "2.36-9"}
    lock = locked(parts, definition, prefer)
    assert parts.asked == [
        ("base", {"libc6": "2.36-9"}),
        ("conda", "2.36", {"python": "python-3.12.7-h1_0_cpython.conda"}),
        ("wheels", "3.12.7", "2.36", (Provided("numpy", "1.26.4"),), {"six": "1"}),
    ]
    assert [a.name for a in lock.artifacts] == ["python", "six"]


def test_a_python_that_cannot_be_had_is_told_before_anything_else_is_asked():
    parts = Parts(python=ResolveFailed("no such Python"))
    with pytest.raises(ResolveFailed, match="no such Python"):
        locked(parts, Definition(python="3.7", pypi=(Requirement("six"),)))
    assert [one[0] for one in parts.asked] == ["python"]


def test_wheels_are_chosen_for_the_standalone_python():
    python = artifact(ArtifactKind.PYTHON, "cpython", "3.12.7")
    parts = Parts(python=python)
    lock = locked(parts, Definition(python="3.12", pypi=(Requirement("six"),)))
    assert parts.asked[-1] == ("wheels", "3.12.7", "2.36", (), {})
    assert lock.interpreter.path == "/opt/python/bin/python3.12"


def test_packages_of_an_index_need_a_python_among_condas():
    definition = Definition(conda=("jq",), channels=("x",), python="", pypi=(Requirement("six"),))
    with pytest.raises(ResolveFailed, match="no Python for them") as refused:
        locked(Parts(conda=(artifact(ArtifactKind.CONDA, "jq"),)), definition)
    assert "add python" in refused.value.hint


def test_wheels_are_not_chosen_for_a_free_threaded_python():
    """They would be locked, and could not be imported."""
    definition = Definition(conda=("python",), channels=("x",), python="", pypi=(Requirement("six"),))
    with pytest.raises(ResolveFailed, match="free-threaded"):
        locked(Parts(conda=(conda_python("h1_0_cp313t"),)), definition)
    assert locked(Parts(conda=(conda_python("h1_0_cp313t"),)), Definition(conda=("python",), python="")).interpreter


def test_pypy_is_refused():
    with pytest.raises(ResolveFailed, match="PyPy"):
        locked(Parts(conda=(conda_python("0_73_pypy"),)), Definition(conda=("python",), python=""))
