"""A conda environment file as a value that can be edited: read from YAML, written as YAML, each line with its field path."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from envbuild.azuremlform.besides import files_beside
from envbuild.azuremlform.credentials import without_credentials
from envbuild.azuremlform.inlining import inlined
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.nodes.yamlfile import load_yaml
from envbuild.formats.nodes.yamlnodes import Kind, Map, Node, Scalar, Sequence
from envbuild.formats.nodes.yamltext import yaml_scalar
from envbuild.formats.sourcefile import Loader

__all__ = ["CONSTRAINTS", "FILE_NAME", "CondaDocument", "read_conda_document"]

FILE_NAME = "conda_dependencies.yml"
CONSTRAINTS = "conda_dependencies.constraints.txt"
"""The file that has what `-c` includes, where the lines of `-r` stand in the document itself."""
_KEYS = ("name", "channels", "dependencies", "prefix", "variables")


@dataclass(slots=True)
class CondaDocument:
    """What the file says, as written; `pip` is None where there is no such section."""

    name: str = ""
    channels: list[str] = field(default_factory=list)
    conda: list[str] = field(default_factory=list)
    pip: list[str] | None = None
    variables: dict[str, str] = field(default_factory=dict)
    prefix: str = ""
    beside: dict[str, bytes] = field(default_factory=dict)
    """The files that lines of `pip` include (`-r`, `-c`), by their path from the document's folder."""

    def as_dict(self) -> dict[str, Any]:
        """As YAML has it; keys that say nothing are left out."""
        dependencies: list[Any] = list(self.conda)
        if self.pip is not None:
            dependencies.append({"pip": list(self.pip)})
        found = {
            "name": self.name,
            "channels": list(self.channels),
            "dependencies": dependencies,
            "variables": dict(self.variables),
            "prefix": self.prefix,
        }
        return {key: value for key, value in found.items() if value or key == "dependencies"}

    def without_logins(self) -> "CondaDocument":
        """The same, without the logins, tokens and queries that stand in URLs."""

        def clean(lines: list[str]) -> list[str]:
            return [without_credentials(line) for line in lines]

        pip = None if self.pip is None else clean(self.pip)
        return replace(self, channels=clean(self.channels), conda=clean(self.conda), pip=pip)

    def as_one(self) -> tuple["CondaDocument", list[str]]:
        """The same with the lines of included requirements in it; and the lines of included constraints."""
        lines, constraints = inlined(self.pip or (), self.beside)
        return replace(self, pip=None if self.pip is None else lines, beside={}), constraints

    def constrained(self, constraints: list[str]) -> "CondaDocument":
        """The same, with these constraints in one file beside it."""
        if not constraints:
            return self
        beside = {**self.beside, CONSTRAINTS: "".join(f"{line}\n" for line in constraints).encode()}
        return replace(self, pip=[f"-c {CONSTRAINTS}", *(self.pip or [])], beside=beside)

    def text(self) -> str:
        """The document as YAML."""
        return "".join(f"{line}\n" for line, _ in self.lines())

    def lines(self) -> Iterator[tuple[str, str]]:
        """Each line of the document, and the attribute of CondaDependencies that it comes from."""
        if self.name:
            yield f"name: {yaml_scalar(self.name)}", "name"
        yield from _listed("channels", self.channels, "conda_channels")
        yield "dependencies:" if self.conda or self.pip is not None else "dependencies: []", "conda_packages"
        yield from ((f"- {yaml_scalar(spec)}", f"conda_packages[{n}]") for n, spec in enumerate(self.conda))
        if self.pip is not None:
            yield "- pip:" if self.pip else "- pip: []", "pip_packages"
            yield from self._pip_lines(self.pip)
        if self.variables:
            yield "variables:", "variables"
            pairs = self.variables.items()
            yield from ((f"  {yaml_scalar(k)}: {yaml_scalar(v)}", f"variables.{k}") for k, v in pairs)
        if self.prefix:
            yield f"prefix: {yaml_scalar(self.prefix)}", "prefix"

    def _pip_lines(self, pip: list[str]) -> Iterator[tuple[str, str]]:
        counts = {"pip_options": 0, "pip_packages": 0}
        for text in pip:
            name = "pip_options" if text.startswith("-") else "pip_packages"
            yield f"  - {yaml_scalar(text)}", f"{name}[{counts[name]}]"
            counts[name] += 1


