"""Specs: what a user points at, a definition's file or a lock's, and what must be known of it before anything is parsed.

What a file says is a function of its bytes (and of the bytes of the files it includes), so it is remembered by their
digest: a spec seen before costs a hash, not a parser.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from os.path import normpath
from pathlib import PurePath
from typing import Any, Literal

from envbuild.canonical import JSON
from envbuild.definition import Definition, Project
from envbuild.digest import Digest
from envbuild.errors import UsageError
from envbuild.formats.selection import NOTHING_MORE, Selection
from envbuild.formats.sourcefile import load_bytes
from envbuild.ids import Material, definition_material, identity, lock_material, request_material
from envbuild.lockfile import ImageSettings, LockDocument
from envbuild.pipeline.settings import settings_from_json, settings_of, settings_to_json
from envbuild.platforms import Platform
from envbuild.ports import BlobStore, Claims
from envbuild.sources.definitionfiles import DefinitionFiles

__all__ = ["LockFacts", "Readers", "SectionFacts", "Spec", "Specs", "Tree"]

_SEEN = "seen"
_SCHEMA = 6
"""Raised with every change of what a definition is read as: what was remembered before is then forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A definition's file: its ids, one request a platform, its image settings. `path` is as the user gave it."""

    path: str
    name: str
    definition_id: Digest
    requests: Mapping[Platform, Digest]
    settings: ImageSettings
    notices: tuple[str, ...] = ()
    served: bool = True
    """Whether there is a builder for all that it asks for."""
    project: Project | None = None
    """The package that is installed on top of what was locked; its path starts from the definition's folder."""
    selection: Selection = NOTHING_MORE
    """The extras, groups and package that were chosen of it."""

    @property
    def command_words(self) -> str:
        """What names it on a command line: its path, and the options that choose the same."""
        return self.path + self.selection.options


@dataclass(frozen=True, slots=True)
class SectionFacts:
    """One platform of a lock document."""

    request: Digest
    lock_id: Digest
    settings: ImageSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFacts:
    """A lock document's ids. `path` is where it stands, or nothing for one of the store."""

    path: str
    document: Digest
    sections: Mapping[Platform, SectionFacts]


@dataclass(frozen=True, slots=True)
class Tree:
    """Files that a definition names, as content; paths are relative to the definition's folder."""

    kind: Literal["context", "copy", "project"]
    path: str
    dockerfile: str = ""
    """Of a context: the Dockerfile's path, beside which it may have an ignore file of its own."""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A definition read in full; `files` as in `Reading`, `trees` what it names beside them."""

    definition: Definition
    logins: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    notices: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    served: bool = True
    trees: tuple[Tree, ...] = ()
    seen: tuple[tuple[str, str], ...] = ()
    """Each path that was read or looked for, and the digest of the bytes that were parsed: nothing for what is absent."""


@dataclass(frozen=True, slots=True)
class Readers:
    """The parsers, handed in so that they are loaded only when a file is new."""

    definition: Callable[[str], Parsed]
    lock: Callable[[bytes, str], LockDocument]
    refuse: Callable[[str], None]
    """InvalidDefinition where a definition asks for what has no builder: each key in the file's own lines."""
    tree: Callable[[str, Tree], str]
    """The digest that a tree of the definition at a path has now."""


