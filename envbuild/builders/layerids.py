"""The materials of layer ids: what each kind of layer is a function of."""

from collections.abc import Sequence

from envbuild.errors import BuildFailed
from envbuild.ids import Material, layer_material
from envbuild.layers.encoder import ENCODER
from envbuild.lockfile import Artifact, ArtifactKind

__all__ = ["PREFIX", "artifact_material", "bin_material", "made_material"]

PREFIX = "/opt/env"
_SPLICE = ("splice", "1", 0)
_RECIPE = 1


def bin_material(artifacts: Sequence[Artifact], python: str, layout: int) -> Material:
    """The material of a layer of several artifacts of one kind."""
    encoder, place = _making(artifacts[0], python)
    return layer_material(
        f"bin/{artifacts[0].kind.value}",
        [a.sha256 for a in artifacts],
        layout=layout,
        recipe=_RECIPE,
        encoder=encoder,
        **place,
    )


def artifact_material(artifact: Artifact, python: str, layout: int) -> Material:
    """The material of an artifact's own layer. BuildFailed where no layer can be made of its kind."""
    encoder, place = _making(artifact, python)
    return layer_material(
        artifact.kind.value, [artifact.sha256], layout=layout, recipe=_RECIPE, encoder=encoder, **place
    )


def made_material(
    kind: str, layout: int, *, artifacts: Sequence[str] = (), python: str = "", prefix: str = ""
) -> Material:
    """The material of a layer that is written here: skeleton, venv, top."""
    return layer_material(kind, artifacts, layout=layout, recipe=_RECIPE, encoder=_SPLICE, python=python, prefix=prefix)


def _making(artifact: Artifact, python: str) -> tuple[tuple[str, str, int], dict[str, str]]:
    """The encoder of an artifact's kind, and the place that its files depend on."""
    if artifact.kind is ArtifactKind.WHEEL:
        return _SPLICE, {"prefix": PREFIX, "python": python, "site_packages": f"lib/python{python}/site-packages"}
    if artifact.kind is ArtifactKind.DEB:
        return ENCODER, {}
    raise BuildFailed(
        f"{artifact.name} {artifact.version} is a {artifact.kind.value}, which this builder cannot make a layer of",
        at=artifact.file,
        hint="ask for a version that has a wheel",
    )
