"""What an image has of conda packages is what rattler would have installed: each file, its content, mode and target.

The packages exercise each rule of the format. rattler installs all of them into one folder; the layers of the same packages,
one after another, must make the same tree. Only what is documented (condalayer, condarecord) may differ.
"""

import asyncio
import bz2
import hashlib
import io
import json
import stat
import tarfile
from pathlib import Path

import pytest
from condachannel import PLACEHOLDER, CondaPackage, File, package, write_channel

from envbuild.layers.conda.condaprefix import prefix_files
from envbuild.layers.debtree import image_mode
from envbuild.layers.tarheader import MTIME

rattler = pytest.importorskip("rattler")

P = PLACEHOLDER
DEEP = f"{P}/{'deep/' * 25}bin"
OURS_ALONE = {"bin/envbuild-activate"}
"""What envbuild adds to a prefix."""
NOT_IN_RECORDS = {"extracted_package_dir", "link", "indexed_timestamp", "url", "channel"}
"""Fields of rattler's records that ours have not, or with another value (docstring of condarecord)."""

PYC = b"\xcb\r\r\n\0\0\0\0time%c\0\0\0code"
TIMED = {"lib/python3.12/__pycache__/os.cpython-312.pyc"}
"""Bytecode that an image's time is written into, because its source is there with the size that it names."""

PYTHON = package(
    "python",
    "3.12.7",
    "h0_0_cpython",
    python_site_packages_path="lib/python3.12/site-packages",
    files={
        "bin/python3.12": File(b"\x7fELF" + P.encode() + b"/lib\0" + b"rest" * 9, 0o775, "binary"),
        "bin/python": File(link="python3.12"),
        "bin/python3": File(link="python"),
        "lib/python3.12/os.py": File(b"name = 'posix'\n", 0o664),
        "lib/python3.12/__pycache__/os.cpython-312.pyc": File(PYC % 15, 0o664),
        "lib/python3.12/__pycache__/os.cpython-312.opt-1.pyc": File(PYC % 99, 0o664),
        "lib/python3.12/__pycache__/gone.cpython-312.pyc": File(PYC % 15, 0o664),
    },
)

BINARIES = {
    "lib/several.so": File(f"a\0{P}/lib:{P}/lib64:{P}\0b\0{P}\0{P}/x".encode(), 0o755, "binary"),
    "lib/at-end.so": File(b"\0\0" + P.encode() + b"/no/end", 0o755, "binary"),
    "lib/none.so": File(b"\x7fELF nothing of it " + P.encode()[:-1] + b"\0", 0o755, "binary"),
    "lib/adjacent.so": File(P.encode() * 3 + b"\0" + P.encode() * 2, 0o755, "binary"),
    "lib/large.so": File((b"x" * 1000 + P.encode() + b"/y\0") * 3000, 0o755, "binary"),
    "lib/one-string.so": File(P.encode() + b"/z" * 700_000 + P.encode() + b"\0tail", 0o755, "binary"),
    "lib/other-prefix.so": File(b"/build/pfx/lib\0", 0o755, "binary", prefix="/build/pfx"),
}

