"""Which image AzureML's registry and name mean together: the same for files and objects, whatever was written first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.definition import DebianBase, Definition, ImageBase
from envbuild.errors import InvalidDefinition
from envbuild.formats.azureml.imagenames import image_of_text, image_reference, is_default_image
from envbuild.normalize import normalize
from envbuild.reference import Reference

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("registry", "image", "reference"),
    [
        ("registry.example", "team/base:1", "registry.example/team/base:1"),
        ("https://registry.example/", "base:1", "registry.example/base:1"),
        ("registry.example", "registry.example/base:1", "registry.example/base:1"),
        ("Registry.example", "registry.example/base:1", "registry.example/base:1"),
        (None, "base:1", "base:1"),
        ("registry.example", None, ""),
        ("registry.example", "envbuild/default-base", ""),
        ("", "docker.io/envbuild/default-base:latest", ""),
    ],
)
def test_an_address_is_the_first_part_of_the_name_once(registry, image, reference):
    """Written twice, an image was asked for that no registry has."""
    assert image_reference(registry, image) == reference


@pytest.mark.parametrize(
    ("text", "image", "meant"),
    [
        ("registry.example", "team/base:1", ("registry.example/team/base:1", False)),
        ("registry.example/team", "base:1", ("registry.example/team/base:1", False)),
        ("registry.example/team/base", None, ("registry.example/team/base", False)),
        ("registry.example/team/base:2", "other:1", ("registry.example/team/base:2", True)),
        ("registry.example/team/base:2", "registry.example/team/base", ("registry.example/team/base:2", False)),
        (f"registry.example/base@{DIGEST}", "envbuild/default-base", (f"registry.example/base@{DIGEST}", False)),
        ("registry.example:5000", "base:1", ("registry.example:5000/base:1", False)),
        ("registry:5000", "base:1", ("registry:5000/base:1", False)),
        ("localhost:5000", None, ("", False)),
        ("registry.example", None, ("", False)),
        ("ubuntu:22.04", None, ("ubuntu:22.04", False)),
        ("python:3", None, ("python:3", False)),
        ("", "base:1", ("base:1", False)),
    ],
)
def test_a_registry_that_is_a_text_is_an_address_or_an_image(text, image, meant):
    assert image_of_text(text, image) == meant


@pytest.mark.parametrize("login", ["u:S3CRET@", "https://u:S3CRET@", "S3CRET@", "u:S3/CRET@"])
def test_a_login_is_refused_and_shown_nowhere(login):
    """What is in a definition is in its lock, its folder and its logs."""
    for ask in (
        lambda: image_reference(f"{login}registry.example", "base:1"),
        lambda: image_reference("registry.example", f"{login}registry.example/base:1"),
        lambda: image_of_text(f"{login}registry.example/base@{DIGEST}", None),
        lambda: Reference.parse(f"{login}registry.example/base:1"),
    ):
        with pytest.raises(ValueError, match="login") as refused:
            ask()
        assert "CRET" not in str(refused.value)
    with pytest.raises(InvalidDefinition) as refused:
        normalize(Definition(base=ImageBase(f"{login}registry.example/base:1"), python=""))
    assert refused.value.at == "base.image"
    assert "CRET" not in str(refused.value)


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("ubuntu", "docker.io/library/ubuntu:latest"),
        ("ubuntu:22.04", "docker.io/library/ubuntu:22.04"),
        ("docker.io/ubuntu:22.04", "docker.io/library/ubuntu:22.04"),
        ("index.docker.io/library/ubuntu:22.04", "docker.io/library/ubuntu:22.04"),
        ("team/base", "docker.io/team/base:latest"),
        ("Registry.Example:5000/base", "registry.example:5000/base:latest"),
        ("h.example/x:1", "h.example/x:1"),
        (f"registry.example/base@{DIGEST}", f"registry.example/base@{DIGEST}"),
        (f"ubuntu@{DIGEST}", f"docker.io/library/ubuntu@{DIGEST}"),
    ],
)
def test_one_image_has_one_spelling(written, full):
    """Two spellings were two ids: the same environment was built twice."""
    assert normalize(Definition(base=ImageBase(written), python="")).base == ImageBase(full)


@pytest.mark.parametrize("text", ["", "a b", "UPPER", "azureml://x", "https://h.example/x", "x:", "x@sha256:1", "-x"])
def test_what_is_no_reference_is_a_fault(text):
    with pytest.raises(InvalidDefinition) as refused:
        normalize(Definition(base=ImageBase(text), python=""))
    assert refused.value.at == "base.image"


def test_the_name_of_the_default_base_is_that_base():
    """It is no image of any registry, and whoever took the name there would have our users."""
    assert is_default_image("envbuild/default-base")
    assert normalize(Definition(base=ImageBase("envbuild/default-base"))).base == DebianBase()


registries = st.from_regex(r"[a-z]{1,4}\.[a-z]{2,4}(:[0-9]{4})?(/[a-z]{1,4}){0,2}", fullmatch=True)
images = st.from_regex(r"[a-z]{1,4}(/[a-z]{1,4}){0,2}(:[a-z0-9]{1,4})?", fullmatch=True)


@given(registries, images)
def test_a_text_and_a_table_of_the_same_address_mean_the_same_image_and_so_does_what_they_mean(registry, image):
    reference = image_reference(registry, image)
    assert image_of_text(registry, image) == (reference, False)
    assert image_of_text(reference, None).reference == image_reference(registry, reference) == reference
