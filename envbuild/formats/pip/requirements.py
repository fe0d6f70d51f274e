"""requirements.txt as pip means it (pip's "Requirements File Format"), as far as wheels from indexes go.

Included files (-r, -c) are looked for beside the file that names them, and must lie in the first file's folder or below.
All faults of all files are reported together.
"""

import posixpath
from collections.abc import Callable
from difflib import get_close_matches

from envbuild.definition import Definition
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.finishing import finished
from envbuild.formats.pip.agreement import Placed, conflicts
from envbuild.formats.pip.logicallines import LogicalLine, logical_lines, options_of
from envbuild.formats.pip.reqindexes import IndexOptions, Logins
from envbuild.formats.pip.reqoptions import ACCEPTED, FLAGS, FOLLOWED, LONG_NAMES, REFUSED, SHORTS
from envbuild.formats.pip.specline import BadSpec, Spec, read_constraint, read_spec
from envbuild.formats.sourcefile import LONGEST, Loader, Reading, ReadRequest, load_text
from envbuild.formats.urls import redacted

__all__ = ["DEEPEST", "MOST_FILES", "read_requirements"]

DEEPEST = 16
"""How many files deep includes may go."""
MOST_FILES = 1000
"""How many files one definition may read."""

_FOR_REQUIREMENTS = frozenset({"--hash", "--config-settings", "--global-option", "--install-option"})


