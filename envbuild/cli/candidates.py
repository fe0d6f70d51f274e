"""What may stand at a place of the command line, for the shell's Tab key.

Each function has click's signature for `shell_complete`, and gives only what begins with `incomplete`. What is asked here
is asked while a person types: no network, nothing is written, and what cannot be read gives no candidates.
"""

import os
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = [
    "files",
    "folders",
    "images",
    "paths",
    "places",
    "platforms",
    "registries",
    "repositories",
    "setting_values",
    "settings",
    "settings_given",
]

_MOST = 2000
"""Names looked through: more would be slower than typing."""
_KINDS = {
    "store": "keep it in the store alone",
    "docker": "load it into Docker",
    "podman": "load it into Podman",
    "oci:": "write an OCI layout into a folder",
    "archive:": "write an archive that engines load",
}


def files(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem[str]]":
    """Files and folders, by the shell's own means."""
    return [_item(incomplete, "file")]


def folders(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem[str]]":
    """Folders, by the shell's own means."""
    return [_item(incomplete, "dir")]


def images(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem[str]]":
    """Names of the images in the store, and files and folders."""
    if incomplete.startswith(("oci:", "archive:")):
        return _in_form(incomplete)
    try:
        names = sorted(n for n in _image_names() if n.startswith(incomplete))
    except Exception:  # noqa: BLE001  a store that cannot be read names nothing, whatever it is that is wrong with it
        names = []
    return [*map(_item, names), *paths(incomplete)] if names else [_item(incomplete, "file")]


def places(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem[str]]":
    """Where an image may go: each kind of place, and behind `oci:` and `archive:` the paths."""
    if incomplete.startswith(("oci:", "archive:")):
        return _in_form(incomplete)
    kinds = [
        _item(kind, "part" if kind.endswith(":") else "plain", words)
        for kind, words in _KINDS.items()
        if kind.startswith(incomplete)
    ]
    return [*kinds, *repositories(_ctx, _param, incomplete)]


def registries(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem[str]]":
    """Registries that Docker's and Podman's files have logins for; no credential helper is asked."""
    return [_item(host) for host in _registries() if host.startswith(incomplete)]


def repositories(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem[str]]":
    """The same registries, as the beginnings of HOST/REPOSITORY."""
    return [_item(f"{host}/", "part") for host in _registries() if f"{host}/".startswith(incomplete)]


def platforms(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem[str]]":
    """The platforms that are served."""
    return [_item(platform) for platform in ("linux/amd64", "linux/arm64") if platform.startswith(incomplete)]


def settings(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem[str]]":
    """Names of settings."""
    return [_item(name, help=words) for name, words in _settings().items() if name.startswith(incomplete)]


def setting_values(ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem[str]]":
    """Values of the setting that the argument `name` names."""
    return _values(str(ctx.params.get("name")), incomplete)


def settings_given(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem[str]]":
    """NAME=VALUE."""
    name, equals, value = incomplete.partition("=")
    if equals:
        return _values(name, value, name + equals)
    return [_item(f"{n}=", "part", words) for n, words in _settings().items() if n.startswith(incomplete)]


def paths(incomplete: str, prefix: str = "", *, only_folders: bool = False) -> "list[CompletionItem[str]]":
    """The files and folders that a path begins, each with `prefix` before it; a folder has / behind it."""
    parent, slash, start = incomplete.rpartition("/")
    try:
        with os.scandir(os.path.expanduser(parent + slash) or ".") as found:  # noqa: PTH111 (as it was typed)
            entries = sorted((e.name, e.is_dir()) for e in islice(found, _MOST))
    except (OSError, ValueError):
        return []
    return [
        _item(f"{prefix}{parent}{slash}{name}" + "/" * is_folder, "part" if is_folder else "plain")
        for name, is_folder in entries
        if name.startswith(start) and (start.startswith(".") or not name.startswith("."))
        if (is_folder or not only_folders) and name.isprintable()
    ]


def _in_form(incomplete: str) -> "list[CompletionItem[str]]":
    form, colon, path = incomplete.partition(":")
    return paths(path, form + colon, only_folders=form == "oci")


def _image_names() -> Iterable[str]:
    from envbuild.store.claims import Claims
    from envbuild.store.places import Places

    claims = Claims(Places.read(os.environ).claims)
    for identity, _ in islice(claims.entries("name"), _MOST):
        material = claims.material("name", identity)
        if isinstance(material, dict) and isinstance(name := material.get("name"), str):
            yield name


def _registries() -> Iterable[str]:
    try:
        from envbuild.registry.dockerconfig import known_hosts

        return sorted(known_hosts(os.environ))
    except Exception:  # noqa: BLE001  as above
        return ()


def _settings() -> dict[str, str]:
    from envbuild.settings.known import KNOWN

    return {name: setting.meaning for name, setting in KNOWN.items()}


def _values(name: str, incomplete: str, prefix: str = "") -> "list[CompletionItem[str]]":
    from envbuild.settings.known import KNOWN, Kind

    setting = KNOWN.get(name)
    match setting.kind if setting else None:
        case Kind.FILE | Kind.FOLDER as kind if prefix:
            return paths(incomplete, prefix, only_folders=kind is Kind.FOLDER)
        case Kind.FILE:
            return [_item(incomplete, "file")]
        case Kind.FOLDER:
            return [_item(incomplete, "dir")]
        case Kind.SWITCH:
            words: tuple[str, ...] = ("on", "off")
        case _:
            words = setting.choices if setting else ()
    return [_item(prefix + word) for word in words if word.startswith(incomplete)]


def _item(value: str, kind: str = "plain", help: str | None = None) -> "CompletionItem[str]":  # noqa: A002
    from click.shell_completion import CompletionItem

    return CompletionItem(value, type=kind, help=help)
