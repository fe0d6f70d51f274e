"""A complete list is taken as it is: no resolver has a say, and what the list lacks is told."""

import pytest

from envbuild.definition import Definition, Requirement
from envbuild.errors import IntegrityError, ResolveFailed
from envbuild.normalize import normalize
from envbuild.platforms import Platform
from envbuild.resolvers.listed import Completeness, Listed
from envbuild.resolvers.pypi import PypiResolver
from envbuild.resolvers.wheelsonly import WheelsOnly
from envbuild.wheelfiles import Target


class Nobody:
    """A pinner that must not be asked."""

    name = "nobody"

    def pins(self, request):
        raise AssertionError(f"a resolver was started for {[r.text for r in request.requirements]}")


@pytest.fixture
def listed(lab):
    """`listed(("alpha==1.0", hash), ..., no_deps=True)`: versions by name, without any resolver."""

    def resolve(*rows, pinner=None, no_deps=True, target=None, **more):
        asked = tuple(Requirement(text, tuple(f"sha256:{one}" for one in hashes)) for text, *hashes in rows)
        definition = normalize(Definition(pypi=asked, no_deps=no_deps, **more))
        client = lab.client()
        review = Completeness(client, WheelsOnly(lab.uv()))
        resolver = PypiResolver(Listed(pinner or Nobody(), client), client, review)
        found = resolver.resolve(definition, target or lab.target, {}, lab.report)
        return {artifact.name: artifact for artifact in found}

    return resolve


def metadata(*requires, name="alpha"):
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n" + "".join(f"Requires-Dist: {r}\n" for r in requires)


def offer(index, file, *requires):
    """What a wheel needs, beside it (PEP 658)."""
    index.bodies[f"{file}.metadata"] = metadata(*requires).encode()
    for entries in index.files.values():
        for entry in entries:
            if entry["filename"] == file:
                entry["core-metadata"] = True


def test_a_list_is_installed_as_it_is_and_nothing_is_resolved(listed, index):
    """A lock that is resolved again is another one: somebody tested the versions that stand in it."""
    alpha = index.wheel("alpha", "1.0", ["beta>=2"])
    index.wheel("alpha", "2.0")
    beta = index.wheel("beta", "1.0")
    index.wheel("beta", "3.0")
    found = listed(("alpha==1.0", alpha), ("beta==1.0", beta))
    assert {name: (a.version, a.sha256) for name, a in found.items()} == {
        "alpha": ("1.0", alpha),
        "beta": ("1.0", beta),
    }


def test_of_the_listed_files_the_one_for_the_target_is_taken(listed, index):
    plain = index.wheel("alpha", "1.0")
    best = index.wheel("alpha", "1.0", tag="cp311-cp311-manylinux_2_17_x86_64")
    index.wheel("alpha", "1.0", tag="cp311-cp311-manylinux_2_28_x86_64")
    arm = index.wheel("alpha", "1.0", tag="cp311-cp311-manylinux_2_17_aarch64")
    row = ("alpha==1.0", plain, best, arm)
    assert listed(row)["alpha"].sha256 == best
    assert listed(row, target=Target(Platform.parse("linux/arm64"), "3.11.2", "2.36"))["alpha"].sha256 == arm


def test_markers_decide_for_the_target_and_the_bases_own_release(listed, index):
    """redis needs async-timeout before Python 3.11.3, and bookworm has 3.11.2."""
    for name in ("alpha", "beta", "gamma"):
        index.wheel(name, "1.0")
    rows = [
        ('alpha==1.0 ; python_full_version < "3.11.3"',),
        ('beta==1.0 ; python_full_version >= "3.11.3"',),
        ('gamma==1.0 ; platform_machine == "aarch64"',),
    ]
    assert set(listed(*rows)) == {"alpha"}
    assert set(listed(*rows, target=Target(Platform.parse("linux/arm64"), "3.11.9", "2.36"))) == {"beta", "gamma"}


def test_a_file_that_is_not_the_listed_one_is_never_taken(listed, index):
    index.wheel("alpha", "1.0")
    with pytest.raises(IntegrityError, match=r"alpha-1\.0-py3-none-any\.whl: its sha256 is .* expected 0000"):
        listed(("alpha==1.0", "0" * 64))
    with pytest.raises(IntegrityError, match="or one of 2 more"):
        listed(("alpha==1.0", *(f"{n:064}" for n in range(6))))


