"""pip packages beside conda's: what conda brought is met by its version or not at all, and it is never installed again."""

import importlib.util
import os
import sys
from dataclasses import replace

import pytest

from envbuild import host
from envbuild.definition import Definition, Index, Requirement
from envbuild.errors import ResolveFailed
from envbuild.normalize import normalize
from envbuild.platforms import Platform
from envbuild.resolvers.listed import Completeness, Listed
from envbuild.resolvers.pins import Provided
from envbuild.resolvers.piptools import PipTools
from envbuild.resolvers.pypi import PypiResolver
from envbuild.resolvers.wheelsonly import WheelsOnly

NUMPY = Provided("numpy", "1.26.4")
PANDAS = Provided(
    "pandas", "2.1.0", ('openpyxl>=3.1; extra == "excel"', 'odfpy; "all" == extra', "broken >>= 1; extra")
)


def _pip_tools():
    missing = importlib.util.find_spec("piptools") is None and not os.environ.get("CI")
    return pytest.param("pip-tools", marks=pytest.mark.skipif(missing, reason="pip-tools is not installed: make setup"))


@pytest.fixture(params=["uv", _pip_tools()])
def resolve(request, lab, tmp_path):
    """Resolves beside provided distributions: name -> version. With either resolver, as a workspace opens it."""
    if request.param == "pip-tools":
        lab.target = replace(
            lab.target,
            platform=Platform.parse(f"linux/{host.machine()}"),
            python=".".join(map(str, sys.version_info[:3])),
            glibc=host.glibc_version(),
        )
        pinner = PipTools(lab.urls, lab.environ, tmp_path / "pip-cache", logins=lab.logins)
    else:
        pinner = lab.uv()

    def resolve(*requirements, provided=(NUMPY, PANDAS), prefer=None, hashes=None, **more):
        asked = tuple(Requirement(text, tuple((hashes or {}).get(text, ()))) for text in requirements)
        client = lab.client()
        review = Completeness(client, WheelsOnly(lab.uv()))
        resolver = PypiResolver(Listed(pinner, client), client, review)
        definition = normalize(Definition(pypi=asked, **more))
        found = resolver.resolve(definition, lab.target, prefer or {}, lab.report, provided)
        return {one.name: one.version for one in found}

    return resolve


def test_what_conda_has_is_not_installed_again_and_no_index_is_asked_for_it(resolve, index):
    index.wheel("alpha", "1.0", ["numpy>=1.20", "Pandas"])
    index.wheel("numpy", "1.27")
    assert resolve("alpha") == {"alpha": "1.0"}
    assert resolve("NumPy", "pandas>=2") == {}
    assert not index.asked_for("numpy")
    assert not index.asked_for("pandas")


def test_condas_version_decides_which_release_fits(resolve, index):
    """Else pip would bring a release that breaks with conda's package."""
    index.wheel("alpha", "1.0", ["numpy<2"])
    index.wheel("alpha", "2.0", ["numpy>=2"])
    assert resolve("alpha") == {"alpha": "1.0"}
    assert resolve("alpha", provided=(Provided("numpy", "2.1"),)) == {"alpha": "2.0"}


def test_what_needs_another_version_has_no_solution_and_both_are_named(resolve, index, tmp_path):
    index.wheel("alpha", "1.0", ["beta"])
    index.wheel("beta", "1.0", ["numpy>=2"])
    index.wheel("numpy", "2.0")
    with pytest.raises(ResolveFailed) as failed:
        resolve("alpha")
    assert failed.value.what.splitlines()[0] == "conda has numpy 1.26.4, and beta needs numpy>=2"
    assert "conda's packages hold: ask conda for what brings numpy>=2" in str(failed.value)
    assert "file:" not in str(failed.value)
    assert "provided" not in str(failed.value)
    assert "is available" not in str(failed.value)


