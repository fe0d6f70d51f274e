"""`Linting`: what is likely to hurt in a spec, and the repairs of its files that are safe."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from os.path import realpath
from posixpath import dirname

from envbuild.errors import UsageError
from envbuild.formats.fixing import Change, fixed
from envbuild.formats.sourcefile import text_of
from envbuild.pipeline.linting import Finding, lint
from envbuild.pipeline.locking import Choice
from envbuild.pipeline.quiet import Quiet
from envbuild.pipeline.specs import Parsed, Spec
from envbuild.sources.definitionfiles import leads_out
from envbuild.workspace.adapters import Adapters
from envbuild.workspace.choosing import Chooser
from envbuild.workspace.reading import read_definition

__all__ = ["FixedFile", "Linting"]


@dataclass(frozen=True, slots=True)
class FixedFile:
    """A file that was repaired, and how."""

    path: str
    changes: tuple[Change, ...]


class Linting:
    """Reads a spec and the files that it is made of; resolves nothing."""

    def __init__(self, adapters: Adapters) -> None:
        """`adapters` are those of the one spec."""
        self._adapters = adapters

    def findings(self, also: Iterable[Finding] = ()) -> tuple[Finding, ...]:
        """What is likely to hurt, with places. `also`: what whoever made the definition found by itself."""
        spec, parsed = self._read()
        locked = self._adapters.locking.place_of(spec, Choice()) is not None
        files = [(path, text_of(self._adapters.files.load(path), path)) for path in parsed.files]
        return lint(
            parsed.definition,
            locked=locked,
            today=datetime.now(UTC).date(),
            login_hosts=[host for host, _ in parsed.logins],
            files=files,
            also=also,
        )

    def fix(self) -> tuple[FixedFile, ...]:
        """Repair the spec's files, each as a whole. Nothing is written where the result would not be read again."""
        _, parsed = self._read()
        files, load = self._adapters.files, self._adapters.files.load
        new: dict[str, bytes] = {}
        done = []
        for path in parsed.files:
            text, changes = fixed(load(path).decode())
            if changes:
                new[path] = text.encode()
                done.append(FixedFile(path, changes))
        for path in new:
            if leads_out(path, dirname(self._adapters.spec_path)):
                hint = "name the file itself: it may belong to others, too"
                raise UsageError("a link that leads out of its folder is not written to", at=path, hint=hint)
        if new:
            read_definition(
                self._adapters.spec_path,
                lambda path: new[path] if path in new else load(path),
                self._adapters.selection,
            )
        for path, data in new.items():
            # A link stays one: what it leads to is what was read.
            files.write(realpath(path), data)
        return tuple(done)

    def _read(self) -> tuple[Spec, Parsed]:
        spec = Chooser(self._adapters).spec(self._adapters.spec_path, Quiet())
        return spec, self._adapters.specs.definition(spec)
