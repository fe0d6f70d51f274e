"""The image that a registry and a name mean together, in AzureML's environments: one rule for its files and its objects.

There `base_image_registry` is a table with an address; people have also written a text, which may be an address, an
address with a part of the name, or a whole image. The order in which the two were written has no say in it.
"""

from typing import NamedTuple

from envbuild.definition import DEFAULT_IMAGE
from envbuild.reference import Reference, holds_login, is_host

__all__ = ["NamedImage", "image_of_text", "image_reference", "is_default_image"]

_LOGIN = "a login stands in it; leave it out: envbuild login HOST keeps it"
_SCHEMES = ("https://", "http://")


class NamedImage(NamedTuple):
    """An image's reference; empty for the default base."""

    reference: str
    passed_over: bool = False
    """Whether `base_image` names another image, in whose place this one stands."""


def is_default_image(image: str | None) -> bool:
    """Whether an image, in any spelling, is none, or the name that stands for the default base."""
    if not image:
        return True
    try:
        return Reference.parse(image).full == Reference.parse(DEFAULT_IMAGE).full
    except ValueError:
        return False


def image_reference(registry: str | None, image: str | None) -> str:
    """The image at a registry's address; empty where the default base is meant.

    An image that begins with the address stays as it is. ValueError, which shows no login, where a login stands in one
    of the two, or where they are no image's reference together.
    """
    address, name = _plain(registry), (image or "").strip()
    if holds_login(name):
        raise ValueError(_LOGIN)
    if is_default_image(name):
        return ""
    reference = name if not address or name.lower().startswith(f"{address.lower()}/") else f"{address}/{name}"
    Reference.parse(reference)
    return reference


def image_of_text(text: str, image: str | None) -> NamedImage:
    """The image that is meant where the registry is a text. ValueError as `image_reference`.

    A text that is a host alone, or whose last part has neither tag nor digest, is the address of the image. Without an
    image, and with a tag or a digest, it is the image itself.
    """
    address = _plain(text)
    if not address or _is_address(address):
        return NamedImage(image_reference(address, image))
    if is_default_image(image):
        return NamedImage(image_reference("", address))
    last = address.rpartition("/")[2]
    if ":" not in last and "@" not in last:
        return NamedImage(image_reference(address, image))
    whole = image_reference("", address)
    other = Reference.parse(whole).full.name != Reference.parse(image_reference("", image)).full.name
    return NamedImage(whole, passed_over=other)


def _is_address(text: str) -> bool:
    """A host with a dot, or with a port of three digits or more: `python:3` and `debian:12` are images."""
    port = text.rpartition(":")[2]
    return is_host(text) and (":" not in text or "." in text or text.startswith("localhost") or len(port) > 2)


def _plain(registry: str | None) -> str:
    """A registry's address as it stands before a name."""
    text = (registry or "").strip()
    if holds_login(text):
        raise ValueError(_LOGIN)
    for scheme in _SCHEMES:
        text = text.removeprefix(scheme)
    return text.strip("/")
