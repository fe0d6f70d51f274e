"""What one of conda's sources says: a file of YAML, or the CONDA_* variables; and how several of them merge.

The rules are conda's ("Using the .condarc conda configuration file", conflict merging strategy): of single values the
last source counts, lists and tables are joined, the last source's words first. `#!final` behind a key ends the
merging there; `#!top` and `#!bottom` behind a word of a list put it first or last.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from envbuild.errors import EnvironmentFault
from envbuild.formats.nodes.yamlnodes import Kind, Map, Node, Scalar, YamlFault, parse
from envbuild.formats.nodes.yamlnodes import Sequence as Listed

__all__ = ["Said", "Word", "from_file", "from_variables", "last", "merged", "table"]

_MARK = re.compile(r"(?:^|\s)#\s*!(final|top|bottom)\s*$")
_VARIABLE = re.compile(r"\$(?:\{([^}]*)\}|(\w+))")


class _Shape(StrEnum):
    WORD = "one word"
    LIST = "a list of words"
    TABLE = "a table of words"
    TABLE_OF_LISTS = "a table of lists"


_SHAPES: Mapping[str, _Shape] = MappingProxyType(
    {
        "channel_alias": _Shape.WORD,
        "client_ssl_cert": _Shape.WORD,
        "client_ssl_cert_key": _Shape.WORD,
        "offline": _Shape.WORD,
        "remote_read_timeout_secs": _Shape.WORD,
        "ssl_verify": _Shape.WORD,
        "channels": _Shape.LIST,
        "default_channels": _Shape.LIST,
        "envs_dirs": _Shape.LIST,
        "migrated_channel_aliases": _Shape.LIST,
        "custom_channels": _Shape.TABLE,
        "proxy_servers": _Shape.TABLE,
        "custom_multichannels": _Shape.TABLE_OF_LISTS,
        "mirrored_channels": _Shape.TABLE_OF_LISTS,
    }
)
"""What is read, all else is conda's own affair; `mirrored_channels` is mamba's."""
_OTHER_NAMES = {
    "channel": "channels",
    "verify_ssl": "ssl_verify",
    "client_cert": "client_ssl_cert",
    "client_cert_key": "client_ssl_cert_key",
    "envs_path": "envs_dirs",
}


@dataclass(frozen=True, slots=True)
class Word:
    """A value as text; `place` is file:line or a variable's name, `mark` what stands behind it (`top`, `bottom`)."""

    text: str = field(repr=False)
    place: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What a source says for one key: words (one, where the key takes one), or a table of the same."""

    place: str
    words: tuple[Word, ...] = ()
    entries: Mapping[str, "Said"] = field(default_factory=dict)
    final: bool = False


def from_file(text: str, path: str, environ: Mapping[str, str]) -> dict[str, Said]:
    """By key; variables in values (`${TOKEN}`) are filled in. EnvironmentFault names the line of what is no condarc."""
    try:
        node = parse(text)
    except YamlFault as fault:
        raise EnvironmentFault(fault.what, at=f"{path}:{fault.line}", hint=fault.hint) from None
    if node is None:
        return {}
    if not isinstance(node, Map):
        raise _misshapen(path, node.line, "the file", "a table: `channels:` and so on")
    reader = _Reader(path, text.split("\n"), environ)
    found: dict[str, Said] = {}
    for key, value in node.entries.items():
        name = _OTHER_NAMES.get(key, key)
        if name not in _SHAPES or (name != key and name in node.entries) or _is_nothing(value):
            continue
        found[name] = reader.said(key, value, node.keys[key], _SHAPES[name])
    return found


def from_variables(environ: Mapping[str, str]) -> dict[str, Said]:
    """Of CONDA_CHANNELS and the like; a list is divided by commas, a table cannot be said."""
    found: dict[str, Said] = {}
    for name in (*_OTHER_NAMES, *_SHAPES):
        key, variable = _OTHER_NAMES.get(name, name), f"CONDA_{name.upper()}"
        text = environ.get(variable, "").strip()
        shape = _SHAPES[key]
        if text and shape in (_Shape.WORD, _Shape.LIST):
            parts = text.split(",") if shape is _Shape.LIST else [text.partition("!important")[0]]
            words = tuple(Word(part.strip(), variable) for part in parts if part.strip())
            found[key] = Said(variable, words, final="!important" in text and shape is _Shape.WORD)
    return found


def last(said: Sequence[Said]) -> Word | None:
    """Of single values, weakest source first, the one that counts."""
    chosen = next((one for one in said if one.final), None) or next(iter(reversed(said)), None)
    return chosen.words[0] if chosen and chosen.words else None


def merged(said: Sequence[Said]) -> tuple[Word, ...]:
    """Of lists, weakest source first: the words of the strongest first, each text once."""
    heard = list(_heard(said))
    top = [word for one in heard for word in one.words if word.mark == "top"]
    bottom = [word for one in reversed(heard) for word in one.words if word.mark == "bottom"]
    rest = [word for one in reversed(heard) for word in one.words]
    ahead = _once([*top, *rest])
    return tuple(reversed(_once([*reversed(bottom), *reversed(ahead)])))


def table(said: Sequence[Said]) -> dict[str, list[Said]]:
    """Of tables: what each source says for each name, weakest first."""
    found: dict[str, list[Said]] = {}
    for one in _heard(said):
        for name, entry in one.entries.items():
            found.setdefault(name, []).append(entry)
    return found


def _heard(said: Sequence[Said]) -> Iterator[Said]:
    """Up to and with the first that is final."""
    for one in said:
        yield one
        if one.final:
            return


def _once(words: Iterable[Word]) -> list[Word]:
    found: dict[str, Word] = {}
    for word in words:
        found.setdefault(word.text, word)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Reader:
    path: str
    lines: Sequence[str]
    environ: Mapping[str, str]

    def said(self, name: str, node: Node, line: int, shape: _Shape) -> Said:
        final = self._mark(line) == "final"
        match shape:
            case _Shape.WORD:
                return Said(self._place(line), (self._word(name, node),), final=final)
            case _Shape.LIST:
                if not isinstance(node, Listed):
                    raise _misshapen(self.path, line, name, f"{shape}, each in a line of its own: `- WORD`")
                return Said(self._place(line), tuple(self._word(name, item) for item in node.items), final=final)
            case _Shape.TABLE | _Shape.TABLE_OF_LISTS:
                if not isinstance(node, Map):
                    raise _misshapen(self.path, line, name, f"{shape}, each in a line of its own: `NAME: WORD`")
                inner = _Shape.WORD if shape is _Shape.TABLE else _Shape.LIST
                entries = {
                    key: self.said(f"{name}.{key}", value, node.keys[key], inner)
                    for key, value in node.entries.items()
                    if not _is_nothing(value)
                }
                return Said(self._place(line), entries=entries, final=final)

    def _word(self, name: str, node: Node) -> Word:
        if not isinstance(node, Scalar):
            raise _misshapen(self.path, node.line, name, "a word")
        mark = self._mark(node.line)
        return Word(self._filled(node.text.strip()), self._place(node.line), mark if mark != "final" else "")

    def _filled(self, text: str) -> str:
        """With the values of variables; one that is not set stays as it is written."""
        return _VARIABLE.sub(lambda found: self.environ.get(found[1] or found[2], found[0]), text)

    def _place(self, line: int) -> str:
        return f"{self.path}:{line}"

    def _mark(self, line: int) -> str:
        found = _MARK.search(self.lines[line - 1]) if line <= len(self.lines) else None
        return found[1] if found else ""


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and node.kind is Kind.NOTHING


def _misshapen(path: str, line: int, name: str, wanted: str) -> EnvironmentFault:
    return EnvironmentFault(f"{name}: conda takes something else here", at=f"{path}:{line}", hint=f"it is {wanted}")