def _listed(key: str, items: list[str], name: str) -> Iterator[tuple[str, str]]:
    if items:
        yield f"{key}:", name
        yield from ((f"- {yaml_scalar(item)}", f"{name}[{number}]") for number, item in enumerate(items))


def read_conda_document(path: str, load: Loader) -> CondaDocument:
    """The document at `path`, with the files that it includes. What its words mean is not looked at yet.

    InvalidDefinition has what is no conda environment file; UsageError: it cannot be read.
    """
    _, node = load_yaml(path, load)
    reader = _Reader(path)
    document = reader.read(node)
    if reader.faults:
        raise InvalidDefinition(reader.faults)
    document.beside = files_beside(path, document.pip or (), load)
    return document


class _Reader:
    def __init__(self, path: str) -> None:
        self._path = path
        self.faults: list[Fault] = []

    def read(self, node: Node | None) -> CondaDocument:
        found = CondaDocument()
        if not isinstance(node, Map):
            self._fault(1, "this is no conda environment file", "it begins with `dependencies:` and a list")
            return found
        for key, value in node.entries.items():
            line = node.keys[key]
            match key:
                case "name":
                    found.name = self._text(value, line, key)
                case "prefix":
                    found.prefix = self._text(value, line, key)
                case "channels":
                    found.channels = [self._text(item, item.line, key) for item in self._list(value, line, key)]
                case "dependencies":
                    for item in self._list(value, line, key):
                        self._dependency(item, found)
                case "variables":
                    found.variables = self._variables(value, line)
                case _:
                    self._fault(line, f"{key}: conda knows no such key", f"one of {', '.join(_KEYS)}")
        return found

    def _dependency(self, item: Node, found: CondaDocument) -> None:
        if not isinstance(item, Map):
            found.conda.append(self._text(item, item.line, "dependencies"))
        elif list(item.entries) != ["pip"]:
            self._fault(item.line, "only `pip:` may have a list of its own", "write `- name=version`")
        elif found.pip is not None:
            self._fault(item.line, "pip: given twice", "make one list of them")
        else:
            lines = (self._text(line, line.line, "pip") for line in self._list(item.entries["pip"], item.line, "pip"))
            found.pip = [line for line in lines if line and not line.startswith("#")]

    def _variables(self, node: Node, line: int) -> dict[str, str]:
        if not isinstance(node, Map):
            self._fault(line, "variables: expected a table", "`variables:` and below it `NAME: value`")
            return {}
        return {
            key: value.text if isinstance(value, Scalar) else self._text(value, node.keys[key], key)
            for key, value in node.entries.items()
        }

    def _list(self, node: Node, line: int, key: str) -> tuple[Node, ...]:
        if isinstance(node, Sequence):
            return node.items
        if not isinstance(node, Scalar) or node.kind is not Kind.NOTHING:
            self._fault(line, f"{key}: expected a list", "write each on a line of its own, behind `- `")
        return ()

    def _text(self, node: Node, line: int, key: str) -> str:
        if isinstance(node, Scalar) and node.kind in (Kind.TEXT, Kind.DATE):
            return " ".join(node.text.split())
        if isinstance(node, Scalar):
            what = f"{key}: {node.text or '~'} is {node.kind.value} to YAML, not a text"
            self._fault(line, what, f'put it in quotes: "{node.text}"')
        else:
            self._fault(line, f"{key}: expected a text", "is the indent right?")
        return ""

    def _fault(self, line: int, what: str, hint: str) -> None:
        self.faults.append(Fault(f"{self._path}:{line}", what, hint))
