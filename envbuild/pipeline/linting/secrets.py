"""Secrets in a definition: whatever an image holds, everybody has who can pull it."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

from packaging.requirements import Requirement

from envbuild.definition import Definition, DockerfileBase
from envbuild.pipeline.linting.codes import Finding, found
from envbuild.pipeline.linting.dockerfile import instructions

__all__ = ["secrets"]

_NAME = re.compile(
    r"(?i)(^|_)(password|passwd|pwd|secret|token|api_?key|access_?key|account_?key|private_?key|credentials?)($|_)"
)
_VALUE = re.compile(
    r"(?x) gh[pousr]_[A-Za-z0-9]{30,} | github_pat_[A-Za-z0-9_]{30,} | glpat-[A-Za-z0-9_-]{20,} | (?:AKIA|ASIA)[A-Z0-9]{16}"
    r" | xox[abprs]-[A-Za-z0-9-]{10,} | hf_[A-Za-z0-9]{30,} | pypi-[A-Za-z0-9_-]{50,} | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----"
    r" | AccountKey=[A-Za-z0-9+/=]{40,} | (?<=[a-z0-9+.-])://[^/\s:@$]++:[^/\s:@$]++@"
)
_QUERY_NAME = re.compile(r"(?i)sig|signature|key|auth|x_amz_(signature|security_token)")
"""Beside those above: a signed URL is a password (Azure's shared access signatures, S3's presigned URLs)."""

_IN_IMAGE = "looks like a secret, and would be in the image for everybody who can pull it"
_IN_URL = "its URL holds what looks like a secret, and stands in the definition and in its lock"
_IN_HISTORY = "looks like a secret, and is in the image's history for everybody who can pull it"


def secrets(d: Definition) -> Iterator[Finding]:
    """EB103, wherever a definition can hold one. What is found is never repeated."""
    for name, value in d.variables:
        if _is_secret(name, value):
            yield found("EB103", "variables", name, _IN_IMAGE)
    for number, command in enumerate(d.run):
        if _VALUE.search(command):
            yield found("EB103", "run", f"run[{number}]", _IN_HISTORY)
    yield from _in_urls(d)
    if isinstance(d.base, DockerfileBase):
        yield from _in_dockerfile(d.base)


def _is_secret(name: str, value: str) -> bool:
    return bool(value) and not value.startswith("$") and bool(_NAME.search(name) or _VALUE.search(value))


def _in_urls(d: Definition) -> Iterator[Finding]:
    remedy = "envbuild login URL, or .netrc"
    for index in d.indexes:
        if _in_query(index.url):
            yield found("EB103", "index", index.name, _IN_URL, remedy=remedy)
    for requirement in d.pypi:
        parsed = Requirement(requirement.text)
        if parsed.url and _in_query(parsed.url):
            yield found("EB103", "pypi", parsed.name, _IN_URL, remedy=remedy)


def _in_query(url: str) -> bool:
    parts = parse_qsl(urlsplit(url).query)
    names = ((name.replace("-", "_"), value) for name, value in parts)
    return any(_is_secret(name, value) or (value and _QUERY_NAME.fullmatch(name)) for name, value in names)


def _in_dockerfile(base: DockerfileBase) -> Iterator[Finding]:
    for name, value in base.arguments:
        if _is_secret(name, value):
            remedy = "a build secret: RUN --mount=type=secret"
            yield found("EB103", "base.arguments", name, _IN_HISTORY, remedy=remedy)
    for one in instructions(base.dockerfile):
        if one.keyword in ("ENV", "ARG"):
            for name, value in one.pairs():
                if _is_secret(name, value):
                    yield found("EB103", "base.dockerfile", f"{one.keyword} {name}", _IN_IMAGE, line=one.line)
        elif _VALUE.search(one.rest):
            yield found("EB103", "base.dockerfile", one.keyword, _IN_HISTORY, line=one.line)
