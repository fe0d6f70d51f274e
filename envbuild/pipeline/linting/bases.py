"""What is likely to hurt in a base image, a Dockerfile, or the commands of a build."""

import re
from collections.abc import Iterator

from envbuild.definition import Definition, DockerfileBase, ImageBase
from envbuild.pipeline.linting.codes import Finding, found
from envbuild.pipeline.linting.dockerfile import Instruction, instructions
from envbuild.reference import Reference

__all__ = ["bases", "commands"]

_ENDED = ("mcr.microsoft.com/azureml/", "viennaglobal.azurecr.io/")
_LARGEST = 100_000
"""Bytes: AzureML's own limit for a Dockerfile (its documentation, "Troubleshooting environment issues")."""
_PROGRAM = re.compile(r"\b(?:pip[0-9.]*+|conda|mamba|micromamba|uv)\s")
_INSTALL = re.compile(r"\binstall\b")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|\\.")
_REDIRECTED = re.compile(r"(?<!\S)[A-Za-z][\w.-]*(?:\[[\w,.-]*\])?[<>]=?\d\S*")


def bases(d: Definition) -> Iterator[Finding]:
    """EB102, EB115 and EB117: the images that an environment starts from, and the Dockerfile."""
    if isinstance(d.base, ImageBase):
        yield from _image(d.base.reference, "base", 0)
    if isinstance(d.base, DockerfileBase):
        for reference, line in _started_from(instructions(d.base.dockerfile)):
            yield from _image(reference, "base.dockerfile", line)
        size = len(d.base.dockerfile.encode())
        if size > _LARGEST:
            yield found("EB117", "base.dockerfile", d.base.path, f"it has {size} bytes")


def _image(text: str, field: str, line: int) -> Iterator[Finding]:
    try:
        reference = Reference.parse(text)
    except ValueError:
        return
    if not reference.digest:
        what = f"the tag {reference.tag or 'latest'} may be another image tomorrow"
        yield found("EB102", field, text, what, line=line)
    if text.startswith(_ENDED):
        yield found("EB115", field, text, "made for a service that has ended: nobody mends it any more", line=line)


def _started_from(all_of_it: Iterator[Instruction]) -> Iterator[tuple[str, int]]:
    """The images that FROM names, with their lines: neither a stage of the same file nor what an argument decides."""
    stages = {"scratch"}
    for one in all_of_it:
        if one.keyword != "FROM":
            continue
        words = [word for word in one.rest.split() if not word.startswith("--")]
        if words and words[0].lower() not in stages and "$" not in words[0]:
            yield words[0], one.line
        if len(words) == 3 and words[1].lower() == "as":
            stages.add(words[2].lower())


def commands(d: Definition) -> Iterator[Finding]:
    """EB126: `pip install numpy>=2` installs any numpy, and writes a file with the name =2."""
    for number, command in enumerate(d.run):
        if word := _redirected(command):
            yield _told("run", f"run[{number}]", word, 0)
    if isinstance(d.base, DockerfileBase):
        for one in instructions(d.base.dockerfile):
            if one.keyword == "RUN" and not one.rest.startswith("[") and (word := _redirected(one.rest)):
                yield _told("base.dockerfile", "RUN", word, one.line)


def _told(field: str, item: str, word: str, line: int) -> Finding:
    what = f"in {word} the shell redirects: any version is installed, and a file is written"
    return found("EB126", field, item, what, remedy=f'quote it: "{word}"', line=line)


def _redirected(command: str) -> str:
    parts = map(_installed, re.split(r"[&;|]", _QUOTED.sub("", command)))
    return next((word[0] for part in parts if (word := _REDIRECTED.search(part))), "")


def _installed(command: str) -> str:
    """What stands behind `install`, where a command installs packages."""
    program = _PROGRAM.search(command)
    install = program and _INSTALL.search(command, program.end())
    return command[install.end() :] if install else ""
