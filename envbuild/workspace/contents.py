"""`Contents`: the files that a definition names but does not hold, read, so that they are part of it by content.

A Dockerfile's text, its build context, what `copy` copies, and the project that is installed: all relative to the
definition's folder, and in it. Which files count:

    a build context     as BuildKit sends it: `<Dockerfile>.dockerignore` beside the Dockerfile, else the context's own
                        `.dockerignore` says what is left out
    a source of copy    what it is or holds, without what the `.dockerignore` of the definition's folder leaves out
    a project           all but what `PROJECT_IGNORED` leaves out: version control, caches, virtual environments, what a
                        build made

Never: our own locks (`LOCKS_IGNORED`). A lock names the request that it is for, and a request its context: with the lock
in the context no lock would ever fit.
"""

import errno
import os
import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from envbuild.context.ignorefile import IGNORE_FILE, Ignore, own_ignore_file, read_ignore_file
from envbuild.context.tree import ContextEntry, context_digest
from envbuild.definition import Definition, DockerfileBase
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.dockerfile import dockerfile_text
from envbuild.formats.sourcefile import LEADS_OUT, is_absent
from envbuild.normalize import normalize
from envbuild.pipeline.specs import Tree
from envbuild.sources.contextfiles import Limits, read_tree
from envbuild.sources.definitionfiles import DefinitionFiles
from envbuild.workspace.contextneeds import takes_from_context

__all__ = ["LOCKS_IGNORED", "PROJECT_IGNORED", "Completed", "Contents", "meant"]

PROJECT_IGNORED = (
    "**/.git", "**/.hg", "**/.svn", "**/__pycache__", "**/*.pyc", "**/*.pyo", "**/.venv", "**/.tox", "**/.nox",
    "**/.mypy_cache", "**/.pytest_cache", "**/.ruff_cache", "**/*.egg-info", "/build", "/dist",
)  # fmt: skip
"""As lines of an ignore file. Part of what a project's digest means: a change here changes ids."""
LOCKS_IGNORED = ("**/*.envbuild.lock", "**/lockfiles/*.lock")
"""As lines of an ignore file, after all others."""

_LITERAL = re.compile(r"[\\\\*?\[\]]")
_OF_PROJECTS = Limits(way_out="or keep it outside the project's folder")
_PROJECT_FILES = (b"pyproject.toml", b"setup.py", b"setup.cfg")


@dataclass(frozen=True, slots=True)
class Completed:
    """A definition with the content of its files, and what was read for it."""

    definition: Definition
    files: tuple[str, ...] = ()
    trees: tuple[Tree, ...] = ()


