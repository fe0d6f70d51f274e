"""Names of images and repositories, as the OCI distribution specification and engines write them."""

import re
from dataclasses import dataclass
from typing import Self

from envbuild.digest import Digest

__all__ = ["HUB", "RULE", "Reference", "holds_login", "is_host"]

RULE = "NAME[:TAG], the name in lower case: train, train:v2, registry.example:5000/team/train"
"""How a name is written, for people."""

HUB = "docker.io"
"""The registry that engines mean where a name has none."""

_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST = r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|\[[0-9a-fA-F:]+\]|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?=:))(?::[0-9]{1,5})?"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_REFERENCE = re.compile(rf"(?:({_HOST})/)?({_PART}(?:/{_PART})*)(?::({_TAG}))?(?:@(sha256:[0-9a-f]{{64}}))?")
_DIGEST = re.compile(r"@sha[0-9]+:[^/@]*$")
_LONGEST_NAME = 255
_HUBS = frozenset({HUB, "index.docker.io"})
"""Two names of one registry (moby, `distribution/reference`: the second is its name of before)."""


def holds_login(text: str) -> bool:
    """Whether a name, or a registry's address, holds a login: `user:password@host/name`. Nothing of it is shown then."""
    return "@" in _DIGEST.sub("", text)


def is_host(text: str) -> bool:
    """Whether a text is a registry's `host` or `host:port`, as it stands before a name."""
    return re.fullmatch(_HOST, text) is not None


@dataclass(frozen=True, slots=True)
class Reference:
    """`registry` is `host` or `host:port`, empty where the text names none; no tag and no digest where it has none."""

    registry: str
    repository: str
    tag: str = ""
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The reference that `text` is. ValueError where it is none (distribution specification, "Pulling manifests").

        What it says never shows a login.
        """
        if holds_login(text):
            raise ValueError("a login stands in the image's name; leave it out: envbuild login HOST keeps it")
        found = _REFERENCE.fullmatch(text)
        if not found or len(found[1] or "") + len(found[2]) >= _LONGEST_NAME:
            raise ValueError(f"not an image name: {text!r}; {RULE}")
        registry, repository, tag, digest = found.groups()
        return cls(registry or "", repository, tag or "", Digest.parse(digest) if digest else None)

    @property
    def full(self) -> "Reference":
        """As engines write it in full, its host in small letters: `docker.io/library/train:latest` of `train`."""
        registry = self.registry.lower() or HUB
        registry = HUB if registry in _HUBS else registry
        repository = self.repository
        if registry == HUB and "/" not in repository:
            repository = f"library/{repository}"
        tag = self.tag or ("" if self.digest else "latest")
        return Reference(registry, repository, tag, self.digest)

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}" if self.registry else self.repository

    @property
    def is_repository(self) -> bool:
        """Whether it names a registry's repository, and no image in it."""
        return bool(self.registry) and not self.tag and self.digest is None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}{f'@{self.digest}' if self.digest else ''}"
