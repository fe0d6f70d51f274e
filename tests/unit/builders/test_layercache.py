"""A layer is made once for its id; whatever is lost of it, it is made again and never missed."""

import pytest

from envbuild.builders.layercache import LayerCache, SegmentReader
from envbuild.ids import layer_material
from envbuild.layers.join import append, directories_of, entry_content, pieces_of
from envbuild.layers.writer import LayerWriter
from envbuild.store.blobs import Blobs
from envbuild.store.claims import Claims


def material(name):
    return layer_material(name, [], layout=1, recipe=1, encoder=("splice", "1", 0))


@pytest.fixture
def store(tmp_path):
    return Blobs(tmp_path / "b"), Claims(tmp_path / "c")


def writing(calls, **files):
    def write(sink, layer_id):
        calls.append(layer_id)
        writer = LayerWriter(sink, [])
        for path, content in sorted(files.items()):
            writer.file(path, 0o644, content)
        return writer.finish(layer_id, {"k": "v"})

    return write


def test_made_once_and_found_by_another_process(store):
    calls = []
    first = LayerCache(*store).find_or_make(material("x"), writing(calls, a=b"1"))
    second = LayerCache(*store).find_or_make(material("x"), writing(calls, a=b"1"))
    assert first == second
    assert len(calls) == 1


def test_the_count_tells_new_layers_from_old_ones(store):
    LayerCache(*store).find_or_make(material("x"), writing([], a=b"1"))
    cache = LayerCache(*store)
    layers = [cache.find_or_make(material(n), writing([], a=b"1")) for n in ("x", "y")]
    count = cache.count(layers)
    assert (count.reused, count.made, count.made_bytes) == (1, 1, layers[1].size)


@pytest.mark.parametrize("lost", ["blob", "table", "claim", "garbled"])
def test_what_is_lost_is_made_again(store, lost):
    blobs, claims = store
    calls = []
    made = LayerCache(*store).find_or_make(material("x"), writing(calls, a=b"1"))
    value = claims.get("layer", made.layer_id)
    if lost == "claim":
        claims.drop("layer", made.layer_id)
    elif lost == "garbled":
        claims.put("layer", made.layer_id, {**value, "table": "no digest"}, material("x"))
    else:
        blobs.delete(made.blob if lost == "blob" else blobs_digest(value["table"]))
    assert LayerCache(*store).find_or_make(material("x"), writing(calls, a=b"1")) == made
    assert len(calls) == 2


def blobs_digest(text):
    from envbuild.digest import Digest

    return Digest.parse(text)


def test_joined_segments_hold_each_path_once_and_every_content(store):
    """A path twice in one layer is refused by engines; a lost one is a broken package."""
    cache = LayerCache(*store)
    first = cache.find_or_make(material("1"), writing([], a=b"one", c=b"same"))
    second = cache.find_or_make(material("2"), writing([], b=b"two", c=b"same"))
    pieces = pieces_of([first, second])
    with SegmentReader(store[0]) as read:

        def write(sink, layer_id):
            writer = LayerWriter(sink, directories_of(pieces))
            for piece in pieces:
                append(writer, piece, read)
            return writer.finish(layer_id, {})

        joined = cache.find_or_make(material("joined"), write)
        content = {m.path: entry_content(read(joined, m.offset, m.length), m.size) for m in joined.table.members}
    assert content == {"a": b"one", "b": b"two", "c": b"same"}
    assert [m.path for m in joined.table.members] == ["a", "b", "c"]
