"""What a Debian package's maintainer scripts do, read and never run.

A script is harmless where every command of it is one that an image can do without or that the top layer makes up for:
debhelper's generated sections, tests, messages, `update-alternatives` with arguments that can be read, the linker's
cache, byte code. What else it does must have been reviewed (`reviewed.py`); the first command of any other script is
the reason why the package is refused. Only what runs at a first installation counts: preinst and postinst.
"""

import math
import re
from collections.abc import Iterator, Mapping

from envbuild.errors import BuildFailed
from envbuild.layers.alternatives import Alternative
from envbuild.layers.reviewed import review

__all__ = ["alternatives_of", "check_scripts", "needs_scripts"]

_SECTION = re.compile(r"# Automatically added by (\w+)[^\n]*\n.*?# End automatically added section", re.DOTALL)
_KNOWN_SECTIONS = frozenset(
    f"dh_{name}"
    for name in (
        "apparmor", "icons", "installalternatives", "installcron", "installdeb", "installdebconf", "installinfo",
        "installinit", "installlogrotate", "installmenu", "installmime", "installmodules", "installsystemd",
        "installsystemduser", "installtmpfiles", "installudev", "installwm", "installxfonts", "makeshlibs", "pypy",
        "python3", "runit", "strip", "systemd_enable", "systemd_start",
    )
)  # fmt: skip
_CONTINUED = re.compile(r"\\\n\s*")
_QUIET = re.compile(r"(?:&|\d)?>>?\s*(?:/dev/null|&\d)")
_READ_ONLY = r"(?:which|command -v|uname|readlink|dirname|basename|dpkg --print-architecture)(?: [\w./$\"{}-]+)*\s*"
_LOOKUP = re.compile(rf"\$\({_READ_ONLY}\)|`{_READ_ONLY}`|\\`")
_COMMENT = re.compile(r"\s#.*")
_SEPARATOR = re.compile(r"\s*(?:;;|;|&&|\|\|)\s*")
_KEYWORD = re.compile(r"(?:(?:if|elif|then|else|do|while|until|!|\{)(?:\s+|$))+")
_HARMLESS = re.compile(
    r"""
      [{}():] | fi | esac | done | true | break | return(\ \d)? | continue | exit(\ \d)? | set\ [-+]\w+
    | \[\ [^`]*\ \] | (test|which|command\ -v|dpkg\ --compare-versions)\ [^`]* | (type|hash)\ [\w.-]+
    | [\w-]+\ *\(\)\ *\{? | case\ "?\$\{?\w+(:-)?\}?"?\ in
    | [\w"*$.{}?+~-]+(\ ?\|\ ?[\w"*$.{}?+~-]+)*\ ?\) | \((configure|triggered|install|upgrade|\*|(abort-[a-z]+\|?)+)\)
    | for\ \w+\ in\ [^`()]* | local\ [^`()]* | (export\ )?\w+=[^`()\ ]* | (export\ )?\w+=("[^`()"]*"|'[^']*') | shift
    | export\ \w+ | umask\ \d+ | unset\ \w+
    | (echo|printf)(\ [^`()]*)? | cat\ <<-?'?EOF'?
    | \.\ /usr/share/debconf/confmodule | db_(version|stop|purge|capb|get|fset|title)(\ [^`()]*)?
    | (rm|rmdir)\ [^`()]* | ldconfig | py3compile\ .* | py3clean\ .* | dpkg-maintscript-helper\ .* | dpkg-trigger\ .*
    | (update-mime|update-mime-database|update-desktop-database|update-icon-caches|update-menus|update-info-dir)(\ .*)?
    | update-alternatives\ (.*\ )?--(remove|remove-all|auto|query|list)\ .* | dpkg-divert\ (.*\ )?--list\ .*
    | (invoke-rc\.d|update-rc\.d|deb-systemd-helper|deb-systemd-invoke|systemctl|update-binfmts|restorecon)\ .*
    """,
    re.VERBOSE,
)
_JOINED = re.compile(r"\$\(|>|&|\|(?!.*\)$)")
"""Output that goes somewhere: to a file, another command, an argument. A case's pattern may have bars."""
_INSTALL = re.compile(r"update-alternatives\b[^\n;&|]*?--install\s+([^\n;&|]+)")
_ASSIGNMENT = re.compile(r"^\s*(\w+)=(?:\"([^\"`(]*)\"|'([^'`(]*)'|([^\s\"'`(;]*))\s*$", re.MULTILINE)
_LOOP = re.compile(r"^\s*for\s+(\w+)\s+in\s+([^;\n`(]+?)\s*(?:;|\n)", re.MULTILINE)
_MOST_CALLS = 1000
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


