"""A definition's conda packages: which files they resolve to, by whose word, and what is told where nothing fits."""

import asyncio
import hashlib
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envbuild.errors import EnvironmentFault, ResolveFailed
from envbuild.platforms import LINUX_AMD64, Platform
from envbuild.resolvers.conda import rattlersolver
from envbuild.resolvers.conda.closure import Universe
from envbuild.resolvers.conda.reasons import unsolvable
from envbuild.resolvers.conda.request import CondaRequest

ARM = Platform("linux", "arm64")


def failure(shelf, *specs, **more) -> ResolveFailed:
    with pytest.raises(ResolveFailed) as caught:
        shelf.files(*specs, **more)
    return caught.value


def test_a_package_comes_with_what_it_depends_on(shelf):
    shelf.add("forge", "numpy", "1.26", depends=["python >=3.11,<3.12.0a0", "libblas"])
    shelf.add("forge", "python", "3.11.9")
    shelf.add("forge", "python", "3.12.1")
    shelf.add("forge", "libblas")
    shelf.add("forge", "unrelated")
    assert shelf.files("numpy") == [
        "forge/linux-64/libblas-1.0-0.conda",
        "forge/linux-64/numpy-1.26-0.conda",
        "forge/linux-64/python-3.11.9-0.conda",
    ]
    assert ("forge", "unrelated") not in shelf.read


def test_an_artifact_has_what_the_channel_says_of_it(shelf):
    file = shelf.add("forge/noarch", "tz", "2024a", "py_0", noarch="python")
    (artifact,) = shelf.artifacts("tz")
    content = shelf.contents[f"forge/noarch/{file}"]
    assert (artifact.kind.value, artifact.name, artifact.version, artifact.file) == ("conda", "tz", "2024a", file)
    assert (artifact.source, artifact.path, artifact.url) == ("forge/noarch", "", "")
    assert artifact.size == len(content)
    assert artifact.is_noarch


@pytest.mark.parametrize(
    ("spec", "file"),
    [
        ("x", "x-2.0-0"),
        ("x=1", "x-1.5-b1"),
        ("x==1.0", "x-1.0-a0"),
        ("x>=1,<2", "x-1.5-b1"),
        ("x[version='!=2.0']", "x-1.5-b1"),
        ("x=1.5=b0", "x-1.5-b0"),
        ("x[build='a*']", "x-1.0-a0"),
        ("x[build_number='3']", "x-1.5-b1"),
        ("x[license='BSD']", "x-1.0-a0"),
    ],
)
def test_a_spec_means_what_conda_means_by_it(shelf, spec, file):
    shelf.add("forge", "x", "1.0", "a0", license="BSD")
    shelf.add("forge", "x", "1.5", "b0")
    shelf.add("forge", "x", "1.5", "b1", build_number=3)
    shelf.add("forge", "x", "2.0", "0", build_number=1)
    assert shelf.files(spec) == [f"forge/linux-64/{file}.conda"]


def test_a_feature_weighs_a_package_down(shelf):
    """A variant with track_features is taken only where it is asked for."""
    shelf.add("forge", "blas", "1.0", "mkl", build_number=1)
    shelf.add("forge", "blas", "1.0", "slow", build_number=2, track_features="slow")
    assert shelf.files("blas") == ["forge/linux-64/blas-1.0-mkl.conda"]
    assert shelf.files("blas=1.0=slow") == ["forge/linux-64/blas-1.0-slow.conda"]


def test_the_newer_form_of_a_package_is_taken(shelf):
    shelf.add("forge", "old", form=".tar.bz2")
    assert shelf.files("old") == ["forge/linux-64/old-1.0-0.tar.bz2"]


# Channels.


def test_with_strict_priority_no_later_channel_gives_a_package_that_an_earlier_one_has(shelf):
    """The law against index confusion: a higher version elsewhere is not even looked at, as a dependency neither."""
    shelf.add("ours", "secret", "1.0", depends=["helper"])
    shelf.add("ours", "helper", "1.0")
    shelf.add("public", "secret", "99.0")
    shelf.add("public", "helper", "99.0")
    assert shelf.files("secret", channels=("ours", "public")) == [
        "ours/linux-64/helper-1.0-0.conda",
        "ours/linux-64/secret-1.0-0.conda",
    ]
    assert {channel for channel, _ in shelf.read} == {"ours"}


