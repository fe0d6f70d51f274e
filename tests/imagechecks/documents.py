"""JSON documents of the image-spec 1.1: strict reading, and the fields and types that its JSON schemas ask for."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping

from .finding import Finding

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"

Rule = Callable[[object], bool]

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")
_DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]+")
_KNOWN = {"sha256": re.compile("[0-9a-f]{64}"), "sha512": re.compile("[0-9a-f]{128}")}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")


def text(value: object) -> bool:
    return isinstance(value, str)


def full_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def texts(value: object) -> bool:
    return isinstance(value, list) and all(map(text, value))


def flag(value: object) -> bool:
    return isinstance(value, bool)


def natural(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def two(value: object) -> bool:
    return type(value) is int and value == 2


def media_type(value: object) -> bool:
    return isinstance(value, str) and bool(_MEDIA_TYPE.fullmatch(value))


def digest(value: object) -> bool:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        return False
    algorithm, _, encoded = value.partition(":")
    return algorithm not in _KNOWN or bool(_KNOWN[algorithm].fullmatch(encoded))


def digests(value: object) -> bool:
    return isinstance(value, list) and all(map(digest, value))


def time(value: object) -> bool:
    return isinstance(value, str) and bool(_TIME.fullmatch(value))


def text_map(value: object) -> bool:
    return isinstance(value, dict) and all(k and isinstance(v, str) for k, v in value.items())


def set_of_texts(value: object) -> bool:
    return isinstance(value, dict) and all(v == {} for v in value.values())


def objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def an_object(value: object) -> bool:
    return isinstance(value, dict)


DESCRIPTOR = (
    {"mediaType": media_type, "digest": digest, "size": natural},
    {"urls": texts, "annotations": text_map, "data": text, "artifactType": media_type, "platform": an_object},
)
PLATFORM = (
    {"architecture": full_text, "os": full_text},
    {"os.version": text, "os.features": texts, "variant": text, "features": texts},
)
INDEX_FIELDS = (
    {"schemaVersion": two, "manifests": objects},
    {"mediaType": lambda v: v == INDEX, "artifactType": media_type, "subject": an_object, "annotations": text_map},
)
MANIFEST_FIELDS = (
    {"schemaVersion": two, "config": an_object, "layers": objects, "mediaType": media_type},
    {"artifactType": media_type, "subject": an_object, "annotations": text_map},
)
CONFIG_FIELDS = (
    {"architecture": full_text, "os": full_text, "rootfs": an_object},
    {
        "created": time, "author": text, "config": an_object, "history": objects, "variant": text,
        "os.version": text, "os.features": texts,
    },
)  # fmt: skip
SETTINGS = (
    {},
    {
        "User": text, "ExposedPorts": set_of_texts, "Env": texts, "Entrypoint": texts, "Cmd": texts,
        "Volumes": set_of_texts, "WorkingDir": lambda v: isinstance(v, str) and (not v or v.startswith("/")),
        "Labels": text_map, "StopSignal": text, "ArgsEscaped": flag,
    },
)  # fmt: skip
ROOTFS = ({"type": text, "diff_ids": digests}, {})
STEP = ({}, {"created": time, "author": text, "created_by": text, "comment": text, "empty_layer": flag})


def read(raw: bytes, where: str, found: list[Finding]) -> object:
    """The document, or None where it is none; what is wrong with its spelling goes into `found`."""
    try:
        decoded = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        found.append(Finding("json-utf8", where, str(error)))
        return None
    if decoded.startswith("\ufeff"):
        found.append(Finding("json-utf8", where, "begins with a byte order mark"))
        decoded = decoded[1:]
    twice: list[str] = []

    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        names = [name for name, _ in items]
        twice.extend(sorted({name for name in names if names.count(name) > 1}))
        return dict(items)

    try:
        value = json.loads(decoded, object_pairs_hook=pairs)
    except ValueError as error:
        found.append(Finding("json-canonical", where, f"no JSON: {error}"))
        return None
    found += [Finding("json-names", where, f"{name!r} is there twice") for name in twice]
    again = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    if not twice and again.encode("utf-8", "surrogatepass") != raw:
        found.append(Finding("json-canonical", where, "is not spelled canonically"))
    return value


def fields(
    value: object, rules: tuple[Mapping[str, Rule], Mapping[str, Rule]], check: str, where: str
) -> Iterator[Finding]:
    """What is missing or of another type. Unknown fields are no error (image-spec: extensibility)."""
    if not isinstance(value, dict):
        yield Finding(check, where, "is no object")
        return
    required, optional = rules
    for name in sorted(required.keys() - value.keys()):
        yield Finding(check, where, f"{name} is missing")
    for name, rule in {**required, **optional}.items():
        if name in value and not rule(value[name]):
            yield Finding(check, where, f"{name} cannot be {str(value[name])[:100]!r}")


def descriptor(value: object, where: str) -> Iterator[Finding]:
    """A descriptor, its platform and its embedded data."""
    yield from fields(value, DESCRIPTOR, "descriptor-schema", where)
    if not isinstance(value, dict):
        return
    if "platform" in value:
        yield from fields(value["platform"], PLATFORM, "descriptor-schema", f"{where}.platform")
    if isinstance(value.get("data"), str):
        try:
            data = base64.b64decode(value["data"], validate=True)
        except ValueError:
            data = None
        known = None if data is None else (f"sha256:{hashlib.sha256(data).hexdigest()}", len(data))
        if known != (value.get("digest"), value.get("size")):
            yield Finding("descriptor-data", where, "is not what size and digest say")
