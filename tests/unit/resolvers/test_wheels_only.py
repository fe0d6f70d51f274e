"""No silent old release: a package that is old only because a newer one lacks a wheel is said, or refused."""

import os
import re
import sys
from pathlib import Path

import pytest

from envbuild.definition import Definition, Requirement
from envbuild.errors import EnvironmentFault, ResolveFailed
from envbuild.http.client import Http
from envbuild.machine import Machine
from envbuild.normalize import normalize
from envbuild.resolvers.pypi import PypiResolver
from envbuild.resolvers.uv import Uv
from envbuild.resolvers.wheelsonly import WheelsOnly
from envbuild.sources.index import IndexClient


def at(year):
    return f"{year}-06-01T00:00:00.000000Z"


@pytest.fixture
def fuse(index):
    """The shape of the real case: newer releases need what is a source distribution alone."""
    index.sdist("fusy", "3.0", upload_time=at(2018))
    index.wheel("runtime", "1.60", ["fusy>=3"], upload_time=at(2025))
    index.wheel("defaults", "1.0.45", upload_time=at(2019))
    index.wheel("defaults", "1.60", ["runtime>=1.60"], upload_time=at(2025))


def test_what_a_newer_release_needs_lacks_a_wheel(lab, fuse):
    with pytest.raises(ResolveFailed) as failed:
        lab.resolve("defaults")
    text = str(failed.value)
    assert "defaults would be 1.0.45 (2019), where 1.60 (2025) is allowed: fusy lacks a wheel" in text
    assert re.search(r"^  defaults>=1\.60 needs runtime==1\.60$", text, re.MULTILINE)
    assert re.search(r"^  runtime needs fusy", text, re.MULTILINE)
    assert "defaults==1.0.45" in text


def test_an_exact_pin_or_a_bound_says_that_it_is_meant(lab, fuse):
    assert lab.versions("defaults==1.0.45") == {"defaults": "1.0.45"}
    assert lab.versions("defaults<1.50") == {"defaults": "1.0.45"}
    assert lab.versions("defaults", constraints=("defaults==1.0.45",)) == {"defaults": "1.0.45"}
    assert lab.report.notices == []


def test_a_version_of_before_is_kept_without_a_word(lab, fuse):
    assert lab.versions("defaults", prefer={"defaults": "1.0.45"}) == {"defaults": "1.0.45"}
    assert lab.report.notices == []


def test_the_package_itself_lacks_a_wheel_far_behind(lab, index):
    index.wheel("alpha", "1.0", upload_time=at(2024))
    index.sdist("alpha", "3.0", upload_time=at(2025))
    with pytest.raises(ResolveFailed, match=r"alpha would be 1\.0 \(2024\), where 3\.0 \(2025\).*alpha lacks a wheel"):
        lab.resolve("alpha")


def test_a_wheel_for_another_platform_is_none(lab, index):
    index.wheel("alpha", "1.0", upload_time=at(2020))
    index.wheel("alpha", "1.1", tag="cp311-cp311-win_amd64", upload_time=at(2025))
    with pytest.raises(ResolveFailed, match="alpha lacks a wheel"):
        lab.resolve("alpha")


def test_a_little_behind_is_a_notice(lab, index):
    index.wheel("alpha", "1.0", upload_time=at(2024))
    index.sdist("alpha", "1.1", upload_time=at(2024))
    assert lab.versions("alpha") == {"alpha": "1.0"}
    assert lab.report.notices == ["alpha is 1.0, not 1.1: alpha has no wheel for Python 3.11.2 on linux/amd64"]


def test_a_little_behind_because_what_it_needs_lacks_a_wheel_is_a_notice_too(lab, index):
    index.sdist("fusy", "3.0", upload_time=at(2024))
    index.wheel("alpha", "1.0", upload_time=at(2024))
    index.wheel("alpha", "1.1", ["fusy"], upload_time=at(2024))
    assert lab.versions("alpha") == {"alpha": "1.0"}
    assert lab.report.notices == ["alpha is 1.0, not 1.1: fusy has no wheel for Python 3.11.2 on linux/amd64"]


def test_the_newest_release_that_is_allowed_counts_not_one_beyond_the_bound(lab, index):
    index.wheel("alpha", "1.0")
    index.sdist("alpha", "2.0")
    index.wheel("alpha", "9.0")
    lab.resolve("alpha<3")
    assert len(lab.report.notices) == 1
    assert "not 2.0" in lab.report.notices[0]