@dataclass(slots=True)
class Contents:
    """Reads each folder once, however often it is asked: what one command does, it does with one content."""

    load: Callable[[str], bytes]
    _known: dict[tuple[str, ...], str] = field(default_factory=dict)

    def completed(
        self, definition: Definition, folder: str, *, own: str = "", load: Callable[[str], bytes] | None = None
    ) -> Completed:
        """The definition, completed from its folder. InvalidDefinition has all that is wrong, by field path.

        `own` is the name of its own file, which reads what belongs to it by `load`.
        What was read already stays as it is: a definition is a value. Paths that leave the folder by their text are not
        looked at: normalizing refuses them.
        """
        faults: list[Fault] = []
        files: list[str] = []
        trees: list[Tree] = []

        def digest(tree: Tree, at: str) -> str:
            """What is had of a tree; nothing where it cannot be read."""
            if tree.digest or not _inside(tree.path):
                return tree.digest
            try:
                found = self.digest(tree, folder, at, own=own)
            except InvalidDefinition as invalid:
                faults.extend(invalid.faults)
                return ""
            trees.append(replace(tree, digest=found))
            return found

        base, project = definition.base, definition.project
        if isinstance(base, DockerfileBase):
            base = self._dockerfile(base, folder, files, faults, load or self._inside_of(folder))
            if base.context is not None:
                tree = Tree("context", base.context.folder, base.path, base.context.digest)
                base = replace(base, context=replace(base.context, digest=digest(tree, "base.context")))
        copy = tuple(
            replace(step, digest=digest(Tree("copy", step.source, "", step.digest), f"copy[{number}].from"))
            for number, step in enumerate(definition.copy)
        )
        if project is not None:
            project = replace(project, digest=digest(Tree("project", project.path, "", project.digest), "project"))
        if faults:
            raise InvalidDefinition(faults)
        return Completed(replace(definition, base=base, copy=copy, project=project), tuple(files), tuple(trees))

    def digest(self, tree: Tree, folder: str, at: str = "", *, own: str = "") -> str:
        """The digest of a tree of the definition `own` in `folder`. InvalidDefinition where it cannot be read, at `at`."""
        key = (folder, tree.kind, tree.path, tree.dockerfile, own)
        if key not in self._known:
            reading = {"context": self._context, "copy": self._source, "project": self._project}[tree.kind]
            self._known[key] = str(context_digest(reading(tree, folder, at, own)))
        return self._known[key]

    def _inside_of(self, folder: str) -> Callable[[str], bytes]:
        """Reads the files that stay inside a folder."""
        return DefinitionFiles(posixpath.join(folder, ""), self.load).load

    def _dockerfile(
        self, base: DockerfileBase, folder: str, files: list[str], faults: list[Fault], load: Callable[[str], bytes]
    ) -> DockerfileBase:
        """With its text."""
        at, path = "base.dockerfile", posixpath.join(folder, base.path)
        if base.path and not _inside(base.path):
            return base
        text, place = base.dockerfile, path if base.path else "its text"
        try:
            text = dockerfile_text(text.encode() if text else load(path), place)
        except OSError as error:
            faults.append(Fault(at, f"{path}: {_reason(error)}", "its path starts from the definition's folder"))
        except UnicodeEncodeError:
            return base
        except InvalidDefinition as invalid:
            faults += [Fault(at, f"{fault.at}: {fault.what}", fault.hint) for fault in invalid.faults]
        else:
            if base.path:
                files.append(path)
            if base.context is None and (taken := takes_from_context(text)):
                what = f"{place}:{taken.line}: {taken.keyword} takes files from a build context, and none is named"
                faults.append(Fault(at, what, 'name the folder: context = "."'))
        return replace(base, dockerfile=text)

    def _context(self, tree: Tree, folder: str, at: str, own: str) -> tuple[ContextEntry, ...]:
        if "://" in tree.path or tree.path.startswith("git@"):
            raise InvalidDefinition([Fault(at, "an address, not a folder", "fetch it, and name the folder")])
        top = posixpath.join(folder, tree.path)
        _below(folder, tree.path, at)
        ignore = None
        if tree.dockerfile:
            ignore = self._ignore(own_ignore_file(posixpath.join(folder, tree.dockerfile)), folder, at)
        if ignore is None:
            ignore = self._ignore(posixpath.join(top, IGNORE_FILE), folder, at)
        own = "" if own == tree.dockerfile else own
        return read_tree(top, at, (ignore or Ignore()).then(_rules(_ours(own, _below(folder, tree.path, at)))))

    def _source(self, tree: Tree, folder: str, at: str, own: str) -> tuple[ContextEntry, ...]:
        ignore = self._ignore(posixpath.join(folder, IGNORE_FILE), folder, at) or Ignore()
        ignore = ignore.then(_rules(_ours(own, "")))
        below = _below(folder, tree.path, at)
        rule = ignore.rule(below) if below else ""
        left_out = InvalidDefinition(
            [Fault(at, f"{tree.path}: left out by {rule}", f"take it back in with a line after it: !{below}")]
        )
        if rule and not os.path.isdir(posixpath.join(folder, below)):  # noqa: PTH112
            raise left_out
        entries = read_tree(folder or ".", at, ignore, below)
        if rule and not entries:
            raise left_out
        return entries

    def project_entries(self, path: str, folder: str) -> tuple[ContextEntry, ...]:
        """What a project's digest covers."""
        return self._project(Tree("project", path), folder, "project", "")

    def _project(self, tree: Tree, folder: str, at: str, _own: str) -> tuple[ContextEntry, ...]:
        _below(folder, tree.path, at)
        rules = _rules((*PROJECT_IGNORED, *LOCKS_IGNORED))
        entries = read_tree(posixpath.join(folder, tree.path), at, rules, limits=_OF_PROJECTS)
        if not any(entry.path in _PROJECT_FILES for entry in entries):
            what = f"{tree.path}: no Python project: neither pyproject.toml nor setup.py is in it"
            raise InvalidDefinition([Fault(at, what, "name the folder that has one")])
        return entries

    def _ignore(self, path: str, folder: str, at: str) -> Ignore | None:
        """An ignore file's lines; None where there is none."""
        try:
            return read_ignore_file(self._inside_of(folder)(path), path)
        except InvalidDefinition as invalid:
            raise InvalidDefinition([Fault(at, f"{f.at}: {f.what}", f.hint) for f in invalid.faults]) from invalid
        except OSError as error:
            if is_absent(error):
                return None
            hint = LEADS_OUT[1] if error.errno == errno.EXDEV else "make it readable"
            raise InvalidDefinition([Fault(at, f"{path}: {_reason(error)}", hint)]) from error