def test_a_channel_has_a_package_also_where_it_has_it_for_another_folder(shelf):
    shelf.add("ours/noarch", "secret", "1.0")
    shelf.add("public", "secret", "99.0")
    assert shelf.files("secret", channels=("ours", "public")) == ["ours/noarch/secret-1.0-0.conda"]


def test_a_lock_of_before_opens_no_later_channel(shelf):
    """A file that another channel gave once is not kept when an earlier channel has the package now."""
    shelf.add("ours", "secret", "1.0")
    file = shelf.add("public", "secret", "99.0")
    found = shelf.files("secret", channels=("ours", "public"), prefer={"secret": file})
    assert found == ["ours/linux-64/secret-1.0-0.conda"]


def test_with_disabled_priority_any_channel_gives_the_best(shelf):
    shelf.add("ours", "x", "1.0")
    shelf.add("public", "x", "2.0")
    found = shelf.files("x", channels=("ours", "public"), channel_priority="disabled")
    assert found == ["public/linux-64/x-2.0-0.conda"]


def test_of_the_same_version_in_two_channels_the_first_is_taken(shelf):
    shelf.add("ours", "x", "1.0")
    shelf.add("public", "x", "1.0")
    for channels in (("ours", "public"), ("public", "ours")):
        found = shelf.files("x", channels=channels, channel_priority="disabled")
        assert found == [f"{channels[0]}/linux-64/x-1.0-0.conda"]


def test_a_spec_with_a_channel_is_met_by_that_one_alone(shelf):
    shelf.add("ours", "x", "1.0")
    shelf.add("public", "x", "2.0")
    shelf.add("ours", "y", depends=["x"])
    found = shelf.files("public::x", "y", channels=("ours", "public"))
    assert found == ["public/linux-64/x-2.0-0.conda", "ours/linux-64/y-1.0-0.conda"]


def test_a_channel_that_only_a_spec_names_comes_last(shelf):
    shelf.add("ours", "x", "1.0")
    shelf.add("other", "x", "9.0")
    shelf.add("other", "y", depends=["x"])
    found = shelf.files("other::y", channels=("ours",))
    assert found == ["ours/linux-64/x-1.0-0.conda", "other/linux-64/y-1.0-0.conda"]


def test_a_spec_with_a_folder_is_met_from_that_folder_alone(shelf):
    shelf.add("forge", "x", "2.0")
    shelf.add("forge/noarch", "x", "1.0")
    assert shelf.files("forge/noarch::x") == ["forge/noarch/x-1.0-0.conda"]
    assert shelf.files("x[subdir='linux-64']") == ["forge/linux-64/x-2.0-0.conda"]


def test_a_spec_names_one_file_by_its_name_or_hash(shelf):
    shelf.add("forge", "x", "1.0", "a")
    shelf.add("forge", "x", "1.0", "b", build_number=9)
    (artifact,) = shelf.artifacts("x[fn='x-1.0-a.conda']")
    assert artifact.file == "x-1.0-a.conda"
    assert [a.file for a in shelf.artifacts(f"x[sha256='{artifact.sha256}']")] == ["x-1.0-a.conda"]


def test_a_channel_that_is_named_with_a_platform_is_the_same_channel(shelf):
    """Else it would stand twice in the order, and the second time after all others."""
    for subdir in ("linux-64", "linux-aarch64"):
        shelf.add(f"forge/{subdir}", "x")
    more = {"channels": ("forge/linux-64", "other"), "platforms": (LINUX_AMD64, ARM)}
    shelf.add("other", "y")
    assert shelf.files("forge::x", **more) == ["forge/linux-64/x-1.0-0.conda"]
    assert shelf.orders == [["forge/linux-64", "other"]]


_channels = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.dictionaries(st.sampled_from(["1.0", "2.0", "3.0"]), st.lists(st.sampled_from("abcd"), max_size=2), min_size=1),
)


