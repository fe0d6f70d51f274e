"""Environments made file by file, as pip, uv and conda leave them: for what no interpreter of this machine can make."""

import json
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Made", "conda_record", "header"]


def header(kind: str) -> bytes:
    """The first bytes of an interpreter: ELF, Mach-O and PE."""
    machines = {"x86_64": 62, "aarch64": 183, "ppc64le": 21}
    if kind in machines:
        return (
            b"\x7fELF\x02\x01\x01"
            + bytes(9)
            + (2).to_bytes(2, "little")
            + machines[kind].to_bytes(2, "little")
            + bytes(44)
        )
    if kind == "musl":
        return header("x86_64") + b"/lib/ld-musl-x86_64.so.1\0"
    return {
        "mac-arm64": b"\xcf\xfa\xed\xfe" + (0x0100000C).to_bytes(4, "little"),
        "mac-x86_64": b"\xcf\xfa\xed\xfe" + (0x01000007).to_bytes(4, "little"),
        "mac-universal": b"\xca\xfe\xba\xbe\0\0\0\x02",
        "windows": b"MZ\x90\0",
        "script": b"#!/bin/sh\n",
    }[kind]


@dataclass(frozen=True, slots=True)
class Made:
    """An environment's folder; without anything said a virtual environment of Linux with Python 3.11."""

    path: Path
    site: Path

    @classmethod
    def venv(cls, path, python="3.11", program="x86_64", settings="", windows=False):
        site = path / "Lib/site-packages" if windows else path / f"lib/python{python}/site-packages"
        site.mkdir(parents=True)
        (path / "pyvenv.cfg").write_text(f"home = /nowhere/bin\nversion = {python}.7\n{settings}")
        made = cls(path, site)
        made.program("Scripts/python.exe" if windows else "bin/python3", program)
        return made

    @classmethod
    def conda(cls, path, python="3.11"):
        (path / "conda-meta").mkdir(parents=True)
        site = path / f"lib/python{python}/site-packages"
        site.mkdir(parents=True)
        return cls(path, site)

    def program(self, name, kind):
        (self.path / name).parent.mkdir(exist_ok=True)
        (self.path / name).write_bytes(header(kind))

    def dist(
        self,
        name,
        version="1.0",
        *,
        requires=(),
        requested=False,
        installer="pip",
        url=None,
        tags=("py3-none-any",),
        metadata=None,
    ):
        """A .dist-info folder as pip writes it; `url` is direct_url.json."""
        folder = self.site / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}\nLong words\n"
        (folder / "METADATA").write_bytes(text.encode() if metadata is None else metadata)
        (folder / "WHEEL").write_text("Wheel-Version: 1.0\n" + "".join(f"Tag: {tag}\n" for tag in tags))
        (folder / "RECORD").write_text(f"{folder.name}/METADATA,,\n")
        (folder / "INSTALLER").write_text(f"{installer}\n")
        if requested:
            (folder / "REQUESTED").write_text("")
        if url is not None:
            (folder / "direct_url.json").write_text(json.dumps(url))
        return folder

    def record(self, name, version="1.0", build="0", **fields):
        """A package of conda's, with the metadata of its distributions where `dists` names them."""
        dists = fields.pop("dists", ())
        files = [*fields.pop("files", ())]
        for dist in dists:
            self.dist(dist, version, installer="conda")
            folder = f"{dist.replace('-', '_')}-{version}.dist-info"
            files += [f"{self.site.relative_to(self.path)}/{folder}/{file}" for file in ("METADATA", "RECORD")]
        record = conda_record(name, version, build, files=files, **fields)
        (self.path / "conda-meta" / f"{name}-{version}-{build}.json").write_text(json.dumps(record))

    def python_by_conda(self, version="3.11.9", subdir="linux-64", **fields):
        """What `conda create python=3.11` installs, in short."""
        self.record(
            "python", version, "h1_0", depends=["openssl >=3.3.0,<4.0a0", "tzdata", "pip"], subdir=subdir, **fields
        )
        self.record("openssl", "3.3.0", "h2_3", subdir=subdir, depends=["ca-certificates"])
        self.record("ca-certificates", "2024.7.2", "h3_0", subdir=subdir)
        self.record("tzdata", "2024a", "h4_0", subdir="noarch")
        self.record(
            "pip",
            "24.2",
            "py311_0",
            subdir=subdir,
            depends=["python >=3.11,<3.12.0a0", "setuptools", "wheel"],
            dists=["pip"],
        )
        self.record(
            "setuptools", "75.1.0", "py311_0", subdir=subdir, depends=["python >=3.11,<3.12.0a0"], dists=["setuptools"]
        )
        self.record("wheel", "0.44.0", "py311_0", subdir=subdir, depends=["python >=3.11,<3.12.0a0"], dists=["wheel"])

    def history(self, *blocks):
        """conda-meta/history: each block is the lines of one command."""
        text = "".join(f"==> 2024-0{n}-15 10:30:00 <==\n{block}\n" for n, block in enumerate(blocks, 1))
        (self.path / "conda-meta/history").write_text(text)


def conda_record(
    name,
    version,
    build,
    *,
    channel="https://conda.anaconda.org/conda-forge",
    subdir="linux-64",
    depends=(),
    files=(),
    **more,
):
    """A PrefixRecord as conda writes it, without the parts that only unlinking needs."""
    return {
        "arch": "x86_64",
        "build": build,
        "build_number": 0,
        "channel": f"{channel}/{subdir}" if "://" in channel else channel,
        "constrains": [],
        "depends": list(depends),
        "files": list(files),
        "fn": f"{name}-{version}-{build}.conda",
        "link": {"source": f"/pkgs/{name}-{version}-{build}", "type": 1},
        "md5": "0" * 32,
        "name": name,
        "paths_data": {"paths": [], "paths_version": 1},
        "requested_spec": "None",
        "sha256": "0" * 64,
        "size": 1,
        "subdir": subdir,
        "timestamp": 1720000000000,
        "url": f"{channel}/{subdir}/{name}-{version}-{build}.conda",
        "version": version,
        **more,
    }
