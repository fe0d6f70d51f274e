"""What a claim says about others: the blobs, the one id and the many that it names, by kind (docs/design.md, "The store")."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from envbuild.digest import Digest

__all__ = ["Facts", "facts_of"]

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_SHORT = re.compile(r"envbuild/[^:]+:([0-9a-f]{12})")
"""A name that comes from its image's id alone."""
Read = Callable[[str], bytes]
"""A blob by its hex, checked. KeyError or OSError where it is not here, ValueError where it is damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Fields of snapshot.Claim."""

    blobs: frozenset[str] = frozenset()
    refers: str = ""
    covers: frozenset[str] = frozenset()
    title: str = ""
    lasting: bool = False


def facts_of(kind: str, value: Any, material: Any, read: Read) -> Facts:
    """The facts of a claim; what cannot be understood names nothing. An image's layers are read from its manifest."""
    try:
        known = _KINDS.get(kind)
        return known(value, material, read) if known else Facts(blobs=frozenset(_digests(value)))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return Facts(blobs=frozenset(_digests(value)))


def _name(value: Any, material: Any, _: Read) -> Facts:
    # A name that cannot be read any more was perhaps a person's.
    title = str(material["name"]) if isinstance(material, dict) else ""
    image = _hex(value["image"])
    short = _SHORT.fullmatch(title)
    return Facts(refers=image, title=title, lasting=not (short and image.startswith(short[1])))


def _image(value: Any, _: Any, read: Read) -> Facts:
    blobs = {_hex(value["manifest"]), _hex(value["config"])}
    try:
        manifest = json.loads(read(_hex(value["manifest"])))
        blobs |= {_hex(layer["digest"]) for layer in manifest["layers"]}
    except (OSError, KeyError, TypeError, ValueError):
        pass
    return Facts(blobs=frozenset(blobs), refers=_hex(value["lock"]))


def _document(value: Any, material: Any, _: Read) -> Facts:
    locks = frozenset(_hex(section["lock"]) for section in value["sections"].values())
    return Facts(blobs=frozenset({_hex(material["document"])}), covers=locks)


def _lock(value: Any, _: Any, __: Read) -> Facts:
    return Facts(blobs=frozenset({_hex(value["document"])}))


def _locked(value: Any, material: Any, _: Read) -> Facts:
    rows = [*material["base"]["artifacts"], *material["artifacts"]] if material else []
    return Facts(blobs=frozenset({_hex(value["document"])}), covers=frozenset(row[-1] for row in rows))


def _layer(value: Any, material: Any, _: Read) -> Facts:
    blobs = frozenset({_hex(value["blob"]), _hex(value["table"])})
    made_of = material["artifacts"] if material else []
    return Facts(blobs=blobs, covers=frozenset(made_of), title=str(material["kind"]) if material else "")


def _seen(value: Any, _: Any, __: Read) -> Facts:
    requests = frozenset(_hex(request) for request in value["requests"].values())
    return Facts(refers=_hex(value["definition"]), covers=requests)


def _definition(value: Any, _: Any, __: Read) -> Facts:
    return Facts(title=str(value["name"]))


def _pushed(_: Any, __: Any, ___: Read) -> Facts:
    """What a registry has is no reason to keep it here."""
    return Facts()


_KINDS: dict[str, Callable[[Any, Any, Read], Facts]] = {
    "name": _name,
    "image": _image,
    "document": _document,
    "lock": _lock,
    "locked": _locked,
    "layer": _layer,
    "seen": _seen,
    "definition": _definition,
    "pushed": _pushed,
}


def _hex(text: Any) -> str:
    return Digest.parse(text).hex


def _digests(value: Any) -> Iterator[str]:
    """Of a kind that is not known here: whatever looks like a digest is one."""
    if isinstance(value, str):
        yield from _DIGEST.findall(value)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _digests(part)
    elif isinstance(value, list):
        for part in value:
            yield from _digests(part)
