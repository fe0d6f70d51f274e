"""The materials of layer ids: what each kind of layer is a function of."""

from collections.abc import Sequence

from envbuild.errors import BuildFailed
from envbuild.ids import Material, layer_material
from envbuild.layers.encoder import ENCODER
from envbuild.lockfile import Artifact, ArtifactKind, Interpreter

__all__ = ["PREFIX", "artifact_material", "bin_material", "made_material"]

PREFIX = "/opt/env"
_SPLICE = ("splice", "1", 0)
_RECIPE = 1


def bin_material(artifacts: Sequence[Artifact], python: Interpreter | None, layout: int) -> Material:
    """The material of a layer of several artifacts: of one kind, or of wheels and conda packages together."""
    kinds = {artifact.kind for artifact in artifacts}
    if kinds == {ArtifactKind.CONDA, ArtifactKind.WHEEL}:
        kind, encoder, place = "mixed", ENCODER, _place(python)
    else:
        kind, (encoder, place) = artifacts[0].kind.value, _making(artifacts[0], python)
        if kinds == {ArtifactKind.CONDA}:
            place = _place(python)
    return layer_material(
        f"bin/{kind}", [a.sha256 for a in artifacts], layout=layout, recipe=_RECIPE, encoder=encoder, **place
    )


def artifact_material(artifact: Artifact, python: Interpreter | None, layout: int) -> Material:
    """The material of an artifact's own layer. BuildFailed where no layer can be made of its kind."""
    encoder, place = _making(artifact, python)
    return layer_material(
        artifact.kind.value, [artifact.sha256], layout=layout, recipe=_RECIPE, encoder=encoder, **place
    )


def made_material(
    kind: str, layout: int, *, artifacts: Sequence[str] = (), python: str = "", prefix: str = ""
) -> Material:
    """The material of a layer that is written here: skeleton, venv, conda, top."""
    return layer_material(kind, artifacts, layout=layout, recipe=_RECIPE, encoder=_SPLICE, python=python, prefix=prefix)


def _place(python: Interpreter | None) -> dict[str, str]:
    if python is None:
        return {"prefix": PREFIX}
    return {"prefix": PREFIX, "python": python.minor, "site_packages": python.site_packages}


def _making(artifact: Artifact, python: Interpreter | None) -> tuple[tuple[str, str, int], dict[str, str]]:
    """The encoder of an artifact's kind, and the place that its files depend on."""
    match artifact.kind:
        case ArtifactKind.WHEEL:
            return _SPLICE, _place(python)
        case ArtifactKind.DEB | ArtifactKind.PYTHON:
            return ENCODER, {}
        case ArtifactKind.CONDA:
            # Only what is for every platform asks which Python there is.
            return ENCODER, _place(python if artifact.is_noarch else None)
        case _:
            raise BuildFailed(
                f"{artifact.name} {artifact.version} is a {artifact.kind.value}, which this builder cannot make a layer of",
                at=artifact.file,
                hint="ask for a version that has a wheel",
            )
