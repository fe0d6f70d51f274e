"""The lock as a document: JSON that people can compare line by line and tools can read.

    {
    "format": 1,
    "sections": {
    "linux/amd64": {
    "request": "sha256:...",
    "lock": "sha256:...",
    "settings": {...},
    "base": {"debian":"bookworm","list":1},
    "base-artifacts": [
    {...},
    {...}
    ],
    "artifacts": [...]
    }
    }
    }

Every artifact, and every other value, is canonical JSON on one line. There are no dates and no places but those that a
definition itself names. The lock id is checked against the content: a document that was changed by hand is refused.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from envbuild.canonical import JSON, encode
from envbuild.definition import NEWEST_LAYOUT, DebianBase
from envbuild.errors import IntegrityError
from envbuild.formats.lockfiles.jsonfields import Fields, parse_json
from envbuild.ids import identity, lock_material
from envbuild.lockfile import Artifact, ArtifactKind, ImageSettings, Lock, LockDocument, LockSection
from envbuild.platforms import Platform

__all__ = ["FORMAT", "dump", "parse"]

FORMAT = 1
"""The newest format that is understood."""


def dump(document: LockDocument) -> bytes:
    """The document's bytes: the same for the same locks. ValueError where an artifact's URL holds credentials."""
    sections = sorted(document.sections, key=lambda s: str(s.lock.platform))
    blocks = [f"{_text(str(s.lock.platform))}: {_block('{', _section(s), '}')}" for s in sections]
    lines = [f'"format": {FORMAT}', f'"sections": {_block("{", blocks, "}")}']
    return (_block("{", lines, "}") + "\n").encode("utf-8")


def _section(section: LockSection) -> Iterator[str]:
    lock, settings = section.lock, section.settings
    activated: dict[str, JSON] = {"activate": True} if settings.activate else {}
    values: dict[str, JSON] = {
        "request": str(section.request),
        "lock": str(identity(lock_material(lock))),
        "settings": activated
        | {
            "bytecode": settings.bytecode,
            "entrypoint": list(settings.entrypoint),
            "layout": settings.layout,
            "user": settings.user,
            "variables": dict(settings.variables),
            "workdir": settings.workdir,
        },
        "base": {"debian": lock.base.suite, "list": lock.base.list_version},
    }
    for key, value in values.items():
        yield f"{_text(key)}: {_text(value)}"
    for key, artifacts in (("base-artifacts", lock.base_artifacts), ("artifacts", lock.artifacts)):
        yield f"{_text(key)}: {_block('[', (_text(_artifact(a)) for a in artifacts), ']')}"


def _artifact(artifact: Artifact) -> JSON:
    value: dict[str, JSON] = {
        "kind": artifact.kind.value,
        "name": artifact.name,
        "version": artifact.version,
        "file": artifact.file,
        "size": artifact.size,
        "sha256": artifact.sha256,
        "source": artifact.source,
    }
    if artifact.path:
        value["path"] = artifact.path
    if artifact.url:
        if "@" in artifact.url.partition("://")[2].partition("/")[0]:
            raise ValueError(f"the URL of {artifact.file} holds credentials")
        value["url"] = artifact.url
    return value


def _text(value: JSON) -> str:
    return encode(value).decode("utf-8")


def _block(opening: str, lines: Iterable[str], closing: str) -> str:
    content = ",\n".join(lines)
    return f"{opening}\n{content}\n{closing}" if content else f"{opening}{closing}"


def parse(data: bytes, at: str) -> LockDocument:
    """The locks in a document; `at` is its path, for messages.

    InvalidDefinition: it is no lock document, or one of a newer format, or a merge left its marks. IntegrityError: what
    a section holds is not what its lock id says.
    """
    document = parse_json(data, at)
    top = Fields(document, at)
    top.format(FORMAT)
    sections = top.mapping("sections")
    top.only("format", "sections")
    found = [_parsed_section(key, value, f"{at}: sections.{key}") for key, value in sections.items()]
    if not found:
        raise top.wrong("sections", "is empty")
    return LockDocument(sections=tuple(sorted(found, key=lambda s: str(s.lock.platform))))


def _parsed_section(key: str, value: Any, at: str) -> LockSection:
    fields = Fields(value, at)
    try:
        platform = Platform.parse(key)
    except ValueError as error:
        raise fields.wrong("", str(error)) from None
    fields.only("request", "lock", "settings", "base", "base-artifacts", "artifacts")
    base = Fields(fields.mapping("base"), f"{at}.base")
    base.only("debian", "list")
    lock = Lock(
        platform=platform,
        base=DebianBase(base.string("debian"), base.integer("list")),
        base_artifacts=_parsed_artifacts(fields, "base-artifacts", at),
        artifacts=_parsed_artifacts(fields, "artifacts", at),
    )
    said, real = fields.digest("lock"), identity(lock_material(lock))
    if said != real:
        what = f"the lock of {key} was changed by hand: its id says {said.short}, its content is {real.short}"
        hint = "restore the file from version control, or make it anew: envbuild lock"
        raise IntegrityError(what, at=at.partition(": ")[0], hint=hint)
    return LockSection(request=fields.digest("request"), lock=lock, settings=_parsed_settings(fields, at))


def _parsed_artifacts(fields: Fields, key: str, at: str) -> tuple[Artifact, ...]:
    found = [_parsed_artifact(Fields(v, f"{at}.{key}[{number}]")) for number, v in enumerate(fields.list(key))]
    return tuple(sorted(found, key=lambda a: (a.name, a.kind, a.version, a.file)))


def _parsed_artifact(fields: Fields) -> Artifact:
    fields.only("kind", "name", "version", "file", "size", "sha256", "source", "path", "url")
    kind = fields.string("kind")
    if kind not in set(ArtifactKind):
        raise fields.wrong("kind", f"{kind!r} needs a newer envbuild")
    return Artifact(
        kind=ArtifactKind(kind),
        name=fields.string("name"),
        version=fields.string("version"),
        file=fields.file_name("file"),
        size=_size(fields),
        sha256=fields.sha256("sha256"),
        source=fields.string("source"),
        path=fields.relative_path("path"),
        url=fields.plain_url("url"),
    )


def _size(fields: Fields) -> int:
    size = fields.integer("size")
    if size < 1:
        raise fields.wrong("size", f"{size} is no file's size")
    return size


def _parsed_settings(section: Fields, at: str) -> ImageSettings:
    fields = Fields(section.mapping("settings"), f"{at}.settings")
    fields.only("activate", "bytecode", "entrypoint", "layout", "user", "variables", "workdir")
    variables = Fields(fields.mapping("variables"), f"{at}.settings.variables")
    return ImageSettings(
        variables=tuple(sorted((name, variables.string(name)) for name in variables.keys)),
        user=fields.string("user"),
        workdir=fields.string("workdir"),
        entrypoint=fields.strings("entrypoint"),
        activate=fields.switch("activate"),
        bytecode=fields.string("bytecode"),
        layout=_served(fields),
    )


def _served(fields: Fields) -> int:
    """The layout, where this envbuild can build it: a later one under an older recipe would be another image's bytes."""
    layout = fields.integer("layout")
    if not 1 <= layout <= NEWEST_LAYOUT or fields.string("bytecode") != "none":
        raise fields.wrong(
            "layout", f"layout {layout} with bytecode {fields.string('bytecode')!r} needs a newer envbuild"
        )
    return layout