def check_scripts(package: str, scripts: Mapping[str, str]) -> None:
    """BuildFailed where the package does not work without running one of its scripts."""
    if reason := needs_scripts(package, scripts):
        raise BuildFailed(
            f"this package needs its maintainer script: {reason}",
            hint="leave it out of `system`; packages are installed here without running their scripts",
        )


def needs_scripts(package: str, scripts: Mapping[str, str]) -> str | None:
    """The script and its first command that nothing makes up for, or None where the package works without scripts."""
    if review(package):
        return None
    for name in ("preinst", "postinst"):
        script = scripts.get(name, "")
        if script.startswith("#!") and not re.match(r"#!\s*/bin/(?:sh|bash|dash)\b", script):
            return f"{name} is no shell script"
        if command := next(_unexplained(script), None):
            return f"{name} runs `{command}`"
    return None


def alternatives_of(script: str) -> tuple[str, ...]:
    """The alternatives that a script installs, each as `Alternative` writes it; those that cannot be read are left out."""
    lines = "\n".join(_COMMENT.sub("", line) for line in _CONTINUED.sub(" ", script).splitlines())
    values = _values(lines)
    found: dict[str, None] = {}
    for call in _INSTALL.finditer(lines):
        for words in _expanded(call[1], values):
            if alternative := Alternative.of_arguments(words):
                found[str(alternative)] = None
    return tuple(found)


def _unexplained(script: str) -> Iterator[str]:
    text = _SECTION.sub(lambda found: "" if found[1] in _KNOWN_SECTIONS else found[0], script)
    text = _LOOKUP.sub("word", _QUIET.sub("", _CONTINUED.sub(" ", text)))
    values = _values(text)
    for line in text.splitlines():
        for command in _commands(line):
            if _HARMLESS.fullmatch(command) and not _JOINED.search(command):
                continue
            if (call := _INSTALL.match(command)) and all(map(Alternative.of_arguments, _expanded(call[1], values))):
                continue
            yield command


def _commands(line: str) -> Iterator[str]:
    line = _COMMENT.sub("", " " + line).strip()
    for part in _SEPARATOR.split(line):
        if command := _KEYWORD.sub("", part.strip(), count=1).strip():
            yield command


def _values(text: str) -> dict[str, list[str]]:
    """What variables are set to where that can be read: one value, or those of a loop."""
    values: dict[str, list[str]] = {}
    for name, *forms in _ASSIGNMENT.findall(text):
        values[name] = [_one("".join(forms), values)]
    for name, words in _LOOP.findall(text):
        values[name] = _one(words, values).split()
    return values


def _one(text: str, values: Mapping[str, list[str]]) -> str:
    return _VARIABLE.sub(lambda v: values[v[1]][0] if len(values.get(v[1], ())) == 1 else v[0], text)


def _expanded(arguments: str, values: Mapping[str, list[str]]) -> list[list[str]]:
    """The words of a call, once for each value of the loop it stands in."""
    text = _QUIET.sub("", _one(arguments, values)).replace('"', "").replace("'", "")
    loops = [name for name in dict.fromkeys(_VARIABLE.findall(text)) if len(values.get(name, ())) > 1]
    if not loops or math.prod(len(values[name]) for name in loops) > _MOST_CALLS:
        return [text.split()]
    name = loops[0]
    pattern = re.compile(rf"\$\{{?{name}\b\}}?")
    return [words for value in values[name] for words in _expanded(pattern.sub(value, text), values)]
