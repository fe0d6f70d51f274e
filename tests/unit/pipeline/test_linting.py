"""Each rule finds what hurts, and leaves alone what does not."""

from datetime import date

import pytest

from envbuild.definition import Definition, ImageBase, Index, Requirement
from envbuild.pipeline.linting import lint

TODAY = date(2026, 11, 24)
OWN = Index("own", "https://own.example/s")
PINNED_PIP = ("numpy=1.26", "pip")


def found(locked=True, pypi=(), **fields):
    definition = Definition(pypi=tuple(map(Requirement, pypi)), **fields)
    return [(finding.code, finding.item) for finding in lint(definition, locked=locked, today=TODAY)]


@pytest.mark.parametrize(
    ("asked", "codes"),
    [
        ({}, []),
        ({"pypi": ["numpy"]}, []),
        ({"pypi": ["numpy"], "locked": False}, [("EB101", "numpy")]),
        ({"pypi": ["numpy==2.*", "six===1"], "locked": False}, [("EB101", "numpy==2.*")]),
        ({"pypi": ["x @ https://h/x-1-py3-none-any.whl", "six==1"], "locked": False}, []),
        ({"conda": ("numpy", "scipy=1.1", "c::x>=2", "c::y==2=b1", "pip"), "locked": False}, [("EB101", "c::x>=2"), ("EB101", "numpy")]),
        ({"base": ImageBase("debian:12")}, [("EB102", "debian:12")]),
        ({"base": ImageBase("debian")}, [("EB102", "debian")]),
        ({"base": ImageBase(f"debian@sha256:{'a' * 64}")}, []),
        ({"variables": (("API_KEY", "x"),)}, [("EB103", "API_KEY")]),
        ({"variables": (("DB_PASSWORD", ""), ("TOKENIZERS_PARALLELISM", "false"), ("KEYBOARD", "de"))}, []),
        ({"variables": (("X", "ghp_" + "a" * 36), ("Y", "postgres://me:pw@h/db"))}, [("EB103", "X"), ("EB103", "Y")]),
        ({"conda": PINNED_PIP, "pypi": ["NumPy>=1"]}, [("EB104", "NumPy>=1")]),
        ({"conda": ("numpy=1.26",), "pypi": ["six"]}, [("EB107", "")]),
        ({"indexes": (OWN, Index("pypi"))}, [("EB105", "own")]),
        ({"indexes": (Index("own", "https://own.example/s", explicit=True, packages=("x",)), Index("pypi"))}, []),
        ({"indexes": (Index("pypi", "http://mirror.example/s"),)}, [("EB106", "pypi")]),
        ({"indexes": (Index("pypi", "http://localhost:8080/s"),)}, []),
        ({"python": "3.10"}, [("EB108", "3.10")]),
        ({"python": "3.11"}, []),
    ],
)  # fmt: skip
def test_a_rule_finds_what_it_is_for(asked, codes):
    assert found(**asked) == codes


def test_every_finding_says_what_to_do():
    definition = Definition(
        base=ImageBase("debian"),
        python="3.8",
        pypi=(Requirement("numpy"),),
        conda=("numpy",),
        indexes=(Index("own", "http://own.example/s"), Index("pypi")),
        variables=(("TOKEN", "x"),),
    )
    findings = lint(definition, locked=False, today=TODAY, login_hosts=["own.example"])
    assert {finding.code for finding in findings} == {f"EB10{n}" for n in range(1, 10)}
    assert all(finding.remedy and finding.what for finding in findings)
    assert not any(finding.item == "x" for finding in findings)
