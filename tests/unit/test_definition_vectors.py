"""The published vectors of docs/definitions.md: whoever makes the same id in another language has these to check against.

A vector that changes here is a decision with a new schema number: an image that was built would not be found any more.
"""

import json
from pathlib import Path

import pytest

from envbuild.formats.reading import read
from envbuild.ids import definition_material, identity, request_material
from envbuild.normalize import normalize

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "definitions.json"
VECTORS = json.loads(GOLDEN.read_text(encoding="utf-8"))


def loader(vector):
    def load(name):
        if name != vector["file"]:
            raise FileNotFoundError(2, "No such file or directory", name)
        return vector["text"].encode()

    return load


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_a_file_means_what_was_published(vector):
    definition = read(vector["file"], loader(vector), finish=normalize).definition
    material = definition_material(definition)
    assert material == vector["material"]
    assert str(identity(material)) == vector["definition"]
    requests = {
        str(platform): str(identity(request_material(definition, platform))) for platform in definition.platforms
    }
    assert requests == vector["requests"]


def test_every_field_of_the_materials_is_in_some_vector():
    """A field that no vector shows could be made in two ways by two programs that both pass."""
    plain = VECTORS["nothing but Python"]["material"]
    seen = {
        (part, key)
        for vector in VECTORS.values()
        for part, material in (("request", vector["material"]["request"]), ("definition", vector["material"]))
        for key, value in material.items()
        if value != (plain["request"] if part == "request" else plain).get(key)
    }
    request_keys = set(plain["request"]) | {"no-deps", "channel-priority"}
    definition_keys = (set(plain) | {"activate"}) - {"schema"}
    not_yet = {("request", "sdists"), ("request", "layout"), ("definition", "bytecode"), ("definition", "copy")}
    wanted = {("request", key) for key in request_keys} | {("definition", key) for key in definition_keys}
    assert wanted - seen <= not_yet