@given(st.lists(_channels, min_size=1, max_size=3))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_channels_have_strict_priority_holds(shelf_class, channels):
    """Law: what is chosen is of the first channel that has a package of that name, in whichever way it is needed."""
    shelf = shelf_class()
    names = [f"c{number}" for number in range(len(channels))]
    for name, packages in zip(names, channels, strict=True):
        shelf.add(name, "filler")
        for package, versions in packages.items():
            for version, depends in versions.items():
                shelf.add(name, package, version, depends=[other for other in depends if other != package])
    first = {
        package: name for name, packages in reversed(list(zip(names, channels, strict=True))) for package in packages
    }
    try:
        chosen = shelf.artifacts("a", channels=tuple(names))
    except ResolveFailed:
        return
    assert all(artifact.source == f"{first[artifact.name]}/linux-64" for artifact in chosen)


# Platforms and what an image offers.


def test_each_platform_has_its_own_packages(shelf):
    for subdir in ("linux-64", "linux-aarch64"):
        shelf.add(f"forge/{subdir}", "x", depends=["tz"])
    shelf.add("forge/noarch", "tz")
    assert shelf.files("x") == ["forge/noarch/tz-1.0-0.conda", "forge/linux-64/x-1.0-0.conda"]
    assert shelf.files("x", platform=ARM) == ["forge/noarch/tz-1.0-0.conda", "forge/linux-aarch64/x-1.0-0.conda"]


def test_a_package_that_another_platform_has_is_told_with_that(shelf):
    shelf.add("forge/linux-64", "x")
    shelf.add("forge/noarch", "tz")
    told = failure(shelf, "x", platform=ARM)
    assert "no package x for linux-aarch64 in forge" in told.what
    assert "forge/linux-64 has it" in told.hint


def test_the_bases_glibc_decides_what_fits(shelf):
    shelf.add("forge", "x", "1.0", depends=["__glibc >=2.17"])
    shelf.add("forge", "x", "2.0", depends=["__glibc >=2.39"])
    assert shelf.files("x", glibc="2.36") == ["forge/linux-64/x-1.0-0.conda"]
    assert shelf.files("x", glibc="2.41") == ["forge/linux-64/x-2.0-0.conda"]
    told = failure(shelf, "x=2", glibc="2.36")
    assert "__glibc >=2.39" in told.what
    assert "2.36" in told.hint


@pytest.mark.parametrize(
    "more", [{"virtual_packages": (("__cuda", "12.4"),)}, {"accelerator": "cu124"}], ids=["declared", "accelerator"]
)
def test_cuda_is_there_where_the_definition_says_so(shelf, more):
    """Never the host's: an image for machines with a GPU is made on machines without one."""
    shelf.add("forge", "torch", "2.0", "cuda", depends=["__cuda >=12"], build_number=1)
    shelf.add("forge", "torch", "2.0", "cpu")
    assert shelf.files("torch", **more) == ["forge/linux-64/torch-2.0-cuda.conda"]
    assert shelf.files("torch") == ["forge/linux-64/torch-2.0-cpu.conda"]
    told = failure(shelf, "torch=2.0=cuda")
    assert "__cuda >=12" in told.what
    assert 'virtual-packages = { __cuda = "12.4" }' in told.hint


def test_unix_linux_and_the_microarchitecture_are_there(shelf):
    shelf.add("forge", "x", depends=["__unix", "__linux", "__archspec * x86_64"])
    shelf.add("forge/linux-aarch64", "x", depends=["__unix", "__linux", "__archspec * aarch64"])
    assert len(shelf.files("x")) == 1
    assert len(shelf.files("x", platform=ARM)) == 1
    shelf.add("forge", "y", depends=["__archspec * x86_64_v3"])
    assert shelf.files("y", virtual_packages=(("__archspec", "x86_64_v3"),))


def test_no_virtual_package_is_an_artifact(shelf):
    shelf.add("forge", "x", depends=["__glibc"])
    assert shelf.files("x") == ["forge/linux-64/x-1.0-0.conda"]


# What was locked before.


