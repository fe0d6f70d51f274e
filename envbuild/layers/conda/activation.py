"""What `conda activate` would set in an environment, read from its packages: env_vars.d, and activate.d scripts of exports.

conda's documentation, "Saving environment variables": etc/conda/env_vars.d/*.json first, then etc/conda/activate.d/*.sh, each in the
order of file names. A script that `shellexports` cannot read was reviewed, or is named: an image sets what it exports only
where `activate = true` runs it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from envbuild.errors import IntegrityError
from envbuild.layers.conda.shellexports import PREFIX_VARIABLE, UnreadableScript, exports, is_ambient
from envbuild.members import MemberKind

__all__ = ["ACTIVATE_D", "ENV_VARS_D", "Activation", "Unread", "activation", "activation_facts"]

ENV_VARS_D = "etc/conda/env_vars.d/"
ACTIVATE_D = "etc/conda/activate.d/"
_UNSET = "***unset***"
"""conda's mark for a variable that is to be taken away: an image has none to take."""
_LARGEST = 1 << 20
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class _Reviewed:
    """A script that was read by a person: what it exports in a fresh environment, and words that it must have for that to hold."""

    why: str
    words: tuple[str, ...]
    variables: Mapping[str, str]


_REVIEWED: Mapping[str, _Reviewed] = {
    "libarrow_activate.sh": _Reviewed("makes links for a debugger, which no program reads", ("_la_gdb_prefix",), {}),
    "libxml2_activate.sh": _Reviewed(
        "escapes blanks in the folder's name, of which there are none, and exports one variable",
        ("XML_CATALOG_FILES", "file:///etc/xml/catalog"),
        {"XML_CATALOG_FILES": f"file://{PREFIX_VARIABLE}/etc/xml/catalog file:///etc/xml/catalog"},
    ),
    "openjdk_activate.sh": _Reviewed(
        "asks whether this is macOS, and exports two variables",
        ("uname -s", "export JAVA_HOME=$CONDA_PREFIX\n", "$JAVA_HOME/jre/lib/amd64/server"),
        {"JAVA_HOME": PREFIX_VARIABLE, "JAVA_LD_LIBRARY_PATH": f"{PREFIX_VARIABLE}/jre/lib/amd64/server"},
    ),
}
"""By file name; as they are in conda-forge's packages."""


@dataclass(frozen=True, slots=True)
class Unread:
    """An activation script that nobody carries out: of which package, and its first line that says why."""

    package: str
    script: str
    line: str


@dataclass(frozen=True, slots=True)
class Activation:
    """Variables, sorted by name, in whose values `$CONDA_PREFIX` is the environment's folder; and scripts that were not read."""

    variables: tuple[tuple[str, str], ...] = ()
    unread: tuple[Unread, ...] = ()

    def at(self, prefix: str) -> dict[str, str]:
        """The variables in an environment at this folder."""
        return {name: value.replace(PREFIX_VARIABLE, prefix) for name, value in self.variables}


def activation_facts(files: Mapping[str, bytes], prefix: str) -> dict[str, str]:
    """The facts `env-vars` and `activate-scripts` of a package, from its linked files by path below the prefix.

    IntegrityError where a file of variables is none.
    """
    variables: dict[str, str] = {}
    scripts: dict[str, str] = {}
    for path in sorted(files):
        if path.startswith(ENV_VARS_D) and path.endswith(".json"):
            variables |= _variables(path, files[path])
        elif path.startswith(ACTIVATE_D) and path.endswith(".sh"):
            scripts[path.removeprefix(ACTIVATE_D)] = files[path].decode("utf-8", "replace")
    facts = {}
    if variables:
        plain = {name: value.replace(prefix, PREFIX_VARIABLE) for name, value in variables.items()}
        facts["env-vars"] = json.dumps(plain, sort_keys=True)
    if scripts:
        facts["activate-scripts"] = json.dumps(scripts, sort_keys=True)
    return facts


def activation(packages: Sequence[tuple[str, Mapping[str, str]]], paths: Mapping[str, MemberKind]) -> Activation:
    """What an environment of these packages (name and facts) sets; `paths` are its files and folders, below its folder."""
    variables: dict[str, str] = {}
    unread: list[Unread] = []
    for package, facts in packages:
        for name, value in json.loads(facts.get("env-vars", "{}")).items():
            if is_ambient(name) and name != "LD_LIBRARY_PATH":
                # With it the image's own programs would not be found, or not be what they are.
                unread.append(Unread(package, "env_vars.d", name))
            else:
                variables[name] = value
    for script, package, text in sorted(_scripts(packages)):
        reviewed = _REVIEWED.get(script)
        if reviewed and all(word in text for word in reviewed.words):
            variables |= reviewed.variables
            continue
        try:
            variables = exports(text, paths, variables)
        except UnreadableScript as unreadable:
            unread.append(Unread(package, script, unreadable.line))
    return Activation(tuple(sorted(variables.items())), tuple(unread))


def _scripts(packages: Sequence[tuple[str, Mapping[str, str]]]) -> Iterator[tuple[str, str, str]]:
    for package, facts in packages:
        for script, text in json.loads(facts.get("activate-scripts", "{}")).items():
            yield script, package, text


def _variables(path: str, content: bytes) -> dict[str, str]:
    try:
        found = json.loads(content) if len(content) <= _LARGEST else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(_is_variable(name, value) for name, value in found.items()):
        raise IntegrityError("is no table of variables and texts (JSON)", at=path, hint="tell the package's makers")
    return {name: value for name, value in found.items() if value != _UNSET}


def _is_variable(name: str, value: object) -> bool:
    """Whether a program can be given it: a name of the shell's, and a text of UTF-8 without control characters."""
    return _NAME.fullmatch(name) is not None and isinstance(value, str) and not _UNFIT.search(value)
