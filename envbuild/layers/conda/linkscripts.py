"""What a conda package's link scripts do, read and never run (conda-build documentation, "Link scripts").

Nothing is ever unlinked from an image, so pre-unlink scripts have no part. A post-link or pre-link script is harmless where all it
does is to say something, to standard output or to the environment's .messages.txt; or where it was reviewed. Any other one makes
the package one that only a builder that runs it can install.
"""

import re
from collections.abc import Iterator, Mapping

from envbuild.errors import BuildFailed

__all__ = ["check_link_scripts", "needs_link_scripts"]

_UNLINK = "-pre-unlink.sh"
_REVIEWED: Mapping[str, tuple[str, str]] = {
    "git": ("/usr/bin/codesign", "signs a program on macOS, and does nothing elsewhere"),
    "ocl-icd-system": ("/etc/OpenCL/vendors", "links to the drivers of the machine, of which an image has none"),
    "pyopengl": ("import OpenGL.GL", "warns where the machine has no driver"),
}
"""By package: words that its script has, and why an image does without it. As they are in conda-forge's packages."""

_HERE_DOCUMENT = re.compile(r"<<-?\s*(['\"]?)(\w+)\1([^\n]*)\n.*?^\s*\2[ \t]*$", re.MULTILINE | re.DOTALL)
_TEXT = r"""(?:"(?:[^"\\`$]|\\.|\$\{?[A-Z_]+\}?)*"|'[^']*'|[^\s'"`$&|;<>()\\{}]|\\.|\$\{?[A-Z_]+\}?)+"""
_TO_MESSAGES = r"""(?:\s*>>?\s*"?\$\{?PREFIX\}?"?/\.messages\.txt"?)?"""
_RUNS = re.compile(r"\$\(|`")
_SAYS = re.compile(rf"(?:echo|printf|cat)(?:\s+{_TEXT})*{_TO_MESSAGES}(?:\s+2>&1)?", re.DOTALL)
_NOTHING = re.compile(
    r"""set\ [-+][a-z]+(\ pipefail)?|exit\ 0|true|:|[{]|[}]""" + _TO_MESSAGES + r"(?:\s+2>&1)?", re.VERBOSE
)


def check_link_scripts(package: str, scripts: Mapping[str, bytes]) -> None:
    """BuildFailed where the package does not work without running one of its scripts (path below the prefix: content)."""
    if reason := needs_link_scripts(package, scripts):
        raise BuildFailed(
            f"this package needs its link script: {reason}",
            hint=f"leave out {package} or what needs it; packages are installed here without running their scripts",
        )


def needs_link_scripts(package: str, scripts: Mapping[str, bytes]) -> str | None:
    """The script and its first command that nothing makes up for, or None where the package works without scripts."""
    for path in sorted(scripts):
        name = path.rpartition("/")[2]
        if name.endswith(_UNLINK):
            continue
        text = scripts[path].decode("utf-8", "replace")
        word, _ = _REVIEWED.get(package, ("", ""))
        if word and word in text:
            continue
        if command := next(_does(text), None):
            return f"{name} runs `{command}`"
    return None


def _does(script: str) -> Iterator[str]:
    """The commands that do more than to say something."""
    # A here-document is a text; but where its mark is not quoted, commands in it are carried out.
    text = _HERE_DOCUMENT.sub(
        lambda found: found[0] if not found[1] and _RUNS.search(found[0]) else f"{found[3]}\n",
        script.replace("\\\n", " "),
    )
    at = 0
    while at < len(text):
        if found := re.compile(r"\s+|#[^\n]*|;").match(text, at):
            at = found.end()
        elif found := (_SAYS.match(text, at) or _NOTHING.match(text, at)):
            rest = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|;|$)").match(text, found.end())
            if rest is None:
                yield _line(text, at)
                return
            at = rest.end()
        else:
            yield _line(text, at)
            return


def _line(text: str, at: int) -> str:
    line = text[at:].partition("\n")[0].strip()
    return line if len(line) <= 100 else f"{line[:97]}..."
