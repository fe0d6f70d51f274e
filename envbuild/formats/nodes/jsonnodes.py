"""A JSON document as nodes with their lines: YAML reads nearly all of JSON, and knows where everything stands."""

import json
import re

from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.nodes.yamlfile import parsed
from envbuild.formats.nodes.yamlnodes import Node
from envbuild.formats.sourcefile import Loader, load_text

__all__ = ["load_json"]

_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_INDENT = re.compile(r"(?m)^[ \t]+")


def load_json(path: str, load: Loader) -> Node | None:
    """The document of a JSON file. UsageError: it cannot be read; InvalidDefinition: it is no JSON, with the line."""
    text = load_text(path, load)
    _only_json(text, path)
    return parsed(_as_yaml(text), path)


def _as_yaml(text: str) -> str:
    """The same document where the two differ: characters written as two escapes (RFC 8259, 7), tabs as indent, DEL."""
    joined = _PAIR.sub(lambda found: found[1] + _character(found[2], found[3]), text)
    return _INDENT.sub(lambda found: found[0].replace("\t", "  "), joined).replace("\x7f", "\\x7f")


def _character(high: str, low: str) -> str:
    return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00)


def _only_json(text: str, path: str) -> None:
    """Nothing where it is JSON. YAML allows more: a comma too much, words without quotes, NaN."""
    try:
        json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        what = f"this is no JSON: {error.msg[:1].lower()}{error.msg[1:]} at column {error.colno}"
        hint = "is a comma, a quote or a bracket wrong?"
        raise InvalidDefinition([Fault(f"{path}:{error.lineno}", what, hint)]) from None
    except RecursionError:
        raise InvalidDefinition([Fault(path, "nested too deeply", "AzureML's own has five levels")]) from None
    except ValueError as error:
        raise InvalidDefinition([Fault(path, str(error), "leave the key out, or give a value")]) from None


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no value in JSON")
