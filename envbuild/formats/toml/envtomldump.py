"""A definition as envbuild.toml: what `envtoml` reads back as the same definition."""

import json
from collections.abc import Iterable, Iterator, Mapping

from envbuild.definition import (
    DEFAULT_PYTHON,
    NEWEST_LAYOUT,
    Base,
    DebianBase,
    Definition,
    ImageBase,
    Index,
    Requirement,
)
from envbuild.formats.toml.envtoml import FORMAT
from envbuild.platforms import LINUX_AMD64

__all__ = ["envbuild_toml"]

_DEFAULT = Definition()


def envbuild_toml(definition: Definition) -> str:
    """The text: keys first, then tables; what is as it is by default is left out. Credentials are in no definition."""
    d = definition
    keys = {
        "format": FORMAT,
        "name": d.name,
        "description": d.description,
        "python": d.python,
        "interpreter": d.interpreter,
        "pypi": [_requirement(r) for r in d.pypi],
        "constraints": [_text(text) for text in d.constraints],
        "no-deps": d.no_deps or "",
        "project": d.project.path if d.project else "",
        "conda": [_text(text) for text in d.conda],
        "channels": [_text(text) for text in d.channels],
        "channel-priority": d.channel_priority if d.channel_priority != _DEFAULT.channel_priority else "",
        "system": [_text(text) for text in d.system],
        "platforms": [_text(str(p)) for p in d.platforms] if d.platforms != (LINUX_AMD64,) else [],
        "sdists": d.sdists if d.sdists != _DEFAULT.sdists else "",
        "accelerator": d.accelerator,
        "user": d.user,
        "workdir": d.workdir,
        "entrypoint": [_text(text) for text in d.entrypoint],
        "activate": d.activate or "",
        "run": [_text(text) for text in d.run],
        "bytecode": d.bytecode if d.bytecode != _DEFAULT.bytecode else "",
        "layout": d.layout if d.layout != NEWEST_LAYOUT else "",
    }
    lines = [f"{key} = {_value(value)}" for key, value in keys.items() if value not in ("", [])]
    return "\n".join([*lines, *_tables(d)]) + "\n"


def _tables(d: Definition) -> Iterator[str]:
    if d.base != DebianBase() or d.python not in (DEFAULT_PYTHON, ""):
        yield from ["", "[base]", *_base(d.base)]
    for name, pairs in (("tags", d.tags), ("virtual-packages", d.virtual_packages), ("variables", d.variables)):
        if pairs:
            yield from _table(name, dict(pairs))
    for index in d.indexes:
        if index != Index("pypi"):
            yield from _index(index)
    for step in d.copy:
        yield from ["", "[[copy]]", f"from = {_text(step.source)}", f"to = {_text(step.target)}"]


def _table(name: str, pairs: Mapping[str, str]) -> Iterator[str]:
    yield ""
    yield f"[{name}]"
    for key, value in pairs.items():
        yield f"{_key(key)} = {_text(value)}"


def _index(index: Index) -> Iterator[str]:
    yield ""
    yield "[[index]]"
    yield f"name = {_text(index.name)}"
    if index.url:
        yield f"url = {_text(index.url)}"
    if index.explicit:
        yield "explicit = true"
    if index.packages:
        yield f"packages = {_list(map(_text, index.packages))}"


def _base(base: Base) -> Iterator[str]:
    if isinstance(base, DebianBase):
        yield f"debian = {_text(base.suite)}"
    elif isinstance(base, ImageBase):
        yield f"image = {_text(base.reference)}"
    else:
        yield f"dockerfile = {_text(base.path)}" if base.path else f"dockerfile-text = {_long_text(base.dockerfile)}"
        if base.context is not None:
            yield f"context = {_text(base.context.folder)}"
        if base.arguments:
            pairs = ", ".join(f"{_key(name)} = {_text(value)}" for name, value in base.arguments)
            yield f"arguments = {{ {pairs} }}"
        if base.target:
            yield f"target = {_text(base.target)}"


def _requirement(requirement: Requirement) -> str:
    name, at, place = requirement.text.partition(" @ ")
    if at:
        # Hashes of a direct reference stand in its URL: beside it, all others would need some, too.
        url, semicolon, marker = place.partition(" ; ")
        hashes = "&".join(one.replace(":", "=", 1) for one in requirement.hashes)
        return _text(f"{name} @ {url}{f'#{hashes}' if hashes else ''}{semicolon}{marker}")
    if not requirement.hashes:
        return _text(requirement.text)
    return f"{{ requirement = {_text(requirement.text)}, hashes = {_list(map(_text, requirement.hashes))} }}"


def _value(value: object) -> str:
    match value:
        case list():
            return _list(value)
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case _:
            return _text(str(value))


def _list(items: Iterable[str]) -> str:
    """In one line where it is short."""
    texts = list(items)
    line = f"[{', '.join(texts)}]"
    return line if len(line) <= 100 else "[\n" + "".join(f"    {text},\n" for text in texts) + "]"


def _text(text: str) -> str:
    """A basic string (TOML 1.0): JSON's escapes are among its own. What is not printable is escaped, too: it is to be read."""
    return "".join(c if c.isprintable() else _escape(ord(c)) for c in json.dumps(text, ensure_ascii=False))


def _escape(point: int) -> str:
    return rf"\u{point:04x}" if point < 1 << 16 else rf"\U{point:08x}"


def _long_text(text: str) -> str:
    """A text of several lines as it stands, where TOML has a form for it (multi-line literal strings)."""
    literal = "'''" not in text and not text.endswith("'") and all(c.isprintable() or c in "\n\t" for c in text)
    return f"'''\n{text}'''" if literal and "\n" in text else _text(text)


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _text(key)
