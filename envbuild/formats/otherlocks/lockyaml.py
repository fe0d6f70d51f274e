"""Another tool's lock as a YAML table, with what can be wrong before anything in it is looked at."""

from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.nodes.yamlnodes import Map, YamlFault, parse_lock
from envbuild.formats.otherlocks.lockopening import lock_text
from envbuild.formats.sourcefile import Loader

__all__ = ["lock_map"]


def lock_map(path: str, load: Loader, again: str) -> Map:
    """The document of a lock that is YAML. UsageError: it cannot be read; InvalidDefinition: it is no such document."""
    text = lock_text(path, load, again)
    try:
        document = parse_lock(text)
    except YamlFault as fault:
        raise InvalidDefinition([Fault(f"{path}:{fault.line}", fault.what, fault.hint)]) from None
    if not isinstance(document, Map):
        raise InvalidDefinition([Fault(path, "this is no lock: a table is expected", f"make it anew: {again}")])
    return document
