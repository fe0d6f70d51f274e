"""conda's environment.yml: `dependencies` with their pip section, `channels`, `variables`.

conda documentation, "Creating an environment file manually"; specs are conda MatchSpecs. Where its only conda packages are
python and pip it means Python with packages from an index, and conda has no part in it, unless it alone has that Python.
"""

import re
from dataclasses import dataclass, field, replace

from packaging.specifiers import SpecifierSet

from envbuild.definition import DEFAULT_PYTHON, DebianBase, Definition
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.conda.condaspecs import (
    is_one_build,
    is_only_python,
    names_a_version,
    python_of,
    python_range,
    python_release,
    spec_name,
    spec_text,
)
from envbuild.formats.finishing import finished, unfinished
from envbuild.formats.nodes.yamlfile import load_yaml
from envbuild.formats.nodes.yamlnodes import Kind, Map, Node, Scalar, Sequence
from envbuild.formats.pip.reqindexes import Logins
from envbuild.formats.pip.requirementlist import in_order, read_requirement_list
from envbuild.formats.pythons import allowed_python, is_served
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest
from envbuild.matchspec.channel import without_logins

__all__ = ["AZUREML_PACKAGES", "read_environment", "read_environment_yml"]

AZUREML_PACKAGES = frozenset({"azureml-defaults", "azureml-core", "azureml-sdk"})
"""Left out, with a notice: the service that they speak to is gone, and what they did is envbuild's part."""

