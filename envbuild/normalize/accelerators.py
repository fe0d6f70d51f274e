"""An accelerator (`cpu`, `cu128`, `rocm6.3`) as an index: PyTorch's builds for it, and the packages that come from there."""

from dataclasses import replace

from envbuild.definition import Definition, Index

__all__ = ["TORCH_PACKAGES", "indexes_of", "torch_index_url"]

_PREFIX = "pytorch-"
_PUBLIC = "https://download.pytorch.org/whl/"

TORCH_PACKAGES = frozenset(
    {
        "fbgemm-gpu", "fbgemm-gpu-genai", "pytorch-triton", "pytorch-triton-rocm", "pytorch-triton-xpu", "torch",
        "torch-tensorrt", "torchao", "torcharrow", "torchaudio", "torchcodec", "torchcsprng", "torchdistx", "torchrec",
        "torchserve", "torchtext", "torchtune", "torchvision", "triton", "triton-rocm", "triton-xpu", "xformers",
    }
)  # fmt: skip
"""What uv's --torch-backend takes from PyTorch's index of the accelerator, and from nowhere else."""


def torch_index_url(name: str) -> str:
    """The public address of an accelerator's index (`pytorch-cu128`); empty where the name is of another kind."""
    return _PUBLIC + name.removeprefix(_PREFIX) if name.startswith(_PREFIX) else ""


def indexes_of(definition: Definition) -> tuple[Index, ...]:
    """A definition's indexes in the order in which they are asked, `pypi` and its accelerator's index among them.

    What the definition itself pins to an index stays there; an accelerator's index that it names itself is that one.
    """
    own = definition.indexes
    if all(index.name != "pypi" for index in own):
        own = (*own, Index("pypi"))
    if not definition.accelerator:
        return own
    name = _PREFIX + definition.accelerator
    url = torch_index_url(name)
    pinned = {package for index in own for package in index.packages}
    if any(index.name == name or index.url == url for index in own):
        return tuple(_with(index, pinned) if index.name == name or index.url == url else index for index in own)
    return (*own, _with(Index(name, url, explicit=True), pinned))


def _with(index: Index, pinned: set[str]) -> Index:
    """An accelerator's index, with all of PyTorch's packages but those that are pinned already."""
    return replace(index, packages=tuple(sorted({*index.packages, *(TORCH_PACKAGES - pinned)})))
