"""The `[base]` table of envbuild.toml: Debian packages, an image, or a Dockerfile.

    [base]
    debian = "bookworm"

    [base]
    image = "registry.example/team/base:1"

    [base]
    dockerfile = "docker/Dockerfile"      # or dockerfile-text = '''...''', for a text that is in no file
    context = "."                         # the folder that COPY takes from; without it there is none
    arguments = { RELEASE = "12" }
    target = "runtime"

A Dockerfile's context is never guessed: all of it is part of the definition's id, so that a change in it asks for a new
image. A Dockerfile that copies nothing needs none.
"""

from envbuild.definition import Base, Context, DebianBase, DockerfileBase, ImageBase
from envbuild.formats.toml.tomltable import Table

__all__ = ["BASE_KEYS", "base_in"]

BASE_KEYS = ("debian", "image", "dockerfile", "dockerfile-text")
"""Exactly one of them says what the base is."""

_OF_DOCKERFILES = ("context", "arguments", "target")
_MEANT = {
    "args": "arguments",
    "build": "dockerfile",
    "build-args": "arguments",
    "distribution": "debian",
    "stage": "target",
    "suite": "debian",
    "text": "dockerfile-text",
}


def base_in(document: Table) -> Base:
    """The base that a document's `base` says, as written; what is wrong with it goes to the document's faults."""
    table = document.table("base")
    if table is None:
        return DebianBase()
    given = [key for key in BASE_KEYS if key in table.values]
    debian, image = table.string("debian"), table.string("image")
    path, text = table.string("dockerfile"), table.string("dockerfile-text")
    context, target = table.string("context"), table.string("target")
    arguments = table.pairs("arguments")
    table.unknown(_MEANT)
    if len(given) != 1:
        what = f"expected exactly one of {', '.join(BASE_KEYS)}, got {' and '.join(given) or 'none'}"
        document.fault("base", what, 'such as: [base] debian = "bookworm"')
        return DebianBase()
    if given[0] in ("debian", "image"):
        for key in _OF_DOCKERFILES:
            if key in table.values:
                table.fault(key, "belongs to a dockerfile", "leave it out, or name the dockerfile")
        return ImageBase(image) if image else DebianBase(debian or DebianBase().suite)
    for key, value in (("dockerfile", path), ("dockerfile-text", text), ("context", context), ("target", target)):
        if key in table.values and not value.strip():
            table.fault(key, "is empty", "leave it out" if key == "target" else "name one: a Dockerfile, a folder")
    return DockerfileBase(
        dockerfile=text,
        context=Context(context) if "context" in table.values else None,
        arguments=arguments,
        target=target,
        path=path,
    )
