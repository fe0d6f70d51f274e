"""Small repairs of an environment.yml, in its text: comments, order and layout stay as they are.

Each repair is checked before it counts: the new text must say what the old one said and the one thing more, or less. A file
whose layout does not allow that (`dependencies: [pip, {pip: [six]}]` on a line) is left as it is.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from envbuild.definition import DEFAULT_PYTHON
from envbuild.formats.conda.condaspecs import is_only_python, spec_name
from envbuild.formats.conda.environmentyml import AZUREML_PACKAGES
from envbuild.formats.nodes.yamlnodes import Map, Node, Scalar, Sequence, YamlFault, parse, plain

__all__ = ["FIXES", "Change", "fixed", "repairs"]

_CHANNEL = "conda-forge"
_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is changed: why and what. `line`: of what is removed, as it was; of what is added, as it is then."""

    code: str
    what: str
    line: int


@dataclass(frozen=True, slots=True)
class _Edit:
    """Lines that go (numbers from 1), a line that comes before another, and what the file says then."""

    what: str
    meant: Any
    at: int
    gone: frozenset[int] = frozenset()
    new: str | None = None


def fixed(text: str) -> tuple[str, tuple[Change, ...]]:
    """The text with all repairs that it allows, and these. A byte order mark and CRLF stay; idempotent."""
    changes: list[Change] = []
    while (found := _round(text)) != (text, ()):
        text, more = found
        changes += more
    return text, tuple(changes)


def _round(text: str) -> tuple[str, tuple[Change, ...]]:
    """What is removed goes from below, and what is added from above: so every line is one that can be looked up.

    One round is nearly always all: the last package of a list goes only after another one came in.
    """
    changes: list[Change] = []
    for codes, chosen in ((_REMOVING, max), (_ADDING, min)):
        while found := [(edit.at, number, code, edit) for number, (code, edit) in enumerate(_all(text, codes))]:
            _, _, code, edit = chosen(found)
            text = _edited(text, edit)
            changes.append(Change(code, edit.what, edit.at))
    return text, tuple(changes)


def _all(text: str, codes: Iterable[str]) -> Iterator[tuple[str, "_Edit"]]:
    return ((code, edit) for code in codes for edit in _possible(text, code))


def repairs(text: str) -> frozenset[tuple[str, int]]:
    """What can be repaired as it stands: code, and the line that goes, or 0 for what is added."""
    return frozenset((code, edit.at if code in _REMOVING else 0) for code, edit in _all(text, FIXES))


def _possible(text: str, code: str) -> Iterator[_Edit]:
    """The repairs of a code that do what they are to do, and that alone."""
    document = _document(text)
    if not isinstance(document, Map) or not isinstance(document.entries.get("dependencies"), Sequence):
        return
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    for edit in FIXES[code](document, lines):
        after = _document(_edited(text, edit))
        if after is not None and plain(after) == edit.meant:
            yield edit


def _document(text: str) -> Node | None:
    try:
        return parse(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    except YamlFault:
        return None


def _edited(text: str, edit: _Edit) -> str:
    lines = text.split("\n")
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    lines[0] = lines[0].removeprefix("\ufeff")
    end = "\r" if "\r\n" in text else ""
    kept = [line for number, line in enumerate(lines, 1) if number not in edit.gone]
    if edit.new is not None:
        kept.insert(edit.at - 1, edit.new + end)
    return mark + "\n".join(kept)


def _channels(document: Map, lines: list[str]) -> Iterator[_Edit]:
    """`channels:` behind the name, or before what it is for; where it stands there and is empty, its value."""
    said = plain(document)
    if said.get("channels"):
        return
    meant = {**said, "channels": [_CHANNEL]}
    what = f"added the channel {_CHANNEL}"
    if at := document.keys.get("channels"):
        found = re.fullmatch(r"(\s*channels\s*:)(?:\s*(?:\[\s*\]|~|null))?(\s*|\s+#.*)", lines[at - 1])
        if found:
            yield _Edit(what, meant, at, frozenset({at}), f"{found[1]} [{_CHANNEL}]{found[2]}")
        return
    name = document.entries.get("name")
    at = document.keys["name"] + 1 if isinstance(name, Scalar) else document.keys["dependencies"]
    indent = re.match(r"\s*", lines[document.keys["dependencies"] - 1])
    yield _Edit(what, meant, at, new=f"{indent[0] if indent else ''}channels: [{_CHANNEL}]")


def _prefix(document: Map, _lines: list[str]) -> Iterator[_Edit]:
    if at := document.keys.get("prefix"):
        meant = {key: value for key, value in plain(document).items() if key != "prefix"}
        yield _Edit("removed prefix:", meant, at, frozenset({at}))


def _pip(document: Map, lines: list[str]) -> Iterator[_Edit]:
    """`- pip` right before its section."""
    items = _items(document)
    if any(isinstance(item, Scalar) and spec_name(item.text) == "pip" for item in items):
        return
    for place, item in enumerate(items):
        if isinstance(item, Map) and isinstance(section := item.entries.get("pip"), Sequence) and section.items:
            yield from _inserted(document, lines, place, "pip")
            return


def _python(document: Map, lines: list[str]) -> Iterator[_Edit]:
    """The Python that is meant without one, where nothing else comes from conda; before all others."""
    specs = [item.text for item in _items(document) if isinstance(item, Scalar)]
    if is_only_python(specs) and not any(spec_name(spec) == "python" for spec in specs):
        yield from _inserted(document, lines, 0, f"python={DEFAULT_PYTHON}")


def _inserted(document: Map, lines: list[str], place: int, spec: str) -> Iterator[_Edit]:
    """A spec before another of the list, written as that is."""
    items = _items(document)
    said = plain(document)
    if place < len(items) and (dash := re.match(r"\s*-\s+", lines[items[place].line - 1])):
        meant = {**said, "dependencies": [*said["dependencies"][:place], spec, *said["dependencies"][place:]]}
        yield _Edit(f"added {spec} to the dependencies", meant, items[place].line, new=f"{dash[0]}{spec}")


def _ended(document: Map, _lines: list[str]) -> Iterator[_Edit]:
    """Packages of the service that has ended; with the last of a section the section."""
    said = plain(document)["dependencies"]
    for place, item in enumerate(_items(document)):
        if not isinstance(item, Map) or not isinstance(section := item.entries.get("pip"), Sequence):
            continue
        for number, one in enumerate(section.items):
            if not isinstance(one, Scalar) or not _is_ended(one.text):
                continue
            pip = [text for other, text in enumerate(said[place]["pip"]) if other != number]
            gone = {one.line} if pip else {one.line, *item.keys.values()}
            rest = [{**said[place], "pip": pip}] if pip else []
            meant = {**plain(document), "dependencies": [*said[:place], *rest, *said[place + 1 :]]}
            yield _Edit(f"removed {one.text}", meant, one.line, frozenset(gone))


def _is_ended(text: str) -> bool:
    name = _NAME.match(text)
    return name is not None and re.sub(r"[._-]+", "-", name[0]).lower() in AZUREML_PACKAGES


def _items(document: Map) -> tuple[Node, ...]:
    dependencies = document.entries["dependencies"]
    return dependencies.items if isinstance(dependencies, Sequence) else ()


_REMOVING = ("EB112", "EB123")
_ADDING = ("EB111", "EB120", "EB107")
FIXES: Mapping[str, Callable[[Map, list[str]], Iterator[_Edit]]] = {
    "EB107": _pip,
    "EB111": _channels,
    "EB112": _prefix,
    "EB120": _python,
    "EB123": _ended,
}
"""By the code of the finding that each mends."""
