"""An image as a base, in its one spelling: as engines write it in full, so that one image has one id."""

from envbuild.definition import DEFAULT_IMAGE, Base, DebianBase, ImageBase
from envbuild.reference import Reference

__all__ = ["image_base"]


def image_base(text: str) -> Base:
    """`docker.io/library/debian:12` of `debian:12`; the default base of the name that stands for it.

    ValueError, which shows no login, where it is no image's reference.
    """
    reference = Reference.parse(text).full
    return DebianBase() if reference == Reference.parse(DEFAULT_IMAGE).full else ImageBase(str(reference))
