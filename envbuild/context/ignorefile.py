"""`.dockerignore`: which files of a folder are left out, exactly as BuildKit leaves them out.

Rules: docs.docker.com/build/concepts/context, ".dockerignore files"; code: github.com/moby/patternmatcher (its package
`ignorefile`, `MatchesUsingParentResults`) and github.com/tonistiigi/fsutil (`filter.go`). The last line that is about a
path decides; a line about a folder is about all in it; a line with `!` takes back in. `#` opens a comment in the first
column only. An ignore file and a Dockerfile that are themselves ignored still say what they say, and are no content.
"""

from dataclasses import dataclass
from typing import TypeAlias

from envbuild.context.patterns import BadPattern, Pattern, clean
from envbuild.errors import Fault, InvalidDefinition

__all__ = ["NOTHING_IGNORED", "Decided", "Ignore", "own_ignore_file", "read_ignore_file"]

IGNORE_FILE = ".dockerignore"
_LARGEST = 1 << 20
_LONGEST = (1 << 16) - 1
"""What Go's bufio.Scanner takes as one line."""
_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
"""What Go's strings.TrimSpace takes away (Unicode's White_Space)."""

Decided: TypeAlias = tuple[bool, ...]
"""Of a folder: which lines are about it, and so about all in it. Empty at the top."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """The lines of an ignore file, in order."""

    patterns: tuple[Pattern, ...] = ()

    def of(self, path: str, folder: Decided = ()) -> tuple[bool, Decided]:
        """Whether a path is left out, given what was decided of the folder it is in; and what that means for its own."""
        ignored = False
        decided = []
        for number, pattern in enumerate(self.patterns):
            about = folder[number] if folder else False
            if not about and pattern.exception == ignored:
                about = pattern.matches(path) or (not folder and _about_a_parent(pattern, path))
            decided.append(about)
            if about:
                ignored = not pattern.exception
        return ignored, tuple(decided)

    def may_return_below(self, folder: str) -> bool:
        """Whether a folder that is left out may have something in it that is taken back in."""
        exceptions = [pattern for pattern in self.patterns if pattern.exception]
        return not all(p.is_plain for p in exceptions) or any(p.within(folder) for p in exceptions)

    def rule(self, path: str) -> str:
        """The line that leaves a path out, with its place: `*.log` (.dockerignore:3); nothing where it is not left out."""
        ignored, decided = self.of(path)
        last = [p for p, about in zip(self.patterns, decided, strict=True) if about and not p.exception]
        return f"`{last[-1]}` ({last[-1].place})" if ignored else ""

    def then(self, other: "Ignore") -> "Ignore":
        """Both: what the other says comes after, and so decides."""
        return Ignore((*self.patterns, *other.patterns))


NOTHING_IGNORED = Ignore()


def _about_a_parent(pattern: Pattern, path: str) -> bool:
    parts = path.split("/")
    return any(pattern.matches("/".join(parts[:number])) for number in range(1, len(parts)))


def own_ignore_file(dockerfile: str) -> str:
    """The ignore file of a Dockerfile's own, beside it; where it is there it counts, and the folder's does not."""
    return f"{dockerfile}{IGNORE_FILE}"


def read_ignore_file(data: bytes, name: str) -> Ignore:
    """What an ignore file says. InvalidDefinition names every line that Docker could not read, as `name`:line."""
    if len(data) > _LARGEST:
        what = f"the file has {len(data)} bytes; at most {_LARGEST} (1 MiB) are read"
        raise InvalidDefinition([Fault(name, what, "is this the right file?")])
    found: list[Pattern] = []
    faults: list[Fault] = []
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for number, raw in enumerate(lines, 1):
        if len(raw) > _LONGEST:
            faults.append(Fault(f"{name}:{number}", "the line is too long for Docker", "at most 65535 bytes"))
            continue
        line = _trimmed(raw.removesuffix(b"\r").decode("utf-8", "surrogateescape"))
        if not line:
            continue
        try:
            found.append(Pattern.read(line, f"{name}:{number}"))
        except BadPattern as bad:
            faults.append(Fault(f"{name}:{number}", f"no pattern: {line!r}: {bad}", "Docker refuses it, too"))
    if faults:
        raise InvalidDefinition(faults)
    return Ignore(tuple(found))


def _trimmed(line: str) -> str:
    """A line without its surroundings, from the context's top; nothing for a comment."""
    text = "" if line.startswith("#") else line.strip(_SPACES)
    exception = text.startswith("!")
    text = text[1:].strip(_SPACES) if exception else text
    if text:
        text = clean(text)
        text = text[1:] if text.startswith("/") and text != "/" else text
    return f"!{text}" if exception else text
