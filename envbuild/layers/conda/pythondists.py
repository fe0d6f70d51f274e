"""The Python distributions in a conda package, read from its own files: what pip's packages beside it need not bring."""

import json
import re
from collections.abc import Mapping

from packaging.utils import canonicalize_name

from envbuild.layers.wheelmetadata import header_fields

__all__ = ["METADATA_PATH", "distributions_fact"]

METADATA_PATH = re.compile(
    r"lib/python[0-9]+\.[0-9]+t?/site-packages/[^/]+\.(?:dist-info/METADATA|egg-info/PKG-INFO|egg-info)"
)
"""Where such files lie below the prefix. The last form is distutils', a file alone."""

_EXTRA = re.compile(r"\bextra\b")


def distributions_fact(files: Mapping[str, bytes]) -> str:
    """The fact `distributions`: a JSON list of [normalized name, version, [Requires-Dist lines that an extra brings]].

    `files` are the contents by path; those that match `METADATA_PATH` are read. Nothing where there is none.
    """
    found = []
    for path in sorted(files):
        if METADATA_PATH.fullmatch(path):
            fields = header_fields(files[path])
            name, version = fields.get("name", [""])[0], fields.get("version", [""])[0]
            if name and version:
                extras = [line for line in fields.get("requires-dist", []) if _EXTRA.search(line.partition(";")[2])]
                found.append([canonicalize_name(name), version, extras])
    return json.dumps(found, ensure_ascii=False) if found else ""
