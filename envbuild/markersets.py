"""`MarkerSets`: environment markers (PEP 508) as sets of the environments that images of one Python can have.

Every image is Linux and CPython, and its definition names the minor version: that much of a marker is decided here. What
stays open is the machine and the release of that Python, which the base or a lock decides. An environment is one of the
machines with a run of releases that no marker tells apart, so a set of them is a bit mask: `&` is "and", `|` is "or",
nothing grows, and a set has one text, however the markers that it is of were written.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.specifiers import SpecifierSet

from envbuild.platforms import MACHINES, Platform

__all__ = ["MarkerSets", "marker_environment"]

_OPEN = re.compile(r"\b(?:python_full_version|implementation_version|platform_machine)\b")
_EXTRA = re.compile(r"""\bextra\s*(==|!=)\s*(?:'([^']*)'|"([^"]*)")|(?:'([^']*)'|"([^"]*)")\s*(==|!=)\s*extra\b""")
_WORD = r"""(?:'[^']*'|"[^"]*"|[a-z_]+)"""
_TOKEN = re.compile(rf"\s*(?:[()]|(?:and|or)\b|{_WORD}\s*(?:[<>=!~]=?=?|in\b|not\s+in\b)\s*{_WORD})\s*")
_WORDS = ("(", ")", "and", "or")
_DEEPEST = 100
_LONGEST = 100_000
_TRUE, _FALSE = 'os_name == "posix"', 'os_name != "posix"'


def marker_environment(machine: str, python: str) -> dict[str, Any]:
    """The variables of PEP 508, and of PEP 751's markers, in an image with this release of Python (`3.11.2`)."""
    return {
        "implementation_name": "cpython",
        "implementation_version": python,
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": python,
        "python_version": ".".join(python.split(".")[:2]),
        "sys_platform": "linux",
        "extra": "",
        "extras": frozenset(),
        "dependency_groups": frozenset(),
    }


def _no_extra(_name: str) -> bool:
    return False


class MarkerSets:
    """Markers as sets, for one Python."""

    def __init__(
        self,
        python: str,
        markers: Iterable[str],
        allowed: str = "",
        *,
        extras: Iterable[str] = (),
        groups: Iterable[str] = (),
    ) -> None:
        """`python`: the minor version (`3.11`), or one release of it (`3.11.9`), which leaves the machine alone open.

        `markers`: all that will be asked for: the releases they name are told apart.

        `allowed`: a Requires-Python; where it excludes a release, nothing is asked and nothing is said. `extras` and
        `groups` are PEP 751's, which a lock is installed with.
        """
        self._releases = [python] if python.count(".") > 1 else _releases(python, markers, allowed)
        self._worlds = [
            marker_environment(machine, release) | {"extras": frozenset(extras), "dependency_groups": frozenset(groups)}
            for machine in MACHINES
            for release in self._releases
        ]
        self.all = (1 << len(self._worlds)) - 1
        """Every environment."""
        self._known: dict[str, int] = {"": self.all}

    def of(self, marker: str, has_extra: Callable[[str], bool] = _no_extra) -> int:
        """The environments in which a marker holds; `has_extra` says which extras `extra == "..."` means.

        ValueError where it is no marker.
        """
        if len(marker) > _LONGEST:
            raise ValueError(f"longer than {_LONGEST:,} characters")
        text = _EXTRA.sub(lambda found: _decided(found, has_extra), marker) if "extra" in marker else marker
        known = self._known.get(text)
        if known is None:
            try:
                tokens = _Tokens(text)
                known = self._either(tokens)
                tokens.end()
            except _Unusual:
                known = self._evaluated(text)
            self._known[text] = known
        return known

    def on(self, platforms: Iterable[Platform]) -> int:
        """The environments of some platforms."""
        machines = {platform.machine for platform in platforms}
        return sum(1 << n for n, world in enumerate(self._worlds) if world["platform_machine"] in machines)

    def text(self, found: int) -> str:
        """The one marker that holds in these environments alone; nothing where it is all of them."""
        per_machine = [self._runs(found, number) for number in range(len(MACHINES))]
        if found == self.all:
            return ""
        if all(runs == per_machine[0] for runs in per_machine):
            return _any_of(per_machine[0])
        return _any_of(
            [_with(f'platform_machine == "{m}"', runs) for m, runs in zip(MACHINES, per_machine, strict=True) if runs]
        )

    def _either(self, tokens: "_Tokens") -> int:
        found = self._both(tokens)
        while tokens.take("or"):
            found |= self._both(tokens)
        return found

    def _both(self, tokens: "_Tokens") -> int:
        found = self._one(tokens)
        while tokens.take("and"):
            found &= self._one(tokens)
        return found

    def _one(self, tokens: "_Tokens") -> int:
        if not tokens.take("("):
            # A lock has thousands of markers, and few comparisons that they are made of.
            text = tokens.comparison()
            return self._known[text] if text in self._known else self._known.setdefault(text, self._evaluated(text))
        found = self._either(tokens)
        if not tokens.take(")"):
            raise _Unusual
        return found

    def _evaluated(self, text: str) -> int:
        try:
            marker = Marker(text)
            if not _OPEN.search(text):
                return self.all if marker.evaluate(self._worlds[0], "lock_file") else 0
            return sum(1 << n for n, world in enumerate(self._worlds) if marker.evaluate(world, "lock_file"))
        except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName) as error:
            raise ValueError(str(error).partition("\n")[0]) from None
        except RecursionError:
            raise ValueError("nested too deeply") from None

    def _runs(self, found: int, machine: int) -> list[str]:
        """The runs of releases on one machine, each as a marker (empty: all releases)."""
        count = len(self._releases)
        bits = [bool(found >> (machine * count + number) & 1) for number in range(count)]
        return [self._between(first, last) for first, last in _stretches(bits)]

    def _between(self, first: int, last: int) -> str:
        bounds = []
        if first:
            bounds.append(f'python_full_version >= "{self._releases[first]}"')
        if last + 1 < len(self._releases):
            bounds.append(f'python_full_version < "{self._releases[last + 1]}"')
        return " and ".join(bounds)