def meant(
    definition: Definition,
    folder: str,
    contents: Contents,
    *,
    own: str = "",
    load: Callable[[str], bytes] | None = None,
) -> Completed:
    """The definition with what its files hold, normalized. InvalidDefinition has the faults of both, by field path.

    `own` and `load`: as `Contents.completed` takes them.
    """
    faults: list[Fault] = []
    completed = Completed(definition)
    try:
        completed = contents.completed(definition, folder, own=own, load=load)
    except InvalidDefinition as invalid:
        faults += invalid.faults
    try:
        completed = replace(completed, definition=normalize(completed.definition))
    except InvalidDefinition as invalid:
        faults += invalid.faults
    if faults:
        raise InvalidDefinition(faults)
    return completed


def _ours(own: str, below: str) -> tuple[str, ...]:
    """What of our own is left out of a tree at `below`: the locks, and the definition's file, which is read as such.

    A pyproject.toml stays: it says more than what an environment is.
    """
    place = posixpath.relpath(own, below or ".") if own else ".."
    if posixpath.basename(own) == "pyproject.toml" or not _inside(place):
        return LOCKS_IGNORED
    return (*LOCKS_IGNORED, "/" + _LITERAL.sub(r"\\\g<0>", place))


def _rules(lines: Sequence[str]) -> Ignore:
    return read_ignore_file("\n".join(lines).encode(), "envbuild's own rules")


def _inside(path: str) -> bool:
    """Whether a path stays below the definition's folder by its text."""
    clean = posixpath.normpath(path) if path else ".."
    return not clean.startswith(("/", "~", "../")) and clean != ".." and "\0" not in path


def _below(folder: str, path: str, at: str) -> str:
    """The path, links in it followed, seen from the folder. InvalidDefinition where it leaves it, or leads nowhere."""
    top = os.path.realpath(folder or ".")
    try:
        real = os.path.realpath(posixpath.join(top, path), strict=True)
    except OSError as error:
        raise InvalidDefinition(
            [Fault(at, f"{path}: {_reason(error)}", "paths start from the definition's folder")]
        ) from error
    below = os.path.relpath(real, top)
    if not _inside(below):
        raise InvalidDefinition([Fault(at, f"{path}: {LEADS_OUT[0]}", "put what it means into the folder")])
    return "" if below == "." else below


def _reason(error: OSError) -> str:
    words = {errno.ENOENT: "no such file or folder", errno.ENOTDIR: "no such file or folder"}
    return words.get(error.errno or 0, (error.strerror or str(error)).lower())
