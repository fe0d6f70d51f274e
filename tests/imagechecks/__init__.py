"""Consistency checks of OCI images, independent of envbuild: what a registry, an engine or a validator may object to.

    PYTHONPATH=tests python -m imagechecks LAYOUT

They follow the image-spec 1.1 (its JSON schemas, its rules for layers) and the comparisons of go-containerregistry's
`validate`, and add what envbuild promises of its own images: canonical documents, sorted archives, constant times.
"""

from .finding import CHECKS, Finding
from .image import Checker
from .places import Layout, Place, Registry, Store

__all__ = ["CHECKS", "Checker", "Finding", "Layout", "Place", "Registry", "Store"]