@pytest.mark.parametrize("more", [{"yanked": "bad"}, {"requires_python": ">=3.12"}])
def test_a_newer_release_that_could_not_be_taken_anyway_is_no_reason(lab, index, more):
    index.wheel("alpha", "1.0", upload_time=at(2019))
    index.sdist("alpha", "9.0", upload_time=at(2025), **more)
    assert lab.versions("alpha") == {"alpha": "1.0"}
    assert lab.report.notices == []


def test_a_prerelease_is_no_newer_release(lab, index):
    index.wheel("alpha", "1.0")
    index.sdist("alpha", "9.0rc1")
    lab.resolve("alpha")
    assert lab.report.notices == []


def test_a_package_that_others_need_lacks_a_wheel(lab, index):
    index.wheel("alpha", "1.0", ["beta"])
    index.wheel("beta", "1.0", upload_time=at(2019))
    index.sdist("beta", "5.0", upload_time=at(2025))
    with pytest.raises(ResolveFailed, match=r"beta would be 1\.0 \(2019\), where 5\.0 \(2025\) is allowed"):
        lab.resolve("alpha")


def test_one_that_others_hold_back_is_not_silently_old(lab, index):
    """`alpha` asks for the old beta itself: no wheel would change that."""
    index.wheel("alpha", "1.0", ["beta<2"])
    index.wheel("beta", "1.0", upload_time=at(2019))
    index.sdist("beta", "5.0", upload_time=at(2025))
    assert lab.versions("alpha") == {"alpha": "1.0", "beta": "1.0"}
    assert lab.versions("alpha", "beta") == {"alpha": "1.0", "beta": "1.0"}
    assert lab.report.notices == []


def test_a_conflict_with_others_is_no_finding(lab, index):
    """The newest alpha has its wheel, and what it needs has too; only the user's other wish excludes it."""
    index.wheel("alpha", "1.0", upload_time=at(2019))
    index.wheel("alpha", "9.0", ["beta>=2"], upload_time=at(2025))
    index.wheel("beta", "1.0")
    index.wheel("beta", "2.0")
    assert lab.versions("alpha", "beta<2") == {"alpha": "1.0", "beta": "1.0"}
    assert lab.report.notices == []


def test_what_others_need_old_because_its_newer_one_needs_a_source_distribution(lab, index, fuse):
    index.wheel("app", "1.0", ["defaults"])
    with pytest.raises(ResolveFailed, match=r"defaults would be 1\.0\.45.*fusy lacks a wheel"):
        lab.resolve("app")
    index.wheel("capped", "1.0", ["defaults<1.50"])
    assert lab.versions("capped") == {"capped": "1.0", "defaults": "1.0.45"}


def test_nothing_old_costs_no_second_resolution(lab, index):
    index.wheel("alpha", "1.0", ["beta"])
    index.wheel("beta", "1.0")
    index.wheel("beta", "1.1")
    calls = []
    uv = lab.uv()

    class Counting:
        name = "counting"

        def pins(self, request):
            calls.append(request)
            return uv.pins(request)

    definition = normalize(Definition(pypi=(Requirement("alpha"),)))
    PypiResolver(Counting(), lab.client(), WheelsOnly(Counting())).resolve(definition, lab.target, {}, lab.report)
    assert len(calls) == 1


@pytest.fixture
def real(tmp_path, lab):
    """A resolver over this machine's own index."""
    machine = Machine.read(os.environ)
    http = Http(machine.http_settings())
    try:
        http.get(f"{machine.pypi_index}/fusepy/")
    except EnvironmentFault as fault:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no package index can be reached: {fault}")
    urls = {"pypi": machine.pypi_index}
    env = {"SSL_CERT_FILE": str(machine.ca_bundle)} if machine.ca_bundle else {"UV_NATIVE_TLS": "1"}
    env |= {f"{scheme.upper()}_PROXY": url for scheme, url in machine.proxies.items()}
    uv = Uv(urls, env, Path(tmp_path, "uv"), sys.executable)
    return PypiResolver(uv, IndexClient(http, urls), WheelsOnly(uv))


def test_real_index_azureml_defaults_is_refused_and_fusepy_named(real, lab):
    definition = normalize(Definition(pypi=(Requirement("azureml-defaults"),)))
    with pytest.raises(ResolveFailed) as failed:
        real.resolve(definition, lab.target, {}, lab.report)
    text = str(failed.value)
    assert "azureml-defaults would be 1.0.45" in text
    assert "fusepy lacks a wheel" in text
    assert "azureml-dataset-runtime[fuse]" in text
    assert "azureml-defaults==1.0.45" in text
