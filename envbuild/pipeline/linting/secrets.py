"""Secrets in a definition: whatever an image holds, everybody has who can pull it."""

import re
from collections.abc import Iterator

from envbuild.definition import Definition, DockerfileBase
from envbuild.pipeline.linting.codes import Finding, found
from envbuild.pipeline.linting.dockerfile import instructions

__all__ = ["secrets"]

_NAME = re.compile(
    r"(?i)(^|_)(password|passwd|pwd|secret|token|api_?key|access_?key|account_?key|private_?key|credentials?)($|_)"
    r"|_(pat|sas)$|(?<!public)(?<!partition)(?<!foreign)(?<!unique)(?<!sort)(?<!cache)(?<!row)_key$"
)
"""`AZURE_STORAGE_KEY`, `DEVOPS_PAT`: what they end with says it; a key of a table, or one that everybody may have, does not."""
_VALUE = re.compile(
    r"(?x) gh[pousr]_[A-Za-z0-9]{30,} | github_pat_[A-Za-z0-9_]{30,} | glpat-[A-Za-z0-9_-]{20,} | (?:AKIA|ASIA)[A-Z0-9]{16}"
    r" | xox[abprs]-[A-Za-z0-9-]{10,} | hf_[A-Za-z0-9]{30,} | pypi-[A-Za-z0-9_-]{50,} | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----"
    r" | \bAccountKey=[A-Za-z0-9+/] | \bSharedAccessSignature[=\ ][^\s$<] | (?<![A-Za-z0-9_])sig=[^\s&$<]"
    r" | (?<=[A-Za-z0-9+.-])://[^/\s:@$]++:[^/\s:@$]++@"
)
_IN_IMAGE = "looks like a secret, and would be in the image for everybody who can pull it"
_IN_HISTORY = "looks like a secret, and is in the image's history for everybody who can pull it"


def secrets(d: Definition) -> Iterator[Finding]:
    """EB103, wherever a definition can hold one. What is found is never repeated."""
    for name, value in d.variables:
        if _is_secret(name, value):
            yield found("EB103", "variables", name, _IN_IMAGE)
    for number, command in enumerate(d.run):
        if _VALUE.search(command):
            yield found("EB103", "run", f"run[{number}]", _IN_HISTORY)
    if isinstance(d.base, DockerfileBase):
        yield from _in_dockerfile(d.base)


def _is_secret(name: str, value: str) -> bool:
    return bool(value) and not value.startswith("$") and bool(_NAME.search(name) or _VALUE.search(value))


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