def test_of_several_releases_the_newest_ones_need_is_told_and_no_version_of_an_index(resolve, index):
    index.wheel("alpha", "1.0", ["numpy>=2"])
    index.wheel("alpha", "2.0", ["numpy>=2.1,<3"])
    index.wheel("alpha", "3.0", ["numpy>=2.2,!=2.5"])
    with pytest.raises(ResolveFailed) as failed:
        resolve("alpha")
    first, *others = failed.value.what.splitlines()
    assert first in (
        f"conda has numpy 1.26.4, and alpha needs numpy{limit}" for limit in ("!=2.5,>=2.2", ">=2.2,<2.5 or >2.5")
    )
    assert not any("available" in line and "numpy" in line for line in others)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("numpy>=2", "conda has numpy 1.26.4, and the definition needs numpy>=2"),
        ("numpy==1.26.3", "conda has numpy 1.26.4, and the definition needs numpy==1.26.3"),
        ("numpy @ https://example.invalid/numpy-2.0-py3-none-any.whl", "asks for numpy by a URL"),
    ],
)
def test_the_definitions_own_wish_for_another_version_is_refused_before_anything_is_asked(resolve, index, asked, words):
    with pytest.raises(ResolveFailed) as failed:
        resolve(asked)
    assert words in failed.value.what
    assert failed.value.hint
    assert index.requests == []


def test_a_constraint_that_conda_does_not_meet_is_told_as_such(resolve, index):
    index.wheel("alpha", "1.0", ["numpy>=1.25"])
    with pytest.raises(ResolveFailed, match=r"conda has numpy 1\.26\.4, and a constraint needs numpy<1\.26"):
        resolve("alpha", constraints=("numpy<1.26",))
    index.wheel("beta", "1.0")
    assert resolve("beta", constraints=("numpy<1.26",)) == {"beta": "1.0"}


def test_an_extra_of_what_conda_has_brings_what_it_needs_and_nothing_else(resolve, index):
    for version in ("3.0", "3.2"):
        index.wheel("openpyxl", version)
    index.wheel("alpha", "1.0", ["pandas[excel]"])
    assert resolve("pandas[excel]") == {"openpyxl": "3.2"}
    assert resolve("alpha") == {"alpha": "1.0", "openpyxl": "3.2"}
    with pytest.raises(ResolveFailed, match="odfpy"):
        resolve("pandas[all]")


def test_a_package_that_no_index_has_is_met_by_conda(resolve, index):
    index.wheel("alpha", "1.0", ["conda-only-thing>=3"])
    assert resolve("alpha", provided=(Provided("conda-only-thing", "3.1"),)) == {"alpha": "1.0"}


MET = (
    ("2.1.0+cpu", "==2.1.0"), ("2.1.0+cpu", "<=2.1.0"), ("2.1.0+cpu", ">=2.1,<3"), ("2.1.0", "===2.1.0"), ("3.0rc1", ">=2"),
    ("3.0.dev4", ">2"), ("1!1.0", ">=9"), ("2.1.0.post1", "==2.1.*"), ("2.01", "==2.1.0"),
)  # fmt: skip


def test_versions_are_held_against_needs_as_pep_440_says(resolve, index):
    needs = [f"part-{number}{specifier}" for number, (_, specifier) in enumerate(MET)]
    provided = tuple(Provided(f"part-{number}", version) for number, (version, _) in enumerate(MET))
    index.wheel("alpha", "1.0", needs)
    assert resolve("alpha", *needs, provided=provided) == {"alpha": "1.0"}


@pytest.mark.parametrize(("version", "needs"), [("2.0rc1", "torch>=2"), ("2.1.0+cpu", "torch==2.1.0+cu121")])
def test_versions_that_do_not_meet_a_need_are_refused(resolve, index, version, needs):
    index.wheel("alpha", "1.0", [needs])
    with pytest.raises(ResolveFailed, match=f"conda has torch {version.replace('+', '.')}, and alpha needs torch"):
        resolve("alpha", provided=(Provided("torch", version),))


def test_a_version_that_cannot_be_compared_is_told_where_it_matters(resolve, index, lab):
    index.wheel("alpha", "1.0", ["zlib-thing>=1"])
    index.wheel("zlib-thing", "1.5")
    provided = (Provided("zlib-thing", "2024d_1x"), Provided("other", "release-7"))
    assert resolve("alpha", provided=provided) == {"alpha": "1.0", "zlib-thing": "1.5"}
    assert lab.report.notices == [
        "conda has zlib-thing 2024d_1x, which cannot be compared with what is needed: zlib-thing 1.5 is installed too"
    ]


