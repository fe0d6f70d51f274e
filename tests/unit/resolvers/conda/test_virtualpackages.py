"""What an image offers to conda packages: declared by the definition and its base, whatever machine asks."""

import pytest

from envbuild.definition import Definition
from envbuild.errors import InvalidDefinition
from envbuild.platforms import LINUX_AMD64, Platform
from envbuild.resolvers.conda.virtualpackages import virtual_packages


def words(platform=LINUX_AMD64, glibc="2.36", **definition) -> list[str]:
    return list(map(str, virtual_packages(Definition(**definition), platform, glibc)))


def test_an_image_offers_its_system_and_its_bases_glibc():
    assert words() == ["__archspec=1=x86_64", "__glibc=2.36=0", "__linux=5.10=0", "__unix=0=0"]
    assert words(Platform("linux", "arm64"), "2.41")[:2] == ["__archspec=1=aarch64", "__glibc=2.41=0"]
    assert "__glibc" not in "".join(words(glibc=""))


@pytest.mark.parametrize(("accelerator", "cuda"), [("cu124", "12.4"), ("cu118", "11.8"), ("cu130", "13.0")])
def test_an_accelerator_says_which_cuda_is_meant(accelerator, cuda):
    assert f"__cuda={cuda}=0" in words(accelerator=accelerator)


@pytest.mark.parametrize("accelerator", ["", "cpu", "rocm6.3"])
def test_no_other_accelerator_is_cuda(accelerator):
    assert "__cuda" not in "".join(words(accelerator=accelerator))


def test_the_definitions_own_word_goes_first():
    own = (("__cuda", "12.1"), ("__glibc", "2.28"), ("__archspec", "x86_64_v3"), ("__linux", "6.1"))
    found = words(accelerator="cu124", virtual_packages=own)
    assert found == ["__archspec=1=x86_64_v3", "__cuda=12.1=0", "__glibc=2.28=0", "__linux=6.1=0", "__unix=0=0"]


@pytest.mark.parametrize("value", ["", "new", "12 4", "12..4", "12.4 ", "é", "1=2", "*"])
def test_what_is_no_version_is_told_with_its_key(value):
    with pytest.raises(InvalidDefinition) as caught:
        words(virtual_packages=(("__cuda", value),))
    assert caught.value.at == "virtual-packages.__cuda"


def test_what_is_no_microarchitecture_is_told_with_its_key():
    with pytest.raises(InvalidDefinition) as caught:
        words(virtual_packages=(("__archspec", "x86 64"),))
    assert "microarchitecture" in caught.value.what


@pytest.mark.parametrize("value", ["12", "12.4", "5.10.0", "2_36", "1.0rc1", "12.4.post1", "1a_b.c2"])
def test_every_version_that_is_taken_is_one_to_the_solver(value):
    """Else it would end in words of the solver's about its own insides."""
    from rattler import Version

    assert words(virtual_packages=(("__cuda", value),))
    assert Version(value)