TEXTS = {
    "etc/plain.conf": File(f"a={P}\nb={P}/x:{P}/y\n".encode(), 0o644, "text"),
    "etc/large.conf": File(f"{'-' * 999}{P}\n".encode() * 3000, 0o644, "text"),
    "etc/nothing.conf": File(b"", 0o644, "text"),
    "bin/script": File(f"#!{P}/bin/python\nprint('{P}')\n".encode(), 0o755, "text"),
    "bin/windows-lines": File(f"#!{P}/bin/python\r\nx\r\n".encode(), 0o755, "text"),
    "bin/blank": File(f"#! {P}/bin/perl -w\n".encode(), 0o755, "text"),
    "bin/long-python": File(f"#!{DEEP}/python3.12 -E\ncode\n".encode(), 0o755, "text"),
    "bin/long-python-micro": File(f"#!{DEEP}/python3.12.1 -E\ncode\n".encode(), 0o755, "text"),
    "bin/long-perl": File(f"#!{DEEP}/perl -w -T\ncode {P}\n".encode(), 0o755, "text"),
    "bin/long-escaped": File(f"#!{DEEP}/a\\ b/ruby x\n".encode(), 0o755, "text"),
    "bin/long-other": File(b"#!" + b"no-path " * 40 + P.encode() + b"\n", 0o755, "text"),
    "bin/exactly-127": File(f"#!{P}/{'e' * (127 - 2 - len('/opt/env/'))}\nx\n".encode(), 0o755, "text"),
    "bin/exactly-128": File(f"#!{P}/{'e' * (128 - 2 - len('/opt/env/'))}\nx\n".encode(), 0o755, "text"),
    "bin/not-utf8": File(b"#!" + P.encode() + b"/bin/p\xff\xfe\xe2\x82 x\n\xff" + P.encode() + b"\n", 0o755, "text"),
}

LINKS = {
    "lib/libz.so.1.2": File(b"\x7fELF z", 0o755),
    "lib/libz.so.1": File(link="libz.so.1.2"),
    "lib/libz.so": File(link="libz.so.1"),
    "lib/same.so": File(hardlink="lib/libz.so.1.2", mode=0o755),
    "share/up": File(link="../lib/libz.so"),
    "share/folder": File(link="../lib"),
    "share/nowhere": File(link="not-there"),
    "share/with-prefix.conf": File(f"{P}/share\n".encode(), 0o640, "text"),
    "share/same-patched.conf": File(hardlink="share/with-prefix.conf", placeholder="text", mode=0o640),
}

MODES = {f"share/modes/{mode:o}": File(b"m", mode) for mode in (0o444, 0o555, 0o600, 0o640, 0o644, 0o664, 0o700, 0o775)}
NAMES = {
    "share/a b/c d.txt": File(b"blanks"),
    "share/ünï/cödé.txt": File(b"no ASCII"),
    f"share/{'long' * 30}/{'name' * 30}.txt": File(b"long"),
    f"share/{'/'.join(['deep' * 10] * 8)}/x.txt": File(b"deep"),
    "share/a-b/c": File(b"sorts after a/b by folder"),
    "share/a/b": File(b"sorts first"),
    "share/empty": File(b""),
}
LARGE = {"share/large.bin": File(bytes(range(256)) * 20_000)}

NOARCH = package(
    "pure",
    "2.0",
    "pyhd8ed1ab_0",
    noarch="python",
    depends=["python >=3.8"],
    entry_points=["pure = pure.cli:main", "pure-deep=pure.cli:App.run", "both = pure:both"],
    files={
        "site-packages/pure/__init__.py": File(b"X = 1\n"),
        "site-packages/pure-2.0.dist-info/METADATA": File(b"Name: pure\nVersion: 2.0\n"),
        "python-scripts/tool": File(f"#!{P}/bin/python\n".encode(), 0o775, "text"),
        "python-scripts/both": File(f"#!{P}/bin/python\nold\n".encode(), 0o775, "text"),
        "etc/pure.conf": File(f"{P}\n".encode(), 0o644, "text"),
        "share/pure/link": File(link="../../etc/pure.conf"),
    },
)

GENERIC = package("data", "1", noarch="generic", files={"share/zone/a": File(b"z"), "site-packages/kept": File(b"k")})

OLD = package(
    "old",
    "0.1",
    format=".tar.bz2",
    paths_json=False,
    files={
        "bin/old": File(f"#!{P}/bin/sh\n".encode(), 0o755, "text"),
        "lib/old.so": File(b"\0" + P.encode() + b"/x\0", 0o755, "binary"),
        "lib/old-link.so": File(link="old.so"),
        "share/old data.txt": File(f"{P}\n".encode(), 0o644, "text"),
        "share/old.txt": File(b"plain"),
    },
    info={"no_link": b"share/old.txt\n"},
)

