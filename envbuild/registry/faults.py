"""A registry's refusals in words: what it said, bounded and without control characters, and what to do next."""

import json
from collections.abc import Mapping
from typing import Any

from envbuild.errors import EnvironmentFault
from envbuild.http.faults import PASSING

__all__ = ["BlobUnknown", "LoginRefused", "codes_of", "fault_of", "is_absence", "not_a_registry", "said"]

_LONGEST = 300
_BLOB_UNKNOWN = frozenset({"MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"})
_ABSENT = frozenset({"BLOB_UNKNOWN", "MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND", "UNKNOWN"})


class BlobUnknown(EnvironmentFault):
    """A manifest names a blob that the registry does not have (any more)."""


class LoginRefused(EnvironmentFault):
    """The registry, or its token service, does not take the login, or wants one."""


def codes_of(body: bytes) -> frozenset[str]:
    """The error codes in a registry's answer (distribution specification, "Error Codes")."""
    return frozenset(str(e["code"]) for e in _errors(body) if "code" in e)


def said(body: bytes) -> str:
    """What the registry says in its own words; nothing where it says nothing."""
    parts = []
    for error in _errors(body):
        detail = error.get("detail")
        words = [str(error.get("code", "")), str(error.get("message", ""))]
        words += [detail] if isinstance(detail, str) else []
        parts.append(": ".join(w for w in words if w))
    return "".join(c if c.isprintable() else " " for c in "; ".join(parts))[:_LONGEST]


def is_absence(body: bytes) -> bool:
    """Whether a 404 says that the thing is not there, and not that somebody else answered."""
    return bool(codes_of(body) & _ABSENT)


def not_a_registry(host: str, what: str, headers: Mapping[str, str]) -> EnvironmentFault:
    """Somebody answered, but no registry: a login page, a proxy's notice."""
    kind = headers.get("content-type", "").partition(";")[0] or "no type"
    return EnvironmentFault(
        f"{what}: this is not a registry's answer ({kind})",
        at=host,
        hint="is the address right? A login page or a proxy?",
    )


def fault_of(status: int, host: str, action: str, body: bytes) -> EnvironmentFault:
    """A status that ends a request. `action` is what was tried: `pushing team/train:v2`."""
    words = said(body)
    told = f"{action}: {words} ({status})" if words else f"{action}: the registry answered with {status}"
    codes = codes_of(body)
    if status == 401:
        return LoginRefused(told, at=host, hint=_hint(status, host))
    lacking = "MANIFEST_INVALID" in codes and "blob unknown" in words.lower()
    if (codes & _BLOB_UNKNOWN or lacking) and status in (400, 404, 422):
        return BlobUnknown(told, at=host, hint="try again")
    if "immutable" in words.lower() or status == 409:
        return EnvironmentFault(told, at=host, hint="this tag may not be changed there: choose another one")
    return EnvironmentFault(told, at=host, hint=_HINTS.get(status, _hint(status, host)))


_HINTS = {
    403: "this login has no right to do that there",
    404: "is the name right? Some registries want a repository to be made before the first push",
    405: "the registry does not allow that",
    413: "the registry takes nothing of this size",
    429: "too many requests: try again later",
}


def _hint(status: int, host: str) -> str:
    if status == 401:
        return f"log in: envbuild login {host}, or docker login {host}"
    if status >= 500:
        return "the registry's fault; try again later"
    return "try again later" if status in PASSING else "is the address right, and does a registry answer there?"


def _errors(body: bytes) -> list[dict[str, Any]]:
    try:
        found = json.loads(body)["errors"]
        return [e for e in found if isinstance(e, dict)] if isinstance(found, list) else []
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
