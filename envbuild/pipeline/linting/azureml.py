"""Fields of AzureML's own environments that its service warned of, or that mean nothing without it.

azureml-core's `Environment` as `save_to_directory` writes it, camelCase, and an asset's YAML, snake_case; AzureML documentation,
"Troubleshooting environment issues".
"""

from collections.abc import Iterator, Mapping

from envbuild.formats.nodes.yamlnodes import Kind, Map, Node, Scalar, Sequence
from envbuild.pipeline.linting.codes import Finding, found

__all__ = ["azureml_fields"]

_RUN = "say it to the run: its container is not the image"
_DEPRECATED: Mapping[str, tuple[frozenset[str], str]] = {
    "docker.enabled": (frozenset({"false"}), "leave it out: envbuild run --container"),
    "docker.sharedVolumes": (frozenset({"true"}), _RUN),
    "docker.gpuSupport": (frozenset({"true", "false"}), 'leave it out: accelerator = "cu128" says what is needed'),
    "docker.shmSize": (frozenset({"2g"}), _RUN),
    "docker.arguments": (frozenset(), _RUN),
    "python.condaDependenciesFile": (frozenset(), "name the environment.yml itself, or write its content here"),
}
"""By field path: the values that the SDK wrote by itself, which say nothing, and what to do instead."""


def azureml_fields(document: Map) -> Iterator[Finding]:
    """EB118 for what was deprecated, EB116 and EB109 for a registry's login, EB125 for a registry that is a text."""
    for path, (silent, remedy) in _DEPRECATED.items():
        node, line = _at(document, path)
        if node is not None and not _is_empty(node) and _words(node) not in silent:
            what = "was deprecated in AzureML"
            yield found("EB118", path, _words(node), what, remedy=remedy, line=line)
    registry, line = _at(document, "docker.baseImageRegistry")
    field = "docker.baseImageRegistry"
    if isinstance(registry, Scalar) and not _is_empty(registry):
        yield found("EB125", field, registry.text, "a text, where AzureML has a table", line=line)
    if isinstance(registry, Map):
        yield from _login(registry, field, line)


def _login(registry: Map, field: str, line: int) -> Iterator[Finding]:
    given = {key for key, node in registry.entries.items() if not _is_empty(node)}
    address = registry.entries.get("address")
    host = address.text if isinstance(address, Scalar) and "address" in given else ""
    if len(given & {"username", "password"}) == 1:
        missing = min({"username", "password"} - given)
        yield found("EB116", field, host, f"half a login: there is no {missing}", line=line)
    if "password" in given:
        yield found("EB109", "login", host, "its password stands in the file", line=registry.keys["password"])


def _at(document: Map, path: str) -> tuple[Node | None, int]:
    """What stands at a field path, and the line of its key."""
    *outer, last = path.split(".")
    table: Node | None = document
    for key in outer:
        table = table.entries.get(key) if isinstance(table, Map) else None
    if not isinstance(table, Map) or last not in table.entries:
        return None, 0
    return table.entries[last], table.keys[last]


def _is_empty(node: Node) -> bool:
    match node:
        case Scalar():
            return node.kind is Kind.NOTHING or not node.text
        case Sequence():
            return not node.items
        case Map():
            return all(map(_is_empty, node.entries.values()))


def _words(node: Node) -> str:
    """A single value; of what is more, nothing: it is found by its key."""
    return node.text if isinstance(node, Scalar) else ""