class Specs:
    """Reads specs through `load` (path -> bytes), and remembers what it read by content."""

    def __init__(
        self,
        load: Callable[[str], bytes],
        readers: Readers,
        blobs: BlobStore,
        claims: Claims,
        *,
        folder: str = "",
        version: str = "",
        selection: Selection = NOTHING_MORE,
    ) -> None:
        """`folder` is what relative paths start from: a definition may be named for the folder that it is in.

        `version` is that of the readers: what another one remembered is not believed. `selection` is what they choose.
        """
        self._load, self._readers, self._blobs, self._claims = load, readers, blobs, claims
        self._folder, self._version, self._selection = folder, version, selection
        self._given: dict[str, Parsed] = {}

    def give(self, path: str, definition: Definition, *, served: bool) -> None:
        """Let `path` mean a normalized definition that stands in no file."""
        self._given[path] = Parsed(definition, served=served)

    def open(self, path: str) -> Spec:
        """The spec at `path`. InvalidDefinition with all its faults, or UsageError where there is no such file."""
        if path in self._given:
            return self._opened(path, self._given[path])
        files = DefinitionFiles(path, self._load)
        content = load_bytes(path, files.load)
        # The name of a definition may come from its path, so the path's last parts belong to the key.
        place = list(PurePath(normpath(PurePath(self._folder) / path)).parts[-2:])
        material: Material = {
            "schema": _SCHEMA,
            "readers": self._version,
            "place": place,
            "content": str(Digest.of(content)),
        }
        if self._selection:
            chosen = self._selection
            material["selection"] = [list(chosen.extras), list(chosen.groups), chosen.project, chosen.azureml]
        key = identity(material)
        known = self._known(key, path, files)
        if known is not None:
            return known
        parsed = self._readers.definition(path)
        spec = self._opened(path, parsed)
        self._claims.put(_SEEN, key, self._remember(spec, parsed, path), material)
        return spec

    def definition(self, spec: Spec) -> Parsed:
        """The full definition of a spec. UsageError where its files say another thing by now than when it was opened."""
        if spec.path in self._given:
            return self._given[spec.path]
        parsed = self._readers.definition(spec.path)
        if identity(definition_material(parsed.definition)) != spec.definition_id:
            raise UsageError("its files changed while they were read", at=spec.path, hint="try again")
        return parsed

    def refuse_unserved(self, spec: Spec) -> None:
        """InvalidDefinition where a spec asks for what has no builder."""
        if not spec.served:
            self._readers.refuse(spec.path)

    def _opened(self, path: str, parsed: Parsed) -> Spec:
        spec = _spec(path, parsed, self._selection)
        self._claims.put("definition", spec.definition_id, {"name": spec.name}, definition_material(parsed.definition))
        return spec

    def lock_facts(self, path: str) -> LockFacts:
        """The ids in a lock file, which also enters the store. IntegrityError where it was changed by hand."""
        content = load_bytes(path, self._load)
        digest = Digest.of(content)
        if not self._blobs.has(digest):
            # Parsed before it is kept: what is no lock leaves nothing behind.
            self._readers.lock(content, path)
            with self._blobs.create() as writer:
                writer.write(content)
                writer.commit()
        return self.facts_of(digest, path)

    def facts_of(self, document: Digest, path: str = "") -> LockFacts:
        """The ids in a lock document of the store."""
        material: Material = {"document": str(document)}
        value: Any = self._claims.get("document", identity(material))
        try:
            sections = {Platform.parse(p): _section(s) for p, s in value["sections"].items()}
        except (KeyError, TypeError, ValueError, AttributeError):
            parsed = self.document(document, path)
            sections = {
                s.lock.platform: SectionFacts(s.request, identity(lock_material(s.lock)), s.settings)
                for s in parsed.sections
            }
            self._claims.put("document", identity(material), {"sections": _sections_json(sections)}, material)
        return LockFacts(path=path, document=document, sections=sections)

    def document(self, digest: Digest, path: str = "") -> LockDocument:
        """The full lock document."""
        with self._blobs.open(digest) as stream:
            return self._readers.lock(stream.read(), path or f"lock {digest.short}")

    def _known(self, key: Digest, path: str, files: DefinitionFiles) -> Spec | None:
        value: Any = self._claims.get(_SEEN, key)
        try:
            folder = PurePath(path).parent
            if any(files.digest(str(folder / name)) != seen for name, seen in value["files"].items()):
                return None
            if any(self._readers.tree(path, Tree(*seen)) != seen[-1] for seen in value["trees"]):
                return None
            return Spec(
                path=path,
                name=value["name"],
                definition_id=Digest.parse(value["definition"]),
                requests={Platform.parse(p): Digest.parse(r) for p, r in value["requests"].items()},
                settings=settings_from_json(value["settings"]),
                notices=tuple(value["notices"]),
                served=value["served"],
                project=Project(*value["project"]) if value["project"] else None,
                selection=self._selection,
            )
        except Exception:  # noqa: BLE001  whatever is wrong with a memory, the file itself decides
            return None

    def _remember(self, spec: Spec, parsed: Parsed, path: str) -> dict[str, JSON]:
        folder = PurePath(path).parent
        files: dict[str, JSON] = {}
        for name, digest in parsed.seen:
            relative = PurePath(name).relative_to(folder) if PurePath(name).is_relative_to(folder) else PurePath(name)
            files[str(relative)] = digest
        return {
            "files": files,
            "trees": [[tree.kind, tree.path, tree.dockerfile, tree.digest] for tree in parsed.trees],
            "name": spec.name,
            "definition": str(spec.definition_id),
            "requests": {str(p): str(r) for p, r in spec.requests.items()},
            "settings": settings_to_json(spec.settings),
            "notices": list(spec.notices),
            "served": spec.served,
            "project": [spec.project.path, spec.project.digest] if spec.project else None,
        }


def _spec(path: str, parsed: Parsed, selection: Selection) -> Spec:
    definition = parsed.definition
    return Spec(
        path=path,
        name=definition.name,
        definition_id=identity(definition_material(definition)),
        requests={p: identity(request_material(definition, p)) for p in definition.platforms},
        settings=settings_of(definition),
        notices=parsed.notices,
        served=parsed.served,
        project=definition.project,
        selection=selection,
    )


def _section(value: Mapping[str, Any]) -> SectionFacts:
    return SectionFacts(
        Digest.parse(value["request"]), Digest.parse(value["lock"]), settings_from_json(value["settings"])
    )


def _sections_json(sections: Mapping[Platform, SectionFacts]) -> dict[str, JSON]:
    return {
        str(p): {"request": str(s.request), "lock": str(s.lock_id), "settings": settings_to_json(s.settings)}
        for p, s in sections.items()
    }
