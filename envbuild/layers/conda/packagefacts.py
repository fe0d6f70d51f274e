"""Facts about a conda package that later steps need, all strings: what its index says, and what some of its files say."""

import re
from collections.abc import Mapping

from envbuild.layers.conda.activation import ACTIVATE_D, ENV_VARS_D, activation_facts
from envbuild.layers.conda.condainfo import PackageInfo
from envbuild.layers.conda.pythondists import METADATA_PATH, distributions_fact

__all__ = ["is_read", "link_scripts", "package_facts"]

_LINK_SCRIPT = re.compile(r"bin/\.[^/]+-(?:pre|post)-(?:link|unlink)\.sh")


def is_read(path: str) -> bool:
    """Whether a file below the prefix is read for what it says."""
    folder = path.startswith((ENV_VARS_D, ACTIVATE_D))
    return folder or METADATA_PATH.fullmatch(path) is not None or _LINK_SCRIPT.fullmatch(path) is not None


def link_scripts(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Those of these files that an installer would run, by path."""
    return {path: content for path, content in files.items() if _LINK_SCRIPT.fullmatch(path)}


def package_facts(info: PackageInfo, md5: str, files: Mapping[str, bytes], prefix: str) -> dict[str, str]:
    """The facts: name, version, build, build_number, subdir, noarch, md5, license, license_family, track_features,
    python_site_packages_path, timestamp, depends and constrains (one a line), `distributions`, and those of activation.

    `files` are the contents of the paths that `is_read` names.
    """
    index = info.index
    facts = {
        "name": info.name,
        "version": info.version,
        "build": info.build,
        "build_number": str(index["build_number"]),
        "subdir": info.subdir,
        "noarch": info.noarch.value,
        "md5": md5,
        "license": index.get("license") or "",
        "license_family": index.get("license_family") or "",
        "track_features": info.track_features,
        "python_site_packages_path": index.get("python_site_packages_path") or "",
        "timestamp": str(index.get("timestamp") or ""),
        "depends": "\n".join(index.get("depends") or ()),
        "constrains": "\n".join(index.get("constrains") or ()),
        "distributions": distributions_fact(files) or "[]",
    }
    return {**facts, **activation_facts(files, prefix)}