def test_a_locked_file_is_kept_where_it_fits(shelf):
    kept = shelf.add("forge", "x", "1.0", "a")
    shelf.add("forge", "x", "1.0", "b", build_number=5)
    shelf.add("forge", "x", "2.0")
    shelf.add("forge", "added", "1.0", depends=["x"])
    assert f"forge/linux-64/{kept}" in shelf.files("x", "added", prefer={"x": kept})
    assert "forge/linux-64/x-2.0-0.conda" in shelf.files("x", "added")


def test_a_locked_file_that_fits_no_more_gives_way(shelf):
    old = shelf.add("forge", "x", "1.0")
    shelf.add("forge", "x", "2.0")
    assert shelf.files("x>=2", prefer={"x": old}) == ["forge/linux-64/x-2.0-0.conda"]
    assert shelf.files("x", prefer={"x": "x-0.5-0.conda", "gone": "gone-1-0.conda"}) == ["forge/linux-64/x-2.0-0.conda"]


def test_the_same_request_has_the_same_answer(shelf):
    for number in range(20):
        shelf.add("forge", f"p{number}", "1.0", depends=[f"p{other}" for other in range(number)])
        shelf.add("forge", f"p{number}", "1.1", depends=[f"p{other} <2" for other in range(number)])
    first = shelf.artifacts("p19")
    assert all(shelf.artifacts("p19") == first for _ in range(3))
    assert [artifact.name for artifact in first] == sorted(artifact.name for artifact in first)


def test_a_caller_may_have_an_event_loop_already(shelf):
    shelf.add("forge", "x")

    async def asks():
        return shelf.files("x")

    assert asyncio.run(asks()) == ["forge/linux-64/x-1.0-0.conda"]


# What the channel does not say.


@pytest.mark.parametrize("without", [("sha256",), ("sha256", "md5")])
def test_a_package_without_a_sha256_is_refused_by_name(shelf, without):
    shelf.add("forge", "x", without=without)
    told = failure(shelf, "x")
    assert (told.at, "x-1.0-0.conda" in told.what) == ("x", True)


def test_a_size_that_the_channel_does_not_say_is_found_out(shelf):
    file = shelf.add("forge", "x", without=("size",))
    (artifact,) = shelf.artifacts("x")
    assert artifact.size == len(shelf.contents[f"forge/linux-64/{file}"])


