"""One image, or all images of a layout: documents, blobs, layers and how they fit together."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import documents
from .finding import Finding
from .places import Layout, Place
from .tarstream import Content, content_of, gzip_reads
from .tree import check_entries, check_tree

LAYERS = 125
"""What a Docker engine with a graph driver can stack."""

_OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_DOCKER = "application/vnd.docker."
_GO = {"amd64", "arm64", "arm", "386", "ppc64le", "riscv64", "s390x"}
_EPOCH = "1970-01-01T00:00:00Z"
_NAME = "org.opencontainers.image.ref.name"
_LABELS = ("io.envbuild.image", "io.envbuild.layout", "io.envbuild.lock")
_ENV = re.compile(r"([^=\0]+)=[^\0]*")


class Checker:
    """Checks images; a layer that several have is read once."""

    def __init__(self) -> None:
        self._layers: dict[tuple[str, int], tuple[Content, tuple[Finding, ...]]] = {}
        self.images: set[str] = set()
        """The digests of the manifests that were checked."""

    def layout(self, folder: Path) -> list[Finding]:
        """A folder in OCI's image layout, and every image in it."""
        found: list[Finding] = []
        place = Layout(folder)
        said = documents.read(place.file("oci-layout"), "oci-layout", found)
        if said != {"imageLayoutVersion": "1.0.0"}:
            found.append(Finding("layout-file", "oci-layout", str(said)))
        for digest in place.digests():
            with place.open(digest) as stream:
                if f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}" != digest:
                    found.append(Finding("layout-blobs", digest, "holds other bytes"))
        index = documents.read(place.file("index.json"), "index.json", found)
        if not isinstance(index, dict):
            return [*found, Finding("layout-index", "index.json", "is no index")]
        return found + self.index(index, "index.json", place)

    def index(self, index: Mapping[str, Any], where: str, place: Place) -> list[Finding]:
        """An index, and every image that it names."""
        found = [*documents.fields(index, documents.INDEX_FIELDS, "index-schema", where)]
        entries = index.get("manifests")
        entries = entries if isinstance(entries, list) else []
        names = [e["annotations"].get(_NAME) for e in entries if isinstance(e, dict) and e.get("annotations")]
        twice = sorted({name for name in names if name and names.count(name) > 1})
        found += [Finding("layout-names", where, f"{name} is there twice") for name in twice]
        done: set[str] = set()
        for at, entry in ((f"{where} manifests[{n}]", e) for n, e in enumerate(entries)):
            wrong = [*documents.descriptor(entry, at)]
            found += wrong
            if not wrong and entry["digest"] not in done:
                done.add(entry["digest"])
                found += self.image(entry, place, at)
        return found

    def image(self, entry: Mapping[str, Any], place: Place, where: str = "image") -> list[Finding]:
        """The image of a manifest's descriptor (or an index of images); no findings where all holds."""
        found: list[Finding] = []
        manifest = self._document(entry, place, f"{where} manifest", found)
        if not isinstance(manifest, dict):
            return found
        if manifest.get("mediaType") != entry["mediaType"]:
            found.append(Finding("manifest-type", where, f"{manifest.get('mediaType')} in {entry['mediaType']}"))
        if entry["mediaType"] == documents.INDEX:
            return found + self.index(manifest, where, place)
        self.images.add(entry["digest"])
        found += documents.fields(manifest, documents.MANIFEST_FIELDS, "manifest-schema", f"{where} manifest")
        config, layers = manifest.get("config"), manifest.get("layers")
        layers = layers if isinstance(layers, list) else []
        found += documents.descriptor(config, f"{where} config")
        for number, layer in enumerate(layers):
            found += documents.descriptor(layer, f"{where} layer {number}")
        if any(finding.check in {"descriptor-schema", "manifest-schema"} for finding in found):
            return found
        found += _types(entry, config, layers, where)
        described = self._document(config, place, f"{where} config", found)
        if isinstance(described, dict):
            found += _config(described, manifest, entry, f"{where} config")
            found += self._all_layers(layers, described, place, where)
        return found

    def _document(self, entry: Mapping[str, Any], place: Place, where: str, found: list[Finding]) -> object:
        try:
            with place.open(entry["digest"]) as stream:
                raw = stream.read()
        except KeyError:
            found.append(Finding("blob-there", where, f"{entry['digest']} is not there"))
            return None
        found += _same(entry, len(raw), f"sha256:{hashlib.sha256(raw).hexdigest()}", where)
        return documents.read(raw, where, found)

    def _all_layers(self, layers: list[Any], config: Mapping[str, Any], place: Place, where: str) -> Iterator[Finding]:
        rootfs = config.get("rootfs")
        diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
        diff_ids = diff_ids if isinstance(diff_ids, list) else []
        history = [s for s in config.get("history") or [] if isinstance(s, dict) and not s.get("empty_layer")]
        tree = []
        for number, layer in enumerate(layers):
            at = f"{where} layer {number}"
            parts = _packages(str(history[number].get("created_by", ""))) if number < len(history) else 1
            try:
                content, wrong = self._layer(layer, parts, place, at)
            except KeyError:
                yield Finding("blob-there", at, f"{layer['digest']} is not there")
                continue
            yield from wrong
            yield from _same(layer, content.size, content.digest, at)
            if number < len(diff_ids) and diff_ids[number] != content.diff_id:
                yield Finding("diff-id", at, f"{diff_ids[number]}, but it is {content.diff_id}")
            tree.append((at, content.entries))
        yield from check_tree(tree)

    def _layer(self, layer: Any, parts: int, place: Place, at: str) -> tuple[Content, tuple[Finding, ...]]:
        with place.open(layer["digest"]) as stream:
            real = f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
        if (real, parts) not in self._layers:
            with place.open(layer["digest"]) as stream:
                content = content_of(stream, at)
            with place.open(layer["digest"]) as stream:
                wrong = (*content.findings, *gzip_reads(stream, at), *check_entries(content.entries, parts, at))
            content.digest = real
            self._layers[real, parts] = content, wrong
        return self._layers[real, parts]


