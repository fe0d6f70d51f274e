"""Values of a YAML or JSON document, where those of variables are the text that was written: `yes` is no truth value.

A variable without a value is empty.
"""

from typing import Any

from envbuild.formats.nodes.yamlnodes import Kind, Map, Node, Scalar, plain

__all__ = ["plain_as_written"]

_VARIABLES = "environmentVariables"


def plain_as_written(node: Node | None) -> Any:
    """As dict, list, text, number, truth value and None; values of `environmentVariables` as texts, wherever it is."""
    if not isinstance(node, Map):
        return plain(node)
    return {
        key: _variables(value) if key == _VARIABLES else plain_as_written(value) for key, value in node.entries.items()
    }


def _variables(node: Node) -> Any:
    if not isinstance(node, Map):
        return plain(node)
    return {
        name: ("" if value.kind is Kind.NOTHING else value.text) if isinstance(value, Scalar) else plain(value)
        for name, value in node.entries.items()
    }