def _releases(python: str, markers: Iterable[str], allowed: str) -> list[str]:
    """The first release of each run of a minor version's releases that these markers, and a Requires-Python, tell apart."""
    release = re.compile(rf"\b{re.escape(python)}\.(\d{{1,4}})")
    named = {int(patch) for text in (*markers, allowed) for patch in release.findall(text)}
    starts = [f"{python}.{patch}" for patch in sorted({0, *named, *(patch + 1 for patch in named)})]
    specifiers = SpecifierSet(allowed)
    return [start for start in starts if specifiers.contains(start, prereleases=True)] or starts


class _Unusual(Exception):
    """A marker that is to be read by packaging as a whole, which also says what is wrong with it."""


class _Tokens:
    """A marker's brackets, words and comparisons, in order."""

    def __init__(self, text: str) -> None:
        found, end = [], 0
        # From where the last one ended, and nowhere else: a search would try each blank of a long run.
        while end < len(text) and (one := _TOKEN.match(text, end)):
            found.append(one[0].strip())
            end = one.end()
        if end < len(text) or text.count("(") > _DEEPEST:
            raise _Unusual
        self._left = found[::-1]

    def take(self, word: str) -> bool:
        """Whether the next one is this; it is then behind us."""
        if self._left and self._left[-1] == word:
            self._left.pop()
            return True
        return False

    def comparison(self) -> str:
        """The next one, which is a comparison."""
        if not self._left or self._left[-1] in _WORDS:
            raise _Unusual
        return self._left.pop()

    def end(self) -> None:
        """Nothing is left."""
        if self._left:
            raise _Unusual


def _decided(found: re.Match[str], has_extra: Callable[[str], bool]) -> str:
    name = next((word for word in found.group(2, 3, 4, 5) if word is not None), "")
    return _TRUE if has_extra(name) == ((found[1] or found[6]) == "==") else _FALSE


def _stretches(bits: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """First and last of each stretch of true bits."""
    first = -1
    for number, bit in enumerate([*bits, False]):
        if bit and first < 0:
            first = number
        elif not bit and first >= 0:
            yield first, number - 1
            first = -1


def _any_of(markers: Sequence[str]) -> str:
    return " or ".join(markers)


def _with(marker: str, runs: Sequence[str]) -> str:
    if runs == [""]:
        return marker
    more = _any_of(runs)
    return f"{marker} and ({more})" if len(runs) > 1 else f"{marker} and {more}"