def _packages(summary: str) -> int:
    """How many packages a step of the history names: `wheels: a 1, b 2 and 7 more`."""
    more = re.search(r" and (\d+) more$", summary)
    return 1 + summary.count(", ") + (int(more[1]) if more else 0)


def _same(entry: Mapping[str, Any], size: int, digest: str, where: str) -> Iterator[Finding]:
    if entry["size"] != size:
        yield Finding("blob-size", where, f"{entry['size']}, but it has {size} bytes")
    if entry["digest"] != digest:
        yield Finding("blob-digest", where, f"{entry['digest']}, but it is {digest}")


def _types(entry: Mapping[str, Any], config: Mapping[str, Any], layers: list[Any], where: str) -> Iterator[Finding]:
    types = [entry["mediaType"], config["mediaType"], *(layer["mediaType"] for layer in layers)]
    if any(t.startswith(_DOCKER) for t in types) and not all(t.startswith(_DOCKER) for t in types):
        yield Finding("media-families", where, str(sorted(set(types))))
    if config["mediaType"] != documents.CONFIG:
        yield Finding("config-type", where, config["mediaType"])
    for number, layer in enumerate(layers):
        if layer["mediaType"] != _OCI_LAYER:
            yield Finding("layer-type", f"{where} layer {number}", layer["mediaType"])
    if not 0 < len(layers) <= LAYERS:
        yield Finding("layer-count", where, str(len(layers)))
    digests = [layer["digest"] for layer in layers]
    for digest in sorted({d for d in digests if digests.count(d) > 1}):
        yield Finding("layer-twice", where, digest)


def _config(
    config: Mapping[str, Any], manifest: Mapping[str, Any], entry: Mapping[str, Any], at: str
) -> Iterator[Finding]:
    wrong = [*documents.fields(config, documents.CONFIG_FIELDS, "config-schema", at)]
    wrong += documents.fields(config.get("config", {}), documents.SETTINGS, "config-schema", at)
    wrong += documents.fields(config.get("rootfs"), documents.ROOTFS, "config-schema", at)
    for number, step in enumerate(config.get("history") or []):
        wrong += documents.fields(step, documents.STEP, "config-schema", f"{at} history[{number}]")
    yield from wrong
    if wrong:
        return
    settings, history = config.get("config", {}), config.get("history", [])
    if config["os"] != "linux" or config["architecture"] not in _GO:
        yield Finding("config-platform", at, f"{config['os']}/{config['architecture']}")
    named = entry.get("platform", {"os": config["os"], "architecture": config["architecture"]})
    if any(named.get(key) != config.get(key) for key in ("os", "architecture", "variant")):
        yield Finding("index-platform", at, str(named))
    if {config.get("created"), *(step.get("created") for step in history)} != {_EPOCH}:
        yield Finding("config-created", at, str(config.get("created")))
    if config["rootfs"]["type"] != "layers":
        yield Finding("config-rootfs", at, config["rootfs"]["type"])
    layers = len(manifest["layers"])
    if len(config["rootfs"]["diff_ids"]) != layers:
        yield Finding("diff-id-count", at, f"{len(config['rootfs']['diff_ids'])} for {layers} layers")
    if (steps := sum(not step.get("empty_layer") for step in history)) != layers:
        yield Finding("history-count", at, f"{steps} for {layers} layers")
    yield from _settings(settings, manifest.get("annotations") or {}, at)


def _settings(settings: Mapping[str, Any], annotations: Mapping[str, Any], at: str) -> Iterator[Finding]:
    names = []
    for variable in settings.get("Env", []):
        if not (whole := _ENV.fullmatch(variable)):
            yield Finding("config-env", at, repr(variable))
        else:
            names.append(whole[1])
    if len(set(names)) != len(names):
        yield Finding("config-env", at, f"a name twice: {names}")
    if not re.fullmatch(r"(\d+(:\d+)?)?", settings.get("User", "")):
        yield Finding("config-user", at, settings["User"])
    labels = settings.get("Labels", {})
    for label in _LABELS:
        good = r"[1-9]\d*" if label.endswith("layout") else r"sha256:[0-9a-f]{64}"
        if not re.fullmatch(good, labels.get(label, "")) or labels[label] != annotations.get(label):
            yield Finding(
                "config-labels", at, f"{label}: {labels.get(label)}, {annotations.get(label)} in the manifest"
            )
