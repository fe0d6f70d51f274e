"""JSON inside a package: parsed strictly, and its fields taken with their types."""

import json
import re
from typing import Any, NoReturn

from envbuild.layers.conda.condafault import bad_package

__all__ = ["number_of", "object_of", "text_of", "texts_of"]


_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
"""Half a character, unless the other half stands behind it."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def object_of(document: bytes, file: str) -> dict[str, Any]:
    """The object that a document holds. IntegrityError where it is none, is not UTF-8, or says something twice."""
    try:
        value = json.loads(document.decode(), object_pairs_hook=_once, parse_constant=_no_number)
        if _SURROGATE.search(document):
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as fault:
        raise bad_package(f"the package's {file} is no valid JSON: {fault}") from fault
    if not isinstance(value, dict):
        raise bad_package(f"the package's {file} is no JSON object")
    return value


def text_of(record: dict[str, Any], field: str, file: str, default: str | None = None) -> str:
    """A field that is a string; `default` where it is not there, or null. IntegrityError where that is nothing too."""
    value = record.get(field)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise bad_package(f"the package's {file} has a {field} that is no text: {value!r}")
    return value


def texts_of(record: dict[str, Any], field: str, file: str) -> tuple[str, ...]:
    """A field that is a list of strings; nothing where it is not there. IntegrityError for anything else."""
    value = record.get(field)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise bad_package(f"the package's {file} has a {field} that is no list of texts")
    if any(map(_CONTROL.search, value)):
        raise bad_package(f"the package's {file} has a {field} with a control character")
    return tuple(value)


def number_of(record: dict[str, Any], field: str, file: str) -> int | None:
    """A field that is a whole number, not negative; None where it is not there. IntegrityError for anything else."""
    value = record.get(field)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise bad_package(f"the package's {file} has a {field} that is no number: {value!r}")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a field is there twice")
    return record


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")
