"""Whether a Pipfile.lock is of the Pipfile beside it: by the hash that pipenv writes into the lock (`_meta.hash`)."""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from packaging.utils import canonicalize_name

from envbuild.indexurl import PUBLIC_INDEX

__all__ = ["is_hash_of"]

_SECTIONS = {"source", "packages", "dev-packages", "requires", "scripts", "pipfile", "pipenv", "default", "develop"}
_PYPI = {"name": "pypi", "url": PUBLIC_INDEX, "verify_ssl": True}


def is_hash_of(pipfile: Mapping[str, Any], wanted: str) -> bool:
    """Whether this is the hash of a Pipfile, in one of the forms that pipenv's versions had. True where it cannot be told."""
    try:
        return wanted in {_hash(pipfile, names) for names in (str, canonicalize_name)}
    except TypeError:
        return True


def _hash(pipfile: Mapping[str, Any], named: Callable[[str], str]) -> str:
    """As plette's Pipfile.get_hash has it; newer pipenv takes packages by their normalized names (PEP 503)."""
    data: dict[str, Any] = {
        "_meta": {"sources": pipfile.get("source", [_PYPI]), "requires": pipfile.get("requires", {})},
        "default": _packages(pipfile.get("packages", {}), named),
        "develop": _packages(pipfile.get("dev-packages", {}), named),
    }
    data |= {key: _packages(value, named) for key, value in pipfile.items() if key not in _SECTIONS}
    return sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _packages(value: Any, named: Callable[[str], str]) -> Any:
    return {named(name): one for name, one in value.items()} if isinstance(value, dict) else value
