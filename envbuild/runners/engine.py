"""`Engine`: Docker or Podman on this machine, reached through its own client; found, asked, and given images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, BinaryIO

from envbuild import process
from envbuild.errors import EngineFault, EnvironmentFault, IntegrityError, TimeLimit
from envbuild.oci import Image
from envbuild.runners.enginesocket import Ear, Presence, image_digest, info, listen, socket_of, tag

__all__ = ["Engine", "EngineKind", "Found", "Write", "find", "open_engine"]

Write = Callable[[BinaryIO, Sequence[str]], object]
"""Writes an image's archive, in which it has these names."""

_ANSWER_TIME = 30.0
_INSTEAD = "without an engine: --to store, --to oci:DIR, --to archive:FILE; and run --no-container"


class EngineKind(StrEnum):
    """Whose client."""

    DOCKER = "docker"
    PODMAN = "podman"


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that answered. `environ` is the client's whole environment, so that it stays the one that was found."""

    kind: EngineKind
    program: str
    environ: Mapping[str, str] = field(repr=False)
    socket: str | None = None
    """Where it listens, if it can be asked without a client."""

    def argv(self, *words: str) -> tuple[str, ...]:
        """A call of the client."""
        return (self.program, *words)

    def run(self, *words: str, feed: Callable[[BinaryIO], object] | None = None) -> process.Finished:
        """Call the client and take its output."""
        return process.run(self.argv(*words), env=self.environ, feed=feed)

    def has(self, image: Image, references: Sequence[str]) -> bool:
        """Whether the engine has this very image under all of these names."""
        ids = _ids(image)
        if not references:
            return any(self.presence(i, image) is Presence.HIT for i in ids)
        return all(self.presence(reference, image) is Presence.HIT for reference in references)

    def presence(self, reference: str, image: Image) -> Presence:
        """Whether this name means this image; a name of another image is a miss."""
        if self.socket is not None:
            state = image_digest(self.socket, reference)
            if state.presence is not Presence.HIT:
                return state.presence
            found = state.id
        else:
            answer = self.run("image", "inspect", "--format", "{{.Id}}", reference)
            if answer.code != 0:
                return Presence.MISS if b"o such image" in answer.stderr else Presence.UNKNOWN
            found = answer.stdout.decode(errors="replace").strip()
        return Presence.HIT if _full(found) in _ids(image) else Presence.MISS

    def rename(self, image: Image, references: Sequence[str]) -> bool:
        """Give an image that is here already these names; False where it is not here."""
        there = next((i for i in _ids(image) if self.presence(i, image) is Presence.HIT), None)
        if there is None:
            return False
        for reference in references:
            if self.socket is not None:
                tag(self.socket, there, reference)
            else:
                self._ask("tag", there, self._full_name(reference))
        return True

    def load(self, image: Image, references: Sequence[str], write: Write) -> None:
        """Bring an image here under these names; where the engine has it already, only the names are new.

        `write` streams its archive. EnvironmentFault where the engine does not take it; IntegrityError where what came
        out is another image.
        """
        if self.rename(image, references):
            return
        self._ask("load", "--quiet", feed=partial(_written, write, references))
        if not self.has(image, references):
            raise IntegrityError(
                f"{self.kind.value} does not have the image that was loaded, or has another one under its name",
                hint="does something else change its images at the same time?",
            )

    def info(self) -> Mapping[str, Any]:
        """What the engine says about itself, where its socket can be asked; else nothing."""
        return info(self.socket) if self.socket is not None else {}

    def _ask(self, *words: str, feed: Callable[[BinaryIO], object] | None = None) -> str:
        answer = self.run(*words, feed=feed)
        if answer.code != 0:
            said = answer.stderr.decode(errors="replace").strip()
            raise EngineFault(f"{self.kind.value} {words[0]} failed: {said}", at=self._place, hint=_INSTEAD)
        return answer.stdout.decode(errors="replace").strip()

    def _full_name(self, reference: str) -> str:
        """As names in an archive are understood: Podman would tag a short one as localhost/..."""
        first, slash, _ = reference.partition("/")
        named = slash and ("." in first or ":" in first or first == "localhost")
        return reference if self.kind is EngineKind.DOCKER or named else f"docker.io/{reference}"

    @property
    def _place(self) -> str:
        return self.environ.get("DOCKER_HOST", "") if self.kind is EngineKind.DOCKER else ""


@dataclass(frozen=True, slots=True)
class Found:
    """The engine that a run or a build uses unasked, or why there is none."""

    engine: Engine | None
    why: str = ""


def find(environ: Mapping[str, str], kinds: Sequence[EngineKind] = tuple(EngineKind)) -> Found:
    """The first of these kinds that answers: Docker, else Podman."""
    reasons = []
    for kind in kinds:
        try:
            return Found(open_engine(kind, environ))
        except EnvironmentFault as fault:
            reasons.append(fault.what)
    return Found(None, "; ".join(reasons))


def open_engine(kind: EngineKind, environ: Mapping[str, str], patience: float = _ANSWER_TIME) -> Engine:
    """The engine of this kind; its client may take `patience` seconds. EnvironmentFault says what is missing: the client, the engine, the right to use it."""
    program = process.which(kind.value)
    if program is None:
        raise EnvironmentFault(f"{kind.value} is not installed", hint=f"install it; {_INSTEAD}")
    if kind is EngineKind.PODMAN:
        _check_client((program, "info", "--format", "{{.Host.OS}}"), "podman does not work here", environ, patience)
        return Engine(kind, program, environ)
    socket = socket_of(environ)
    if socket is None:
        argv = (program, "version", "--format", "{{.Server.Os}}")
        _check_client(argv, "the docker engine does not answer", environ, patience)
        return Engine(kind, program, environ)
    heard = listen(socket)
    if heard is Ear.FORBIDDEN:
        raise EnvironmentFault(
            "the docker engine may not be used by this user", at=socket, hint=f"join the group docker; {_INSTEAD}"
        )
    if heard is Ear.ABSENT:
        raise EnvironmentFault("no docker engine runs", at=socket, hint=f"start it; {_INSTEAD}")
    if heard is Ear.UNKNOWN:
        raise EnvironmentFault("the docker engine does not answer", at=socket, hint=f"restart it; {_INSTEAD}")
    return Engine(kind, program, environ, socket)


def _check_client(argv: Sequence[str], what: str, environ: Mapping[str, str], patience: float) -> None:
    try:
        answer = process.run(argv, env=environ, timeout=patience)
    except TimeLimit as limit:
        raise EnvironmentFault(f"{what}: {limit.what}", hint=_INSTEAD) from limit
    if answer.code != 0 or not answer.stdout.strip():
        said = _last_line(answer.stderr.decode(errors="replace"))
        raise EnvironmentFault(f"{what}: {said}" if said else what, at=environ.get("DOCKER_HOST", ""), hint=_INSTEAD)


def _written(write: Write, references: Sequence[str], pipe: BinaryIO) -> None:
    write(pipe, references)


def _ids(image: Image) -> tuple[str, str]:
    """An image's id: its config's digest in most engines, its manifest's where they keep content."""
    return str(image.config_digest), str(image.digest)


def _full(found: str) -> str:
    return found if found.startswith("sha256:") else f"sha256:{found}"


def _last_line(said: str) -> str:
    return said.strip().rpartition("\n")[2]