FIELDS = package(
    "fields",
    "1!2.0rc1",
    "abc_7",
    constrains=["other >=2"],
    depends=["python", "data *"],
    license="",
    license_family="BSD",
    purls=["pkg:pypi/fields@2.0"],
    track_features="one, two",
    features="three",
    files={"share/fields": File(b"f")},
)
BZ2 = package("bz", "1", format=".tar.bz2", files={"share/bz": File(b"b"), "bin/bz": File(link="../share/bz")})


def _gnu_package():
    """A package as rattler-build writes them: GNU's long names, its magic, no pax headers."""
    plain = package("gnu", "1", format=".tar.bz2")
    name = f"share/gnu/{'n' * 150}/{'m' * 120}"
    rows = [{"_path": name, "path_type": "hardlink"}, {"_path": "share/gnu/long", "path_type": "softlink"}]
    link = tarfile.TarInfo("share/gnu/long")
    link.type, link.linkname = tarfile.SYMTYPE, f"{'n' * 150}/{'m' * 120}"
    file = tarfile.TarInfo(name)
    file.size = 3
    paths = tarfile.TarInfo("info/paths.json")
    said = json.dumps({"paths": rows, "paths_version": 1}).encode()
    paths.size = len(said)
    with tarfile.open(fileobj=io.BytesIO(bz2.decompress(plain.content))) as archive:
        index = archive.extractfile("info/index.json").read()
    about = tarfile.TarInfo("info/index.json")
    about.size = len(index)
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for entry, content in ((about, index), (paths, said), (file, b"gnu"), (link, b"")):
            archive.addfile(entry, io.BytesIO(content))
    return CondaPackage("gnu-1-0.tar.bz2", bz2.compress(into.getvalue()), "linux-64")


def _loosened(rows, _record):
    """Rules that packages made by conda-build have no row for here: copies, and rows without size or hash."""
    rows["lib/copied.so"]["no_link"] = True
    rows["lib/copied-link.so"]["no_link"] = True
    rows["lib/copied-folder/x"]["no_link"] = True
    rows["lib/leads-nowhere"]["no_link"] = True
    rows["lib/patched-link.conf"] |= {"file_mode": "text", "prefix_placeholder": P}
    rows["lib/half.conf"]["prefix_placeholder"] = P
    for path in ("lib/unsaid.so", "lib/unsaid-link.so", "lib/unsaid.conf"):
        del rows[path]["sha256"], rows[path]["size_in_bytes"]


@pytest.fixture(scope="module")
def packages(conda):
    loose = conda.with_rows(
        _loosened,
        "loose",
        "1",
        files={
            "lib/copied.so": File(b"\x7fELF c", 0o755),
            "lib/copied-link.so": File(link="chain.so"),
            "lib/chain.so": File(link="copied.so"),
            "lib/real/y": File(b"y"),
            "lib/copied-folder/x": File(link="../folder-link/y"),
            "lib/folder-link": File(link="real"),
            "lib/leads-nowhere": File(link="no/thing"),
            "lib/patched.conf": File(f"{P}\n".encode(), 0o600, "text"),
            "lib/patched-link.conf": File(link="patched.conf"),
            "lib/half.conf": File(f"{P}\n".encode()),
            "lib/unsaid.so": File(b"\x7fELF u", 0o755),
            "lib/unsaid-link.so": File(link="unsaid.so"),
            "lib/unsaid.conf": File(f"{P}\n".encode(), 0o644, "text"),
        },
    )
    unlisted = tarfile.TarInfo("share/unlisted")
    return [
        PYTHON,
        package("binaries", "1", files=BINARIES, depends=["python"]),
        package("texts", "1", files=TEXTS),
        package("links", "1", files=LINKS, members=[(unlisted, b"")]),
        package("names", "1", files={**MODES, **NAMES, **LARGE}),
        NOARCH,
        GENERIC,
        OLD,
        FIELDS,
        BZ2,
        _gnu_package(),
        loose,
    ]


