"""A lock's wheels as pylock.toml (PEP 751), for other installers."""

import json
from collections.abc import Mapping

from envbuild.lockfile import Artifact, ArtifactKind, Lock

__all__ = ["pylock_toml"]


def pylock_toml(lock: Lock, urls: Mapping[str, str]) -> str:
    """The document. `urls`: where files are, by sha256 in hex.

    A direct reference keeps its own URL. A wheel without any is named by `path`, as a file beside the document, because
    PEP 751 wants one of the two.
    """
    lines = ['lock-version = "1.0"', f"environments = [{_text(_environment(lock))}]"]
    if lock.interpreter:
        lines.append(f"requires-python = {_text(f'=={lock.interpreter.minor}.*')}")
    lines.append('created-by = "envbuild"')
    wheels = sorted(lock.of_kind(ArtifactKind.WHEEL), key=lambda a: a.name)
    if not wheels:
        lines.append("packages = []")
    for artifact in wheels:
        lines += ["", *_package(artifact, urls)]
    return "\n".join(lines) + "\n"


def _package(artifact: Artifact, urls: Mapping[str, str]) -> list[str]:
    lines = ["[[packages]]", f"name = {_text(artifact.name)}", f"version = {_text(artifact.version)}"]
    hashes = f"size = {artifact.size}, hashes = {{sha256 = {_text(artifact.sha256)}}}"
    if artifact.url:
        return [*lines, f"archive = {{url = {_text(artifact.url)}, {hashes}}}"]
    url = urls.get(artifact.sha256)
    place = f"url = {_text(url)}" if url else f"path = {_text(artifact.file)}"
    return [*lines, f"wheels = [{{name = {_text(artifact.file)}, {place}, {hashes}}}]"]


def _environment(lock: Lock) -> str:
    return f"sys_platform == '{lock.platform.os}' and platform_machine == '{lock.platform.machine}'"


def _text(value: str) -> str:
    """A TOML basic string: JSON's escapes are a part of TOML's, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
