"""YAML text of plain values, block style: what `formats.nodes.yamlnodes` reads back as the same values."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from envbuild.formats.nodes.yamlnodes import Kind, Scalar, YamlFault, parse_lock

__all__ = ["json_text", "yaml_lines", "yaml_scalar", "yaml_text"]

_OTHERWISE = re.compile(r"=|<<|[-+]?[0-9][0-9_.]*[eE][-+]?[0-9]+|0o[0-7]+|[-+]?[0-9_]+")
"""What another reader takes for a number, a merge or a default: YAML 1.2 has other words than 1.1."""
_PLAIN = re.compile(r"https?://[A-Za-z0-9._/+%-]*[A-Za-z0-9_/]|(?=[0-9]*[acdf])[0-9a-f]{32,128}")
"""An address, a hash: a lock is made of them, and a reader is slow."""
_INDICATORS = "?'\"&*!|>%@`#,[]{}"
_NOT_PRINTED = re.compile(r"[^\t\n\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def yaml_text(value: Mapping[str, Any]) -> str:
    """The document, with a newline at its end."""
    return "\n".join(yaml_lines(value)) + "\n"


def yaml_lines(value: Any, indent: str = "") -> Iterator[str]:
    """The lines of a table or list."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _entry(
                f"{indent}{yaml_scalar(key)}:", item, f"{indent}  " if isinstance(item, Mapping) else indent
            )
        return
    for item in value:
        if isinstance(item, Mapping) and item:
            first, *rest = yaml_lines(item, f"{indent}  ")
            yield f"{indent}- {first.lstrip()}"
            yield from rest
        else:
            yield from _entry(f"{indent}-", item, f"{indent}  ")


def _entry(head: str, item: Any, inner: str) -> Iterator[str]:
    if isinstance(item, Mapping | list | tuple) and item:
        yield head
        yield from yaml_lines(item, inner)
    else:
        yield f"{head} {yaml_scalar(item)}".rstrip()


def yaml_scalar(value: Any) -> str:
    """One value; a text plain where YAML takes it for this text, else in quotes."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value if _is_plain(value) else json_text(value)
        case Mapping():
            return "{}"
        case list() | tuple():
            return "[]"
        case _:
            return json.dumps(value)


@lru_cache(maxsize=4096)
def _is_plain(text: str) -> bool:
    if _PLAIN.fullmatch(text):
        return True
    if not text or not text.isprintable() or text != text.strip() or text[0] in _INDICATORS:
        return False
    # A list's item, a table's key: what reads as one word alone may not do so there.
    if ": " in text or text.endswith(":") or text.startswith(("---", "...")) or _OTHERWISE.fullmatch(text):
        return False
    try:
        node = parse_lock(text)
    except YamlFault:
        return False
    return isinstance(node, Scalar) and node.kind is Kind.TEXT and node.text == text


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON that YAML reads as the same values: characters that YAML has not are escaped, and no other."""
    return _NOT_PRINTED.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, indent=indent, ensure_ascii=False)
    )
