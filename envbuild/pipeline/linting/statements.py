"""What each kind of file states, with lines: as far as it can be told for certain, and never a reason to fail."""

import re
from collections.abc import Iterator
from pathlib import PurePath

from envbuild.errors import InvalidDefinition
from envbuild.formats.azureml.imagenames import image_of_text, image_reference
from envbuild.formats.conda.condaspecs import spec_name
from envbuild.formats.nodes.jsonnodes import load_json
from envbuild.formats.nodes.yamlnodes import Kind, Map, Node, Scalar, Sequence, YamlFault, parse
from envbuild.formats.pip.logicallines import logical_lines, options_of
from envbuild.formats.pip.reqindexes import index_name
from envbuild.formats.pip.reqoptions import FLAGS, LONG_NAMES, SHORTS
from envbuild.formats.project.scriptheader import header_document
from envbuild.formats.toml.tomlstrings import strings_in
from envbuild.formats.urls import address
from envbuild.pipeline.linting.places import Statement

__all__ = ["conda_tables", "document_of", "statements"]

_LOGIN = re.compile(r"(?<![a-z0-9+.-])[a-z0-9+.-]++://[^/\s@\"']++@[^\s\"'<>\]]++", re.IGNORECASE)
_REQUIREMENTS = ("pypi.requirement", "dependencies", "project.dependencies")
_NATIVE = ("pypi", "conda", "channels", "name", "python", "base.image")


def statements(path: str, text: str) -> Iterator[Statement]:
    """The statements of one file of a definition."""
    yield from _logins(path, text)
    suffix = PurePath(path).suffix
    if suffix in (".yml", ".yaml", ".json"):
        yield from _in_tree(path, document_of(path, text))
    elif suffix in (".toml", ".py"):
        toml = text if suffix == ".toml" else _header(path, text)
        for key, item, line in strings_in(toml):
            yield from _in_toml(path, key, item, line)
    elif suffix in (".txt", ".in"):
        yield from _in_requirements(path, text)


def _header(path: str, text: str) -> str:
    try:
        return header_document(text, path)
    except InvalidDefinition:
        return ""


def document_of(path: str, text: str) -> Node | None:
    """A YAML or JSON document; None where it is neither."""
    suffix = PurePath(path).suffix
    try:
        if suffix == ".json":
            return load_json(path, lambda _: text.encode())
        return parse(text) if suffix in (".yml", ".yaml") else None
    except (InvalidDefinition, YamlFault):
        return None


def conda_tables(document: Node | None) -> list[Map]:
    """The tables of a document that are conda environments: itself, or those of an AzureML environment in it."""
    if not isinstance(document, Map):
        return []
    if "dependencies" in document.entries and not {"python", "build_dependencies"} & set(document.entries):
        return [document]
    python = document.entries.get("python")
    inner = python.entries.get("condaDependencies") if isinstance(python, Map) else document.entries.get("conda_file")
    return [inner] if isinstance(inner, Map) else []


def _logins(path: str, text: str) -> Iterator[Statement]:
    for number, line in enumerate(text.split("\n"), 1):
        for url in _LOGIN.findall(line):
            try:
                yield Statement("login", address(url.lstrip("0123456789+.-").rstrip("),;")).host, path, number)
            except ValueError:
                continue


def _in_tree(path: str, document: Node | None) -> Iterator[Statement]:
    for table in conda_tables(document):
        yield from _in_conda(path, table)
    if not isinstance(document, Map):
        return
    if isinstance(image := document.entries.get("image"), Scalar):
        yield Statement("base", image.text, path, image.line)
    if isinstance(docker := document.entries.get("docker"), Map):
        yield from _base_image(path, docker)
    for key in ("variables", "environmentVariables", "environment_variables"):
        given = document.entries.get(key)
        if isinstance(given, Map):
            yield from (Statement("variables", name, path, line) for name, line in given.keys.items())
    if isinstance(name := document.entries.get("name"), Scalar):
        yield Statement("name", name.text, path, name.line)


def _base_image(path: str, docker: Map) -> Iterator[Statement]:
    """The image in AzureML's section, with the registry that is part of its name."""
    image, registry = docker.entries.get("baseImage"), docker.entries.get("baseImageRegistry")
    address = registry.entries.get("address") if isinstance(registry, Map) else registry
    name = image.text if isinstance(image, Scalar) and image.kind is Kind.TEXT else ""
    host = address.text if isinstance(address, Scalar) and address.kind is Kind.TEXT else ""
    try:
        whole = image_of_text(host, name).reference if isinstance(registry, Scalar) else image_reference(host, name)
    except ValueError:
        return
    stated = image if name and isinstance(image, Scalar) else address
    if whole and stated is not None:
        yield Statement("base", whole, path, stated.line)


def _in_conda(path: str, table: Map) -> Iterator[Statement]:
    channels, dependencies = table.entries.get("channels"), table.entries.get("dependencies")
    if isinstance(channels, Sequence):
        yield from (
            Statement("channels", one.text, path, one.line) for one in channels.items if isinstance(one, Scalar)
        )
    for item in dependencies.items if isinstance(dependencies, Sequence) else ():
        if isinstance(item, Scalar):
            yield Statement("conda", item.text, path, item.line)
            if spec_name(item.text) == "python":
                yield Statement("python", item.text, path, item.line)
        elif isinstance(item, Map) and isinstance(lines := item.entries.get("pip"), Sequence):
            for one in lines.items:
                if isinstance(one, Scalar):
                    yield from _in_line(path, one.text, one.line)


def _in_requirements(path: str, text: str) -> Iterator[Statement]:
    for logical in logical_lines(text):
        yield from _in_line(path, f"{logical.requirement} {logical.options}".strip(), logical.number)


def _in_line(path: str, text: str, line: int) -> Iterator[Statement]:
    """One line of pip's: a requirement, or an index."""
    logical = next(logical_lines(text), None)
    if logical is None:
        return
    if logical.requirement:
        yield Statement("pypi", logical.requirement, path, line)
    try:
        options = options_of(logical.options, SHORTS, FLAGS)
    except ValueError:
        return
    for short, value in options:
        option = LONG_NAMES.get(short, short)
        if option == "--index-url":
            yield Statement("index", "pypi", path, line)
        elif option == "--extra-index-url" and value:
            yield from _extra(path, value, line)


def _extra(path: str, url: str, line: int) -> Iterator[Statement]:
    try:
        yield Statement("index", index_name(url), path, line)
    except ValueError:
        return


def _in_toml(path: str, key: str, item: str, line: int) -> Iterator[Statement]:
    """A string of a TOML file, by the whole name of its key."""
    name = key.removeprefix("tool.envbuild.")
    if name in _NATIVE:
        yield Statement({"base.image": "base"}.get(name, name), item, path, line)
    elif name in _REQUIREMENTS or key.startswith(("project.optional-dependencies.", "dependency-groups.")):
        yield Statement("pypi", item, path, line)
    elif key in ("requires-python", "project.requires-python"):
        yield Statement("python", item, path, line)
    elif name.startswith("variables."):
        yield Statement("variables", name.removeprefix("variables."), path, line)
    elif name in ("index.name", "tool.uv.index.name"):
        yield Statement("index", item, path, line)
