"""What only a file's own form shows: a definition that is read from it has it no more.

conda's environment.yml, and AzureML's environments (a saved azureml_environment.json, an asset's YAML) in which one may stand.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePath

from envbuild.formats.conda.condaspecs import spec_name
from envbuild.formats.conda.environmentyml import AZUREML_PACKAGES
from envbuild.formats.nodes.yamlnodes import Kind, Map, Node, Scalar, Sequence
from envbuild.pipeline.linting.azureml import azureml_fields
from envbuild.pipeline.linting.codes import Finding, found
from envbuild.pipeline.linting.places import Statement
from envbuild.pipeline.linting.python import conda_pythons
from envbuild.pipeline.linting.statements import conda_tables, document_of, statements

__all__ = ["own_forms"]

_RESERVED = ("microsoft", "azureml")
_LONGEST_NAME = 255
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def own_forms(path: str, text: str) -> Iterator[Finding]:
    """The findings of one file, each with its line."""
    for stated in statements(path, text):
        if stated.field == "name":
            yield from _name(stated)
    document = document_of(path, text)
    tables = conda_tables(document)
    for table in tables:
        yield from (replace(one, path=path) for one in _conda(table))
    if isinstance(document, Map) and (PurePath(path).suffix == ".json" or document not in tables):
        yield from (replace(one, path=path) for one in azureml_fields(document))


def _name(stated: Statement) -> Iterator[Finding]:
    path, line = stated.path, stated.line
    if stated.item.lower().startswith(_RESERVED):
        yield found("EB113", "name", stated.item[:80], "names that begin so were AzureML's own", path=path, line=line)
    if len(stated.item) > _LONGEST_NAME:
        what = f"it has {len(stated.item)} characters, and is shortened"
        yield found("EB127", "name", stated.item[:80], what, path=path, line=line)


def _conda(table: Map) -> Iterator[Finding]:
    if not _items(table.entries.get("channels")):
        line = table.keys.get("channels", 0)
        yield found("EB111", "channels", "", "no channel is named: conda-forge is meant", line=line)
    if "prefix" in table.entries:
        what = "a folder of the machine that wrote the file"
        yield found("EB112", "prefix", _text(table.entries["prefix"]), what, line=table.keys["prefix"])
    items = _items(table.entries.get("dependencies"))
    specs = [(item.text, item.line) for item in items if isinstance(item, Scalar)]
    lines = dict(reversed(specs))
    for one in conda_pythons([text for text, _ in specs]):
        yield replace(one, line=_line_of(one, specs) if one.code == "EB121" else lines.get(one.item, 0))
    for item in items:
        if isinstance(item, Map) and "pip" in item.entries:
            yield from _pip(item, is_named=any(spec_name(text) == "pip" for text, _ in specs))


def _line_of(again: Finding, specs: list[tuple[str, int]]) -> int:
    """That of the last: the first is the one that it repeats."""
    return max(line for text, line in specs if text == again.item)


def _pip(item: Map, *, is_named: bool) -> Iterator[Finding]:
    lines = _items(item.entries["pip"])
    if lines and not is_named:
        what = "packages from an index, but no pip among conda's"
        yield found("EB107", "conda", "", what, line=item.keys["pip"])
    for one in lines:
        name = re.match(_NAME, _text(one))
        if name and re.sub(r"[._-]+", "-", name[0]).lower() in AZUREML_PACKAGES:
            yield found("EB123", "pypi", _text(one), "it is left out: its service has ended", line=one.line)


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else ()


def _text(node: Node) -> str:
    return node.text if isinstance(node, Scalar) and node.kind is not Kind.NOTHING else ""