@pytest.fixture(scope="module")
def installed(packages, tmp_path_factory):
    """The folder that rattler installs the packages into, and the records in its order."""
    folder = tmp_path_factory.mktemp("rattler")
    write_channel(folder / "channel", packages, shards=False)

    async def install():
        records = await rattler.solve(
            [(folder / "channel").as_uri()],
            specs=[rattler.MatchSpec(p.file.split("-")[0]) for p in packages],
            platforms=["linux-64", "noarch"],
            gateway=rattler.Gateway(cache_dir=folder / "gateway"),
        )
        assert len(records) == len(packages)
        await rattler.install(
            records,
            folder / "prefix",
            cache_dir=folder / "cache",
            show_progress=False,
            alternative_target_prefix="/opt/env",
            platform=rattler.Subdir("linux-64"),
        )

    asyncio.run(install())
    return folder / "prefix"


@pytest.fixture(scope="module")
def ours(packages, conda):
    """The tree that the layers make, one after another."""
    tree = {path: (tarfile.REGTYPE, mode, content) for path, (content, mode) in prefix_files(None, "/opt/env").items()}
    for built in packages:
        tree |= conda.made(built).entries
    return tree


def _tree(prefix: Path):
    found = {}
    for path in sorted(prefix.rglob("*")):
        name = str(path.relative_to(prefix))
        if path.is_symlink():
            found[name] = (tarfile.SYMTYPE, 0o777, str(path.readlink()).encode())
        elif path.is_file():
            found[name] = (tarfile.REGTYPE, image_mode(stat.S_IMODE(path.stat().st_mode)), path.read_bytes())
    return found


def _timed(content):
    return content[:8] + MTIME.to_bytes(4, "little") + content[12:]


def _is_record(path):
    return path.startswith("conda-meta/") and path.endswith(".json")


def test_every_file_is_the_one_that_rattler_installs(installed, ours):
    expected = {path: item for path, item in _tree(installed).items() if not _is_record(path)}
    for path in TIMED:
        kind, mode, content = expected[path]
        expected[path] = (kind, mode, _timed(content))
    found = {path: item for path, item in ours.items() if not _is_record(path) and path not in OURS_ALONE}
    assert sorted(found) == sorted(expected)
    differing = [path for path in expected if found[path] != expected[path]]
    assert not differing, {path: (found[path], expected[path]) for path in differing[:3]}


def test_records_are_rattlers_but_for_the_documented_fields(installed, ours, packages):
    records = {path: item for path, item in _tree(installed).items() if _is_record(path)}
    assert len(records) == len(packages)
    for path, (_, _, content) in records.items():
        theirs, own = json.loads(content), json.loads(ours[path][2])
        for row in theirs["paths_data"]["paths"]:
            if row["_path"] in TIMED:
                row["sha256_in_prefix"] = hashlib.sha256(ours[row["_path"]][2]).hexdigest()
        assert {k: v for k, v in own.items() if k not in NOT_IN_RECORDS} == {
            k: v for k, v in theirs.items() if k not in NOT_IN_RECORDS
        }, path
        assert set(own) - set(theirs) == set(), "a field that rattler does not write"
        assert own["channel"] == "<unknown>"
        assert own["url"].startswith("https://envbuild.invalid/")


def test_rattler_reads_our_records(ours, tmp_path):
    for path, (_, mode, content) in ours.items():
        if _is_record(path):
            file = tmp_path / Path(path).name
            file.write_bytes(content)
            record = rattler.PrefixRecord.from_path(file)
            assert record.file_name in content.decode()
            assert f"{record.name.normalized}-{record.version}-{record.build}.json" == file.name
            assert mode == 0o644


def test_no_file_of_the_prefix_is_missing_from_rattlers(installed):
    theirs = {path.name for path in (installed / "conda-meta").iterdir()} | {path.name for path in installed.iterdir()}
    for path, (content, _) in prefix_files(None, "/opt/env").items():
        if path not in OURS_ALONE:
            assert Path(path).name in theirs
            assert (installed / path).read_bytes() == content