@pytest.mark.parametrize(
    "wrong",
    [{"version": "1..0"}, {"depends": [3]}, {"sha256": "zz"}, {"size": -1}, {"build_number": "x"}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_record_that_cannot_be_understood_is_the_channels_fault(shelf, wrong):
    shelf.add("forge", "x", wrong.pop("version", "1.0"), **wrong)
    with pytest.raises(EnvironmentFault) as caught:
        shelf.files("x")
    assert caught.value.at == "forge"


@pytest.mark.parametrize("wrong", [{"version": "9.0"}, {"name": "y"}, {"build": "b"}, {"subdir": "win-64"}])
def test_a_record_that_is_not_its_files_is_nobodys_package(shelf, wrong):
    """Else a lock would say one version and the image have another, or one for another system."""
    shelf.add("forge", "x", "1.0")
    file = shelf.add("forge", "x", "2.0")
    shelf.change("forge", file, **wrong)
    assert shelf.files("x") == ["forge/linux-64/x-1.0-0.conda"]


@pytest.mark.parametrize("wrong", [{"build": "../../a"}, {"build": "a b"}, {"version": "1/../2"}, {"depends": 5}])
def test_a_record_that_no_file_could_have_is_nobodys_package(shelf, wrong):
    """Else a path that leaves its folder, or part of an address, would get into a lock."""
    shelf.add("forge", "x", wrong.pop("version", "2.0"), **wrong)
    shelf.add("forge", "x", "1.0")
    assert shelf.files("x") == ["forge/linux-64/x-1.0-0.conda"]


@pytest.mark.parametrize("spec", ["good::y", "y[sha256='{sha256}']"])
def test_a_package_among_those_of_another_name_is_nobodys(shelf, spec):
    """Else a channel slips a package in that passes by the channel or the hash that is asked for."""
    shelf.add("evil", "x", "1.0")
    shelf.put_among(shelf.add("evil", "y", "9.0"), "x")
    right = shelf.add("good", "y", "1.0")
    sha256 = hashlib.sha256(shelf.contents[f"good/linux-64/{right}"]).hexdigest()
    files = shelf.files("x", spec.format(sha256=sha256), channels=("evil", "good"))
    assert files == ["evil/linux-64/x-1.0-0.conda", "good/linux-64/y-1.0-0.conda"]


def test_a_record_need_not_say_which_folder_it_is_in(shelf):
    shelf.add("forge", "x", without=("subdir",))
    assert shelf.files("x") == ["forge/linux-64/x-1.0-0.conda"]


def test_a_solver_that_takes_too_long_is_told(shelf, monkeypatch):
    monkeypatch.setattr(rattlersolver, "_PATIENCE", timedelta(microseconds=1))
    for number in range(40):
        for minor in range(10):
            depends = [f"p{other} !=1.{(minor + other) % 10}" for other in range(number)]
            shelf.add("forge", f"p{number}", f"1.{minor}", depends=depends)
    assert "in time" in failure(shelf, "p39").what


# What is told where nothing fits.


def test_a_package_that_no_channel_has_is_named_with_near_ones(shelf):
    shelf.add("forge", "numpy")
    told = failure(shelf, "numpi")
    assert "no package numpi for linux-64 in forge" in told.what
    assert told.hint == "did you mean numpy?"


def test_an_unknown_channel_is_named(shelf):
    shelf.add("forge", "x")
    assert failure(shelf, "x", channels=("frog",)).at == "frog"


def test_a_version_that_is_not_there_is_told(shelf):
    for minor in (*range(7), 10):
        shelf.add("forge", "x", f"1.{minor}")
    told = failure(shelf, "x>=2")
    assert told.what == "no channel has x >=2 for linux-64"
    assert told.hint == "forge has x 1.10, 1.6, 1.5, 1.4, 1.3 and 3 more"


def test_a_file_that_is_not_there_is_told_with_where_the_package_is(shelf):
    shelf.add("forge/noarch", "x", "1.0")
    told = failure(shelf, f"x[sha256='{'0' * 64}']")
    assert "no file of x" in told.what
    assert "forge/noarch" in told.hint


def test_packages_that_exclude_each_other_are_told_with_the_reason(shelf):
    shelf.add("forge", "a", depends=["python 3.11.*"])
    shelf.add("forge", "b", depends=["python 3.12.*"])
    shelf.add("forge", "python", "3.11.9")
    shelf.add("forge", "python", "3.12.1")
    told = failure(shelf, "a", "b")
    assert "a 1.0 would require" in told.what
    assert "python 3.12.*" in told.what
    assert "channel.invalid" not in told.what


def test_what_constrains_a_package_is_told(shelf):
    shelf.add("forge", "a", constrains=["b <2"])
    shelf.add("forge", "b", "2.0")
    assert "b" in failure(shelf, "a", "b").what


def test_a_version_that_only_a_later_channel_has_is_told_with_what_to_do(shelf):
    shelf.add("ours", "x", "1.0")
    shelf.add("public", "x", "2.0")
    told = failure(shelf, "x>=2", channels=("ours", "public"))
    assert "public::x" in told.hint
    assert 'channel-priority = "disabled"' in told.hint


def test_a_long_explanation_is_cut():
    request = CondaRequest(specs=("x",), channels=("forge",), subdir="linux-64")
    explanation = "Cannot solve the request because of: The following\n" + "├─ a\n" * 100
    told = unsolvable(explanation, {}, request, Universe((), (), {}))
    assert len(told.what.splitlines()) < 30
    assert "77 lines more" in told.what


def test_a_build_that_is_gone_is_told_with_those_that_there_are(shelf):
    """What a captured environment names is often gone: "the channel has 1.0" would read as a contradiction."""
    for build in ("py311_0", "py311_1"):
        shelf.add("forge", "x", "1.0", build)
    told = failure(shelf, "x==1.0=py311_9")
    assert "the builds py311_0, py311_1" in told.hint
    assert "leave the build out" in told.hint
