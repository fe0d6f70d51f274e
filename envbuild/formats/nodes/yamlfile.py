"""A YAML file that a user named: its text and its one document."""

from collections.abc import Callable

from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.nodes.yamlnodes import Node, YamlFault, parse
from envbuild.formats.sourcefile import Loader, load_text

__all__ = ["load_yaml", "parsed"]


def load_yaml(path: str, load: Loader) -> tuple[str, Node | None]:
    """The text, and its document (None where it has none).

    UsageError: the file cannot be read; InvalidDefinition: it is no YAML, with the line.
    """
    text = load_text(path, load)
    return text, parsed(text, path)


def parsed(text: str, path: str, parser: Callable[[str], Node | None] = parse) -> Node | None:
    """The one document of a text that stands at `path`. InvalidDefinition: it is no YAML, with the line."""
    try:
        return parser(text)
    except YamlFault as fault:
        raise InvalidDefinition([Fault(f"{path}:{fault.line}", fault.what, fault.hint)]) from None
