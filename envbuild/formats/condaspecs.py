"""Conda's package specs as text: MatchSpec (conda's CEP 29), checked as far as a definition needs it."""

import re
from collections.abc import Sequence

__all__ = ["is_only_python", "names_a_version", "python_of", "spec_name", "spec_text"]

_SPEC = re.compile(
    r"""
    (?:(?P<channel>[A-Za-z0-9_./:+-]+?)(?:/(?P<subdir>noarch|linux-[a-z0-9]+|osx-[a-z0-9]+|win-[a-z0-9]+))?::)?
    (?P<name>\*|_?[A-Za-z0-9][A-Za-z0-9._-]*)
    (?P<rest>\s*(?:[<>=!~][^\[\]@]*|\s[0-9*<>=!~][^\[\]@]*)?)
    (?P<brackets>(?:\[[^\]]*\])*)
    """,
    re.VERBOSE,
)
_PYTHON = re.compile(r"(?:={1,2}|~=|>=)?\s*(?P<minor>3\.\d{1,3})(?P<patch>\.\d+)?(?:\.?\*)?(?P<build>=\S+)?")
_ONE_VERSION = re.compile(r"={0,2}\s*[0-9][^*<>!|,=]*(?:[= ]\S+)?")
_EMPTY = re.compile(r"\s*[<>=!~]+\s*")
_BETWEEN = re.compile(r">=\s*3\.(?P<low>\d{1,3})(?:\.0)?\s*,\s*<\s*3\.(?P<high>\d{1,3})(?:\.0)?(?:a0)?")


def spec_text(text: str) -> str:
    """The spec with its white space made one. ValueError says what is wrong with it."""
    spec = " ".join(text.split())
    found = _SPEC.fullmatch(spec)
    if found is None:
        raise ValueError(_why_not(spec))
    if _EMPTY.fullmatch(found["rest"]):
        raise ValueError("no version stands behind the sign")
    return spec


def spec_name(spec: str) -> str:
    """The package's name, in lower case as conda compares it."""
    found = _SPEC.fullmatch(spec)
    return found["name"].lower() if found else ""


def is_only_python(specs: Sequence[str]) -> bool:
    """Whether conda has to give nothing but python and pip."""
    return {spec_name(spec) for spec in specs} <= {"python", "pip"}


def names_a_version(spec: str) -> bool:
    """Whether a spec allows one version alone, with whatever builds it has."""
    found = _SPEC.fullmatch(spec)
    return found is not None and _ONE_VERSION.fullmatch(found["rest"].strip()) is not None


def python_of(spec: str) -> tuple[str, tuple[str, str] | None]:
    """The Python that a spec of it names (`3.11`; nothing where it leaves it open), and what is wrong with it with a hint."""
    found = _SPEC.fullmatch(spec)
    rest = (found["rest"] if found else "").strip()
    if not rest:
        return "", None
    between = _BETWEEN.fullmatch(rest)
    if between and int(between["high"]) == int(between["low"]) + 1:
        return f"3.{between['low']}", None
    exact = _PYTHON.fullmatch(rest)
    if exact is None or (rest.startswith((">=", "~=")) and not exact["patch"]):
        return "", (f"{spec}: which Python is meant is not clear", "name one: `python=3.11`")
    if exact["patch"] or exact["build"]:
        minor = exact["minor"]
        return "", (f"{spec}: the base has one build of Python {minor}, and this names another", f"`python={minor}`")
    return exact["minor"], None


def _why_not(spec: str) -> str:
    if spec.startswith(("-", "--")):
        return "an option has no place among conda's packages"
    if spec.startswith(("http://", "https://", "file:")) or spec.endswith((".conda", ".tar.bz2")):
        return "a package file's URL is not read here"
    if "@" in spec and "://" in spec:
        return "this is pip's form: it belongs below `- pip:`"
    return "this is no conda package"
