"""A Dockerfile's instructions, as far as they are looked at for what hurts: never a reason to fail.

Docker documentation, "Dockerfile reference": comments, continuation lines, here-documents and `# escape=`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Instruction", "instructions"]

_ESCAPE = re.compile(r"#\s*escape\s*=\s*(\S)\s*", re.IGNORECASE)
_HEREDOC = re.compile(r"<<-?[\"']?(?P<end>[A-Za-z_][A-Za-z0-9_]*)[\"']?")
_PAIR = re.compile(r"(?<![A-Za-z0-9_.-])([A-Za-z0-9_.-]++)=(\"(?:\\.|[^\"\\])*+\"|'[^']*+'|(?:\\.|\S)*+)")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*)(?:\s++(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; `line` is its first one, from 1, `rest` what stands behind its keyword, made one line."""

    keyword: str
    rest: str
    line: int

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Of ENV and ARG: the names and values, without quotes."""
        pairs = _PAIR.findall(self.rest)
        if pairs or self.keyword != "ENV":
            return tuple((name, value.strip("\"'")) for name, value in pairs)
        old = _NAME.fullmatch(self.rest)
        return ((old[1], (old[2] or "").strip("\"'")),) if old else ()


def instructions(text: str) -> Iterator[Instruction]:
    """The instructions of a Dockerfile's text, in order."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    escape = _ESCAPE.fullmatch(lines[0].strip())
    sign = escape[1] if escape else "\\"
    at = 0
    while at < len(lines):
        first, parts = at, list[str]()
        while at < len(lines):
            line = lines[at].strip()
            at += 1
            if not line or line.startswith("#"):
                if not parts:
                    break
                continue
            parts.append(line.removesuffix(sign).rstrip())
            if not line.endswith(sign):
                break
        keyword, _, rest = " ".join(parts).partition(" ")
        if keyword:
            yield Instruction(keyword.upper(), rest.strip(), first + 1)
        for end in _HEREDOC.finditer(rest):
            while at < len(lines) and lines[at].strip() != end["end"]:
                at += 1
            at += 1