_DEFAULT_CHANNEL = "conda-forge"
_MEANT = {"dependencies", "channels", "name", "variables", "prefix"}
_SELECTOR = re.compile(r"#\s*\[[^\]#\[]+\]\s*$")
_OLD_PYTHON = re.compile(r"\b[12]\.[0-9]")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(slots=True)
class _Found:
    """What the file says, with the line of each conda package and channel."""

    conda: list[tuple[str, int]] = field(default_factory=list)
    pip: list[tuple[str, int]] = field(default_factory=list)
    has_pip_section: bool = False
    channels: list[tuple[str, int]] = field(default_factory=list)
    logins: Logins = field(default_factory=Logins)
    variables: tuple[tuple[str, str], ...] = ()
    name: str = ""
    faults: list[Fault] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def read_environment_yml(path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition in an environment.yml.

    InvalidDefinition has all faults; UsageError: the file cannot be read.
    """
    text, document = load_yaml(path, load)
    return read_environment(document, text, path, load, asked)


def read_environment(document: Node | None, text: str, path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition in a document of that form, which stands in the file at `path`. InvalidDefinition has all faults."""
    found = _Reader(path, asked.keep_azureml).read(document)
    found.faults += _selectors(text, path)
    if found.faults:
        raise in_order([*found.faults, *_pip_faults(found, path, load)])
    definition = _meant(found, path)
    notices = (*found.notices, *_more_notices(found, definition))

    def finish(pip: Definition) -> Definition:
        whole = replace(definition, pypi=pip.pypi, constraints=pip.constraints, indexes=pip.indexes)
        return asked.finish(replace(whole, name=found.name or asked.name))

    # What is wrong with conda's part has lines of its own: it is told with what is wrong with pip's.
    lines = {f"conda[{n}]": line for n, (_, line) in enumerate(found.conda)}
    lines |= {f"channels[{n}]": line for n, (_, line) in enumerate(found.channels)}
    try:
        meant = finished(Definition(), finish, (), lambda at: f"{path}:{lines[at]}" if at in lines else path)
    except InvalidDefinition as invalid:
        raise in_order([*invalid.faults, *_pip_faults(found, path, load)]) from None
    if not found.pip:
        return Reading(meant, found.logins.pairs(), notices, (path,))
    reading = read_requirement_list(path, load, found.pip, finish)
    logins = tuple(sorted({**dict(found.logins.pairs()), **dict(reading.logins)}.items()))
    return replace(reading, logins=logins, notices=(*notices, *reading.notices))


def _pip_faults(found: _Found, path: str, load: Loader) -> tuple[Fault, ...]:
    """What is wrong in the pip section, to be told with all that is wrong elsewhere."""
    try:
        read_requirement_list(path, load, found.pip, unfinished)
    except InvalidDefinition as invalid:
        return tuple(invalid.faults)
    return ()


def _meant(found: _Found, path: str) -> Definition:
    """Conda packages and channels; or a Python alone, where conda has nothing else to give."""
    specs = tuple(spec for spec, _ in found.conda)
    if is_only_python(specs) and (python := _python_without_conda(found, path)):
        return Definition(base=DebianBase.with_python(python), python=python, variables=found.variables)
    channels = tuple(channel for channel, _ in found.channels)
    if not set(channels) - {"nodefaults"}:
        channels = (_DEFAULT_CHANNEL,)
    return Definition(python="", conda=specs, channels=channels, variables=found.variables)


def _python_without_conda(found: _Found, path: str) -> str:
    """The Python of a file that asks conda for nothing else; empty where conda alone has it, such as 2.7."""
    specs = [one for one in found.conda if spec_name(one[0]) == "python"]
    if not specs:
        return DEFAULT_PYTHON
    if len({" ".join(one.split()) for one, _ in specs}) > 1:
        what = f"python is named more than once: {', '.join(one for one, _ in specs)}"
        raise InvalidDefinition([Fault(f"{path}:{specs[-1][1]}", what, "keep one")])
    spec, line = specs[0]
    python, fault = python_of(spec)
    if fault and _OLD_PYTHON.search(spec) and names_a_version(spec):
        return ""
    if fault:
        meant = allowed_python(SpecifierSet(within)) if (within := python_range(spec)) else None
        if meant is None:
            raise InvalidDefinition([Fault(f"{path}:{line}", *fault)])
        return meant[1]
    python = python_release(spec) or python or DEFAULT_PYTHON
    return python if is_served(python) else ""


def _more_notices(found: _Found, definition: Definition) -> list[str]:
    if not definition.conda:
        return _without_conda(found, definition.python)
    notices = []
    if not {channel for channel, _ in found.channels} - {"nodefaults"}:
        notices.append(f"no channels are named: {_DEFAULT_CHANNEL} is meant")
    if found.has_pip_section and not any(spec_name(spec) == "pip" for spec, _ in found.conda):
        notices.append("pip is not among the conda packages: conda would add it; name it where the image is to have it")
    return notices


def _without_conda(found: _Found, python: str) -> list[str]:
    """What becomes of conda's python and pip where it has nothing else to give."""
    pythons = [spec for spec, _ in found.conda if spec_name(spec) == "python"]
    notices = [] if pythons else [f"no Python is named: {DEFAULT_PYTHON} is meant"]
    notices += [f"{spec}: {python} is meant: no conda is needed for it" for spec in pythons if is_one_build(spec)]
    pips = [spec for spec, _ in found.conda if spec_name(spec) == "pip" and spec != "pip"]
    return notices + [f"{spec}: means nothing: packages from an index are installed without pip" for spec in pips]


def _selectors(text: str, path: str) -> list[Fault]:
    """`# [linux]` means something to conda-build alone: to YAML it is a comment, and conda installs the line everywhere."""
    return [
        Fault(
            f"{path}:{number}", "a selector is a comment here: conda-build alone reads it", "a file for each platform"
        )
        for number, line in enumerate(text.split("\n"), 1)
        if line.lstrip().startswith("- ") and _SELECTOR.search(line)
    ]


class _Reader:
    def __init__(self, path: str, keep_azureml: bool) -> None:
        self._path, self._keep_azureml = path, keep_azureml
        self._found = _Found()

    def read(self, document: Node | None) -> _Found:
        if not isinstance(document, Map) or not document.entries:
            what = "no definition: the file is empty" if document is None else "this is no environment.yml"
            raise InvalidDefinition([Fault(self._path, what, "it begins with `dependencies:` and a list")])
        for key, node in document.entries.items():
            if key not in _MEANT:
                self._fault(document.keys[key], f"{key}: conda knows no such key", self._near(key))
                continue
            getattr(self, f"_{key}")(node)
        if "dependencies" not in document.entries:
            self._fault(document.line, "dependencies: missing", "`dependencies: [python=3.11, pip]` is the least")
        return self._found

    def _near(self, key: str) -> str:
        if key in ("image", "build", "conda_file", "$schema"):
            return "an AzureML environment asset: name its conda_file instead"
        return f"one of {', '.join(sorted(_MEANT))}"

    def _fault(self, line: int, what: str, hint: str) -> None:
        self._found.faults.append(Fault(f"{self._path}:{line}", what, hint))

    def _name(self, node: Node) -> None:
        text = self._text(node, "name")
        if text and _NAME.fullmatch(text):
            self._found.name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")

    def _prefix(self, node: Node) -> None:
        self._found.notices.append("prefix: is a folder of the machine that wrote the file, and left out")

    def _channels(self, node: Node) -> None:
        for item in self._list(node, "channels"):
            if text := self._text(item, "channels"):
                self._found.channels.append((self._plain(text, item.line), item.line))

    def _plain(self, text: str, line: int) -> str:
        """A channel or spec without the login or token in its URL."""
        plain, logins = without_logins(text)
        for host, login in logins:
            if not self._found.logins.add(host, login):
                self._fault(line, f"two different logins for {host}", "keep one; netrc or a keyring serve better")
        return plain

    def _variables(self, node: Node) -> None:
        if not isinstance(node, Map):
            self._fault(node.line, "variables: expected a table", "`variables:` and below it `NAME: value`")
            return
        pairs = []
        for name, value in node.entries.items():
            if isinstance(value, Scalar) and value.kind is not Kind.NOTHING:
                pairs.append((name, value.text))
            else:
                self._fault(node.keys[name], f"variables.{name}: expected a text", 'put it in quotes: `NAME: "value"`')
        self._found.variables = tuple(pairs)

    def _dependencies(self, node: Node) -> None:
        for item in self._list(node, "dependencies"):
            if isinstance(item, Map):
                self._inner(item)
            elif spec := self._text(item, "dependencies"):
                self._conda(spec, item.line)

    def _conda(self, text: str, line: int) -> None:
        spec = self._plain(text, line)
        try:
            self._found.conda.append((spec_text(spec), line))
        except ValueError as error:
            self._fault(
                line, f"{spec}: {error}", "as conda writes it: `numpy=1.26`, `channel::name>=2,<3`, `name=1.0=build`"
            )

    def _inner(self, item: Map) -> None:
        for key, node in item.entries.items():
            if key == "pip":
                self._pip(node)
            elif key.startswith("sel("):
                self._fault(
                    item.keys[key], f"{key}: a selector, which only micromamba reads", "a file for each platform"
                )
            else:
                version = node.text if isinstance(node, Scalar) else "VERSION"
                self._fault(
                    item.keys[key], f"{key}: only `pip:` may have a list of its own", f"write `- {key}={version}`"
                )

    def _pip(self, node: Node) -> None:
        if self._found.has_pip_section:
            self._fault(node.line, "pip: given twice", "make one list of them")
        self._found.has_pip_section = True
        for item in self._list(node, "pip"):
            text = self._text(item, "pip")
            name = re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0].lower().replace("_", "-").replace(".", "-")
            if name in AZUREML_PACKAGES and not self._keep_azureml:
                self._found.notices.append(
                    f"{name} is left out: its service is gone, and what it did is envbuild's part"
                )
            elif text and not text.startswith("#"):
                self._found.pip.append((text, item.line))

    def _list(self, node: Node, key: str) -> tuple[Node, ...]:
        if isinstance(node, Sequence):
            return node.items
        if isinstance(node, Scalar) and node.kind is Kind.NOTHING:
            return ()
        self._fault(node.line, f"{key}: expected a list", "write each on a line of its own, behind `- `")
        return ()

    def _text(self, node: Node, key: str) -> str:
        if isinstance(node, Scalar) and node.kind in (Kind.TEXT, Kind.DATE):
            return " ".join(node.text.split())
        if isinstance(node, Scalar):
            hint = f'put it in quotes: "{node.text}"'
            self._fault(node.line, f"{key}: {node.text or '~'} is {node.kind.value} to YAML, not a text", hint)
        else:
            self._fault(node.line, f"{key}: expected a text", "is the indent right?")
        return ""
