"""Whether a lock of conda packages still answers the environment.yml beside it, as far as names and versions show it.

conda-lock's own content_hash is over what it read and over its virtual packages, which only it knows: what is compared here
is what a reader of both files sees.
"""

from collections.abc import Mapping, Sequence

from envbuild.errors import InvalidDefinition
from envbuild.formats.nodes.yamlnodes import Map, Scalar, YamlFault, parse
from envbuild.formats.nodes.yamlnodes import Sequence as List
from envbuild.formats.sourcefile import text_of
from envbuild.matchspec.channel import channel, without_logins
from envbuild.matchspec.ranges import holds
from envbuild.matchspec.spec import match_spec

__all__ = ["behind"]

_MOST = 3


def behind(path: str, data: bytes, locked: Mapping[str, str], channels: Sequence[str], again: str) -> list[str]:
    """A notice where the file asks for what the lock has not. `locked`: versions by name.

    Whatever is wrong with the file is no reason not to take the lock: nothing is said then.
    """
    try:
        document = parse(text_of(data, path))
        if not isinstance(document, Map):
            return []
        lacks = [text for text in _texts(document, "dependencies") if not _answered(text, locked)]
        asked = [str(channel(without_logins(text)[0])) for text in _texts(document, "channels") if text != "nodefaults"]
        its = [str(channel(without_logins(text)[0])) for text in channels]
    except (YamlFault, InvalidDefinition, ValueError):
        return []
    said = [f"it lacks {', '.join(lacks[:_MOST])}{', ...' if len(lacks) > _MOST else ''}"] if lacks else []
    if asked and asked != its:
        said.append(f"its channels are {', '.join(its)}, and {', '.join(asked)} are asked for")
    return [
        f"the lock is older than {path}: {'; '.join(said)}. It is used as it is; {again} brings it up to date"
    ] * bool(said)


def _texts(document: Map, key: str) -> list[str]:
    node = document.entries.get(key)
    items = node.items if isinstance(node, List) else ()
    return [item.text for item in items if isinstance(item, Scalar)]


def _answered(text: str, locked: Mapping[str, str]) -> bool:
    """Whether the lock has a version of the package that the spec allows."""
    spec = match_spec(text)
    if spec.name.startswith("__"):
        return True
    version = locked.get(spec.name, "")
    return bool(version) and (not spec.versions or any(all(holds(c, version) for c in part) for part in spec.versions))