def test_a_lock_of_before_does_not_bring_back_what_conda_has_now(resolve, index, lab):
    index.wheel("alpha", "1.0", ["numpy"])
    index.wheel("alpha", "1.1", ["numpy"])
    assert resolve("alpha", prefer={"numpy": "1.20", "alpha": "1.0"}) == {"alpha": "1.0"}
    assert resolve("alpha") == {"alpha": "1.1"}
    assert lab.report.notices == []


def test_only_what_is_installed_needs_hashes(resolve, index):
    first = index.wheel("alpha", "1.0", ["numpy>=1", "pandas[excel]"])
    second = index.wheel("openpyxl", "3.2")
    hashes = {"alpha==1.0": [f"sha256:{first}"], "openpyxl==3.2": [f"sha256:{second}"]}
    listed = ("alpha==1.0", "openpyxl==3.2")
    assert resolve(*listed, hashes=hashes) == {"alpha": "1.0", "openpyxl": "3.2"}
    assert resolve(*listed, "numpy==1.26.4", hashes=hashes) == {"alpha": "1.0", "openpyxl": "3.2"}
    with pytest.raises(ResolveFailed, match=r"openpyxl 3\.2 is needed too, and has no hash"):
        resolve("alpha==1.0", hashes=hashes)


def test_another_tools_lock_is_taken_without_what_conda_has(resolve, index, lab):
    index.wheel("alpha", "1.0")
    assert resolve("alpha==1.0", "numpy==1.26.4", no_deps=True) == {"alpha": "1.0"}
    assert lab.report.notices == []
    with pytest.raises(ResolveFailed, match=r"conda has numpy 1\.26\.4, and the definition needs numpy==2"):
        resolve("alpha==1.0", "numpy==2", no_deps=True)


def test_an_old_release_is_not_blamed_on_a_wheel_where_conda_holds_it_back(resolve, index, lab):
    """`pandas[excel]` of conda wants an old openpyxl: that newer ones have no wheel is no reason to refuse it."""
    index.wheel("openpyxl", "1.0")
    index.wheel("openpyxl", "9.0", tag="cp27-cp27m-win32")
    held = Provided("pandas", "2.1.0", ('openpyxl<2; extra == "excel"',))
    assert resolve("pandas[excel]", provided=(held,)) == {"openpyxl": "1.0"}
    assert lab.report.notices == []


def test_a_package_pinned_to_an_index_may_be_condas(lab, index, other_index):
    """With uv alone: pip-tools takes one index."""
    index.wheel("alpha", "1.0", ["torch"])
    other_index.wheel("torch", "9.0")
    lab.urls["private"] = other_index.url
    private = Index("private", other_index.url, packages=("torch",), explicit=True)
    definition = normalize(Definition(pypi=(Requirement("alpha"), Requirement("torch>=2")), indexes=(private,)))
    client = lab.client()
    resolver = PypiResolver(lab.uv(), client, WheelsOnly(lab.uv()))
    found = resolver.resolve(definition, lab.target, {}, lab.report, (Provided("torch", "2.1.0+cpu"),))
    assert [one.name for one in found] == ["alpha"]
    assert not other_index.asked_for("torch")


def test_a_complete_lists_gap_against_conda_is_told(lab, index):
    from packaging.requirements import Requirement as Parsed

    from envbuild.resolvers.listed import gaps
    from envbuild.resolvers.pins import Pin, PinRequest

    request = PinRequest(
        requirements=(Requirement("alpha==1.0"),), constraints=(), indexes=(), target=lab.target, provided=(NUMPY, PANDAS),
        complete=True,
    )  # fmt: skip
    needs = {"alpha": [Parsed("numpy>=2"), Parsed("pandas[excel]")]}
    assert list(map(str, gaps([Pin("alpha", "1.0")], needs, request))) == [
        "alpha needs numpy>=2, and conda has numpy 1.26.4",
        "pandas needs openpyxl>=3.1, and it is not in the list",
    ]