def read_requirements(path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition in a requirements file.

    InvalidDefinition has all faults; UsageError: the file cannot be read.
    """
    reader = _Reader(path, load)
    reader.read(posixpath.basename(path), (), "", constraint=False)
    faults = reader.faults or reader.disagreements()
    if faults:
        # Not sorted by line: they are of several files, in the order in which those were read.
        raise InvalidDefinition(faults)
    definition = Definition(
        name=asked.name,
        pypi=tuple(placed.spec.requirement for placed in reader.requirements),
        constraints=tuple(placed.spec.requirement.text for placed in reader.constraints),
        indexes=reader.indexes.indexes(),
    )
    definition = finished(definition, asked.finish, (), reader.line_of)
    notices = (*reader.notices, *reader.indexes.notices())
    return Reading(definition, reader.logins.pairs(), notices, tuple(reader.files))


class _Reader:
    """Goes through the files in order. Paths inside are relative to the first file's folder."""

    def __init__(self, path: str, load: Loader) -> None:
        self._folder, self._load = posixpath.dirname(path), load
        self.requirements: list[Placed] = []
        self.constraints: list[Placed] = []
        self.logins = Logins()
        self.indexes = IndexOptions(self.logins)
        self.notices: dict[str, None] = {}
        self.files: dict[str, None] = {}
        self.faults: list[Fault] = []
        self._hashes_at = ""
        self._reads = 0
        self._include: dict[str, Callable[[str, str, tuple[str, ...]], None]] = {
            "--requirement": lambda target, at, chain: self._follow(target, at, chain, constraint=False),
            "--constraint": lambda target, at, chain: self._follow(target, at, chain, constraint=True),
        }

    def read(self, inner: str, chain: tuple[str, ...], at: str, *, constraint: bool) -> None:
        """Read one file and what it includes. `chain` are the files that led here, `at` the line that names it.

        All paths but those shown are relative to the first file's folder.
        """
        path = self._path(inner)
        chain = (*chain, inner)
        text = load_text(path, self._load, at, [self._path(one) for one in chain])
        self.files[path] = None
        self._reads += 1
        lines = list(logical_lines(text))
        if not at and not lines:
            what = "no definition: the file is empty" if not text.strip() else "no definition: only comments"
            raise InvalidDefinition([Fault(path, what, "write one requirement a line, such as `numpy>=2`")])
        for line in lines:
            self._line(line, f"{path}:{line.number}", chain, constraint=constraint)

    def _path(self, inner: str) -> str:
        return posixpath.join(self._folder, inner)

    def line_of(self, field_path: str) -> str:
        """file:line of `pypi[0]` and `constraints[0]`; the first file of anything else."""
        key, _, rest = field_path.partition("[")
        lists = {"pypi": self.requirements, "constraints": self.constraints}
        number = rest.partition("]")[0]
        if key not in lists or not number.isdigit() or int(number) >= len(lists[key]):
            return next(iter(self.files))
        return lists[key][int(number)].at

    def disagreements(self) -> list[Fault]:
        """What no single line shows: missing hashes, pins that exclude each other."""
        faults = []
        if self._hashes_at:
            what = f"no hash, but others have one ({self._hashes_at}): all or none"
            hint = "`pip-compile --generate-hashes` or `uv pip compile --generate-hashes` writes them for every line"
            faults = [Fault(p.at, f"{p.spec.requirement.text}: {what}", hint) for p in self._without_hash()]
        return faults + conflicts([*self.requirements, *self.constraints])

    def _without_hash(self) -> list[Placed]:
        return [p for p in self.requirements if not p.spec.requirement.hashes]

    def _line(self, line: LogicalLine, at: str, chain: tuple[str, ...], *, constraint: bool) -> None:
        try:
            options = options_of(line.options, SHORTS, FLAGS)
        except ValueError as error:
            self.faults.append(Fault(at, redacted(str(error)), "one option a line, as pip reads it"))
            return
        named = [(LONG_NAMES.get(name, name), value) for name, value in options]
        if line.requirement:
            self._requirement(line.requirement, named, at, constraint=constraint)
            return
        includes = [value for name, value in named if name in self._include]
        if len(includes) > 1:
            self.faults.append(Fault(at, "two includes in one line: pip follows only the first", "write one a line"))
            return
        for name, value in named:
            self._option(name, value, at, chain)

    def _requirement(self, text: str, options: list[tuple[str, str | None]], at: str, *, constraint: bool) -> None:
        if others := [name for name, _ in options if name != "--hash"]:
            for name in others:
                self.faults.append(_refused(name, at, on_requirement=True))
            return
        hashes = [value or "" for _, value in options]
        try:
            spec = read_constraint(text, hashes) if constraint else read_spec(text, hashes)
        except BadSpec as bad:
            self.faults.append(bad.fault(at))
            return
        if hashes and not self._hashes_at:
            self._hashes_at = at
        self._keep(Placed(at, spec, "constraint" if constraint else "requirement"), constraint=constraint)

    def _keep(self, placed: Placed, *, constraint: bool) -> None:
        spec: Spec = placed.spec
        if not self.logins.add(spec.host, spec.login):
            hint = "keep one; netrc or a keyring serve better"
            self.faults.append(Fault(placed.at, f"two different logins for {spec.host}", hint))
        (self.constraints if constraint else self.requirements).append(placed)

    def _option(self, name: str, value: str | None, at: str, chain: tuple[str, ...]) -> None:
        if name not in FOLLOWED and name not in ACCEPTED:
            self.faults.append(_refused(name, at))
        elif name == "--hash":
            self.faults.append(Fault(at, "--hash without a requirement", "put it behind one: `name==1.0 --hash=...`"))
        elif name in FLAGS:
            self._flag(name, at)
        elif not value:
            self.faults.append(Fault(at, f"{name} needs a value", f"write it behind it: {name} VALUE"))
        elif len(value) > LONGEST:
            self.faults.append(
                Fault(at, f"{name}: a value of more than {LONGEST} characters", "is this the right file?")
            )
        elif "${" in value:
            what = f"{name}: a variable would come from the environment of whoever builds"
            self.faults.append(Fault(at, what, "write the value itself; credentials belong in netrc or a keyring"))
        elif name in self._include:
            self._include[name](value, at, chain)
        elif name in ACCEPTED:
            self.notices[f"{at}: {name}: {ACCEPTED[name]}"] = None
        else:
            add = self.indexes.default if name == "--index-url" else self.indexes.extra
            self.faults += add(value, at)

    def _flag(self, name: str, at: str) -> None:
        if name == "--require-hashes":
            self._hashes_at = self._hashes_at or at
        else:
            self.notices[f"{at}: {name}: {ACCEPTED[name]}"] = None

    def _follow(self, target: str, at: str, chain: tuple[str, ...], *, constraint: bool) -> None:
        try:
            inner = self._inside(target, chain)
            self.read(inner, chain, at, constraint=constraint)
        except BadSpec as bad:
            self.faults.append(bad.fault(at))
        except InvalidDefinition as invalid:
            self.faults += invalid.faults

    def _inside(self, target: str, chain: tuple[str, ...]) -> str:
        """The included file's path relative to the first file's folder. BadSpec where it may not be followed."""
        folder = self._folder or "."
        if "://" in target or target.lower().startswith("file:"):
            raise BadSpec(
                f"a remote file may change unseen: {target}", "keep a copy beside this file, and include that"
            )
        inner = posixpath.normpath(posixpath.join(posixpath.dirname(chain[-1]), target))
        if target.startswith(("/", "~")) or inner == ".." or inner.startswith("../"):
            what = f"{target} lies outside the folder of {self._path(chain[0])}"
            raise BadSpec(what, f"put the file into {folder} or below, or start from a file above both")
        if inner in chain:
            circle = " -> ".join(self._path(one) for one in [*chain[chain.index(inner) :], inner])
            raise BadSpec(f"the files include each other: {circle}", "take one of the includes out")
        if len(chain) >= DEEPEST:
            last = " -> ".join(self._path(one) for one in [*chain[-3:], inner])
            raise BadSpec(f"includes go more than {DEEPEST} files deep: ... {last}", "include the files from one place")
        if self._reads >= MOST_FILES:
            raise BadSpec(f"more than {MOST_FILES} files are included", "join them")
        return inner


def _refused(name: str, at: str, *, on_requirement: bool = False) -> Fault:
    if name in REFUSED:
        reason, hint = REFUSED[name]
        return Fault(at, f"{name} is refused: {reason}", hint)
    if on_requirement and (name in FOLLOWED or name in ACCEPTED):
        return Fault(at, f"{name} cannot stand behind a requirement", "give it a line of its own")
    near = get_close_matches(name, [*FOLLOWED, *ACCEPTED, *REFUSED], 1, 0.8)
    return Fault(at, f"unknown option {redacted(name)}", f"did you mean {near[0]}?" if near else "")
