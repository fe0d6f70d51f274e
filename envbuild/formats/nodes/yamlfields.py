"""`YamlFields`: the entries of one YAML table by kind; what is wrong is collected, each fault with its line."""

from difflib import get_close_matches

from envbuild.errors import Fault
from envbuild.formats.nodes.yamlnodes import Kind, Map, Node, Scalar, Sequence

__all__ = ["YamlFields"]


class YamlFields:
    """Entries are taken; what is left at the end is unknown. `inside` is the path of the table, for messages."""

    def __init__(self, table: Map, path: str, faults: list[Fault], inside: str = "") -> None:
        self._table, self._path, self._inside = table, path, inside
        self._left = dict(table.entries)
        self.faults = faults

    @property
    def names(self) -> tuple[str, ...]:
        """The keys, in order."""
        return tuple(self._table.entries)

    def at(self, key: str) -> str:
        """file:line of a key; of the table where it has none of that name."""
        return f"{self._path}:{self._table.keys.get(key, self._table.line)}"

    def fault(self, key: str, what: str, hint: str) -> None:
        """Note what is wrong at a key."""
        self.faults.append(Fault(self.at(key), f"{self._inside}{key}: {what}", hint))

    def __contains__(self, key: str) -> bool:
        """Whether the table has the key, with a value."""
        node = self._table.entries.get(key)
        return node is not None and not (isinstance(node, Scalar) and node.kind is Kind.NOTHING)

    def take(self, key: str) -> Node | None:
        """The entry as it is, or None."""
        node = self._left.pop(key, None)
        return None if isinstance(node, Scalar) and node.kind is Kind.NOTHING else node

    def text(self, key: str, default: str = "") -> str:
        """A text; a number, truth value or date as it is written is a fault, since YAML may have changed it."""
        node = self.take(key)
        if node is None:
            return default
        if isinstance(node, Scalar) and node.kind in (Kind.TEXT, Kind.DATE):
            return node.text
        if isinstance(node, Scalar):
            self.fault(key, f"{node.text} is {node.kind.value} to YAML, not a text", f'put it in quotes: "{node.text}"')
        else:
            self.fault(key, "expected a text", "is the indent right?")
        return default

    def words(self, key: str) -> str:
        """What is written there, whatever YAML takes it for: a version is 1 or "1"."""
        node = self.take(key)
        if node is None or isinstance(node, Scalar):
            return node.text if node else ""
        kind = "a list" if isinstance(node, Sequence) else "a table"
        self.fault(key, f"expected a text, got {kind}", "is the indent right?")
        return ""

    def flag(self, key: str) -> bool:
        """True or false."""
        node = self.take(key)
        if node is None:
            return False
        if isinstance(node, Scalar) and node.kind is Kind.BOOLEAN:
            return node.text.lower() in {"yes", "true", "on", "y"}
        self.fault(key, "expected true or false", f"write `{key}: true`")
        return False

    def table(self, key: str) -> "YamlFields | None":
        """A table in it."""
        node = self.take(key)
        if node is None:
            return None
        if isinstance(node, Map):
            return self.inner(key, node)
        self.fault(key, "expected a table", f"`{key}:` and below it `NAME: value`")
        return None

    def inner(self, key: str, table: Map) -> "YamlFields":
        """The fields of a table that was taken at a key; its faults are told with the others."""
        return YamlFields(table, self._path, self.faults, f"{self._inside}{key}.")

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        """A table of names and words, as they are written."""
        inner = self.table(key)
        if inner is None:
            return ()
        return tuple((name, inner.words(name)) for name in inner.names)

    def items(self, key: str) -> list[tuple[str, int]]:
        """A list of texts, each with its line."""
        node = self.take(key)
        if node is None:
            return []
        if not isinstance(node, Sequence):
            self.fault(key, "expected a list", "write each on a line of its own, behind `- `")
            return []
        found = []
        for item in node.items:
            if isinstance(item, Scalar) and item.kind in (Kind.TEXT, Kind.DATE):
                found.append((item.text, item.line))
            else:
                self.faults.append(
                    Fault(f"{self._path}:{item.line}", f"{self._inside}{key}: expected a text", "put it in quotes")
                )
        return found

    def unknown(self, known: tuple[str, ...]) -> None:
        """A fault for each entry that nobody took."""
        for key in self._left:
            near = get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            self.fault(key, "unknown field", hint)
