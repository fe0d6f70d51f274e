"""What a check found, and the list of all checks: a name for each, and what a user has where it holds."""

from dataclasses import dataclass

CHECKS = {
    # the layout (image-layout.md)
    "layout-file": "the file oci-layout says version 1.0.0",
    "layout-index": "index.json is there and is an index",
    "layout-blobs": "every blob's bytes are those of its name",
    "layout-names": "a reference name stands for one image",
    # every JSON document
    "json-utf8": "documents are UTF-8 without a byte order mark",
    "json-names": "no object has a name twice: readers would differ on which one counts",
    "json-canonical": "written again, a document has the same bytes",
    # what points at bytes: descriptor.md
    "descriptor-schema": "every descriptor has a media type, a digest in lower-case hex and a size",
    "descriptor-data": "embedded data is what the descriptor describes",
    "blob-there": "all that a descriptor names is there",
    "blob-size": "a descriptor's size is that of the blob",
    "blob-digest": "a descriptor's digest is that of the blob",
    # the index (image-index.md)
    "index-schema": "the index has the fields and types of the specification",
    "index-platform": "the platform in an index is that of the config",
    # the manifest (manifest.md)
    "manifest-schema": "the manifest has the fields and types of the specification",
    "manifest-type": "the media type within the manifest is that of the descriptor",
    "media-families": "OCI's and Docker's media types are not mixed",
    "config-type": "the config has the media type of an image's config",
    "layer-type": "a layer's media type says how it is compressed",
    "layer-count": "there are layers, and no more than an engine can stack",
    "layer-twice": "no layer is there twice",
    # the config (config.md)
    "config-schema": "the config has the fields and types of the specification",
    "config-platform": "os and architecture are written as Go writes them",
    "config-created": "the image, and each step of its history, is of the epoch",
    "config-rootfs": "rootfs is of type layers",
    "config-env": "variables are NAME=VALUE, each name once",
    "config-user": "a user and group are numbers that need no look-up",
    "config-labels": "labels say which lock and image this is, in the config as in the manifest",
    "diff-id-count": "there are as many diff ids as layers",
    "history-count": "there are as many steps that made a layer as layers",
    "diff-id": "a diff id is the digest of the layer without its compression",
    # a layer as gzip (RFC 1952)
    "gzip-header": "no gzip header holds a name, a time or the machine that wrote it",
    "gzip-stream": "the whole layer can be read: lengths and sums hold, and nothing follows",
    "gzip-program": "gzip itself reads the layer",
    # a layer as tar (POSIX pax, layer.md)
    "tar-sum": "the sum in each header holds",
    "tar-form": "headers are ustar, or pax where ustar cannot say it",
    "tar-whole": "the archive ends with two empty blocks, and nothing follows or is cut off",
    "tar-order": "folders come first, and names are sorted, so that equal content has equal bytes",
    "tar-twice": "no path is there twice",
    "tar-outside": "no path is absolute or climbs out, and none has empty or dot parts",
    "tar-parent": "a folder comes before what is in it",
    "tar-slash": "a folder's name ends with a slash, and no other does",
    "tar-time": "every file has the same, constant time",
    "tar-owner": "everything belongs to 0:0, without names",
    "tar-mode": "no mode gives rights that a package does not need: no setuid, nothing that all may write but sticky folders",
    "tar-type": "there are files, links and folders, and no devices or pipes",
    "tar-hardlink": "a hard link's target is a file of the same layer, before it",
    "tar-symlink": "a link does not climb out of the image",
    "tar-whiteout": "names that begin with .wh. are whiteouts and nothing else",
    # the layers on top of each other (layer.md, Applying changesets)
    "tree-type": "no layer puts one kind of file where a lower one has another",
    "tree-link": "no layer writes through a link of a lower one",
    "tree-mode": "a folder has the same mode in every layer",
    "tree-whiteout": "a whiteout hides something",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that does not hold: its name in CHECKS, where, and what was found."""

    check: str
    where: str
    what: str

    def __post_init__(self) -> None:
        assert self.check in CHECKS, self.check

    def __str__(self) -> str:
        return f"{self.check}: {self.where}: {self.what}"
