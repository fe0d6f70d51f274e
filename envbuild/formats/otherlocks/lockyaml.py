"""Another tool's lock as a YAML table, with what can be wrong before anything in it is looked at."""

from collections.abc import Iterator

from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.nodes.yamlfields import YamlFields
from envbuild.formats.nodes.yamlfile import parsed
from envbuild.formats.nodes.yamlnodes import Kind, Map, Node, Scalar, Sequence, parse_lock
from envbuild.formats.otherlocks.lockopening import lock_text
from envbuild.formats.sourcefile import Loader

__all__ = ["lock_map", "rows", "url_of"]


def lock_map(path: str, load: Loader, again: str) -> Map:
    """The document of a lock that is YAML. UsageError: it cannot be read; InvalidDefinition: it is no such document."""
    document = parsed(lock_text(path, load, again), path, parse_lock)
    if not isinstance(document, Map):
        raise InvalidDefinition([Fault(path, "this is no lock: a table is expected", f"make it anew: {again}")])
    return document


def rows(fields: YamlFields, key: str, again: str) -> Iterator[Node]:
    """What a list has. A fault where it is none, even where it is nothing at all: its packages would be gone."""
    if key not in fields.names:
        return
    listed = fields.take(key)
    if isinstance(listed, Sequence):
        yield from listed.items
    else:
        fields.fault(key, "expected a list", f"was the lock edited by hand? Make it anew: {again}")


def url_of(item: Node) -> str:
    """The URL of a channel, which stands alone or as `url:`; nothing where there is none."""
    place = item.entries.get("url") if isinstance(item, Map) else item
    return place.text if isinstance(place, Scalar) and place.kind is Kind.TEXT else ""