def test_a_package_that_is_on_no_index_is_told_with_those_that_were_asked(listed, index):
    with pytest.raises(ResolveFailed, match="no index has alpha") as failed:
        listed(("alpha==1.0",))
    assert failed.value.at == "pypi"
    index.wheel("alpha", "2.0")
    with pytest.raises(ResolveFailed, match=r"alpha 1 has no wheel for Python 3\.11"):
        listed(("alpha==1.0",))


def test_two_versions_that_both_apply_are_refused(listed, index):
    rows = [('alpha==1.0 ; python_version < "4"',), ("alpha==2.0",)]
    with pytest.raises(ResolveFailed, match=r"two of alpha apply at once: 1 and 2"):
        listed(*rows)


def test_a_complete_list_has_only_exact_versions(listed):
    with pytest.raises(ResolveFailed, match="no exact version: alpha>=1, beta"):
        listed(("alpha>=1",), ("beta",))


def test_what_a_list_lacks_is_told_and_the_list_is_taken_all_the_same(listed, index, lab):
    """Whoever locked it may have left a package out on purpose; whoever edited it by hand did not."""
    alpha = index.wheel("alpha", "1.0")
    beta = index.wheel("beta", "1.0")
    needs = ["beta>=2", "gamma", 'delta ; extra == "fast"', 'epsilon ; sys_platform == "win32"', "Beta[fast]"]
    offer(index, "alpha-1.0-py3-none-any.whl", *needs)
    offer(index, "beta-1.0-py3-none-any.whl", "zeta ; extra == 'fast'")
    assert set(listed(("alpha==1.0", alpha), ("beta==1.0", beta))) == {"alpha", "beta"}
    assert lab.report.notices == [
        "alpha needs beta>=2, and the list has beta 1; it is installed without",
        "alpha needs gamma, and it is not in the list; it is installed without",
        "beta needs zeta, and it is not in the list; it is installed without",
    ]


def test_a_list_that_lacks_nothing_has_nothing_said_of_it(listed, index, lab):
    alpha, beta = index.wheel("alpha", "1.0"), index.wheel("beta", "1.0rc1")
    offer(index, "alpha-1.0-py3-none-any.whl", "beta>=1.0a1", 'winonly ; sys_platform == "win32"')
    listed(("alpha==1.0", alpha), ("beta==1.0rc1", beta))
    assert lab.report.notices == []


def test_an_index_that_does_not_give_the_metadata_that_it_promised_stops_nothing(listed, index, lab):
    alpha = index.wheel("alpha", "1.0", core_metadata=True)
    assert set(listed(("alpha==1.0", alpha))) == {"alpha"}


def test_hashed_requirements_that_have_all_that_is_needed_are_not_resolved_again(listed, index):
    alpha, beta = index.wheel("alpha", "1.0", ["beta"]), index.wheel("beta", "1.0")
    offer(index, "alpha-1.0-py3-none-any.whl", "beta>=1")
    offer(index, "beta-1.0-py3-none-any.whl")
    found = listed(("alpha==1.0", alpha), ("beta==1.0", beta), no_deps=False)
    assert {name: a.sha256 for name, a in found.items()} == {"alpha": alpha, "beta": beta}


def test_hashed_requirements_that_lack_something_are_refused_as_pip_does(listed, index, lab):
    """A hand-written list with one package forgotten must not become an image that cannot import it."""
    alpha = index.wheel("alpha", "1.0", ["beta"])
    index.wheel("beta", "1.0")
    offer(index, "alpha-1.0-py3-none-any.whl", "beta")
    with pytest.raises(ResolveFailed, match=r"beta 1\.0 is needed too, and has no hash"):
        listed(("alpha==1.0", alpha), no_deps=False, pinner=lab.uv())


@pytest.mark.parametrize("case", ["no metadata", "no hash", "a range", "a constraint", "an extra that lacks something"])
def test_what_may_not_be_the_whole_list_goes_to_the_resolver(case, listed, index):
    alpha, beta = index.wheel("alpha", "1.0"), index.wheel("beta", "1.0")
    offer(index, "alpha-1.0-py3-none-any.whl", "gamma ; extra == 'fast'")
    if case != "no metadata":
        offer(index, "beta-1.0-py3-none-any.whl")
    rows = {
        "no hash": [("alpha==1.0",), ("beta==1.0",)],
        "a range": [("alpha>=1.0", alpha), ("beta==1.0", beta)],
        "an extra that lacks something": [("alpha[fast]==1.0", alpha), ("beta==1.0", beta)],
    }
    more = {"constraints": ("gamma<2",)} if case == "a constraint" else {}
    with pytest.raises(AssertionError, match="a resolver was started"):
        listed(*rows.get(case, [("alpha==1.0", alpha), ("beta==1.0", beta)]), no_deps=False, **more)
