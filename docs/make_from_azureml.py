"""Writes docs/from-azureml.md from docs/azureml_surface.toml: `make docs`. `text()` is what must stand there."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("from-azureml.md")
TABLE = Path(__file__).with_name("azureml_surface.toml")
WORDS = {"works": "works", "differs": "differs", "gone": "gone", "open": "not yet"}
HEAD = """\
# From AzureML

Made from docs/azureml_surface.toml by `make docs`; change it there. Each row that works or differs is run as a test.

Code for azureml-core (SDK v1) that defines, edits, saves or loads environments runs with `azureml.core` replaced by `envbuild`:

```python
from envbuild import Environment
from envbuild.conda_dependencies import CondaDependencies
from envbuild.runconfig import DockerConfiguration

environment = Environment("train")
environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["scikit-learn"])
definition = environment.to_definition()
```

`to_definition()` gives the frozen `Definition` that has an id, and raises `InvalidDefinition` with everything that is wrong;
`to_reading()` gives it with what was left out or assumed. azureml-defaults, azureml-core and azureml-sdk are left out, unless
`keep_azureml=True`. docs/azureml-examples.md has the documentation's examples.

{counts}
"""


def rows() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row with its section's title; those that share their words one by one."""
    for section in tomllib.loads(TABLE.read_text(encoding="utf-8"))["section"]:
        for row in section.get("row", []):
            for name in row.get("each") or [row["name"]]:
                yield section["title"], {"module": section["module"], **_one_of_each(row, name)}
        for group in section.get("open", []):
            for name in group["names"]:
                plain, bracket, rest = name.partition("(")
                yield (
                    section["title"],
                    {
                        "module": section["module"],
                        "name": plain,
                        "signature": bracket + rest,
                        "status": "open",
                        "words": group["words"],
                    },
                )


def _one_of_each(row: dict[str, Any], name: str) -> dict[str, Any]:
    """The row of one name, its check with the name in it."""
    if "each" not in row:
        return row
    found = {**row, "name": name}
    if "check" in row:
        words = {"name": name, "cls": name.partition(".")[0], "last": name.rpartition(".")[2]}
        found["check"] = re.sub(r"\{(name|cls|last)\}", lambda match: words[match[1]], row["check"])
    return found


def text() -> str:
    """The whole page."""
    found = list(rows())
    counts = {status: sum(row["status"] == status for _, row in found) for status in WORDS}
    said = ", ".join(f"{count} {WORDS[status]}" for status, count in counts.items())
    parts = [HEAD.format(counts=f"{len(found)} rows: {said}.")]
    for title in dict.fromkeys(title for title, _ in found):
        lines = [_line(row) for of, row in found if of == title]
        parts.append("\n".join([f"## {title}", "", "| name | | what it does here |", "|---|---|---|", *lines, ""]))
    return "\n".join(parts)


def _line(row: dict[str, Any]) -> str:
    name = ", ".join(f"`{part}`" for part in row["name"].split(", "))
    if row.get("signature"):
        name = f"`{row['name']}{row['signature']}`"
    cells = (name, WORDS[row["status"]], row["words"])
    return "| " + " | ".join(re.sub(r"(?<!\\)\|", r"\\|", " ".join(cell.split())) for cell in cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
