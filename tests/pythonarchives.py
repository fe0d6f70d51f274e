"""Archives as python-build-standalone publishes them (`install_only`), and a mirror that serves them on loopback.

A real one is made from a CPython of this machine: its library below `python/`, the place that it was built for written as
`/install`, libpython looked for beside the program. A small one has the same names and nothing that runs.
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

__all__ = [
    "DAY",
    "Mirror",
    "PythonArchive",
    "real_archive",
    "serve_mirror",
    "small_archive",
    "this_python",
    "write_mirror",
]

DAY = "20241016"
_ASKED = """
import json, os, sys, sysconfig
print(json.dumps({
    "version": "%d.%d.%d" % sys.version_info[:3],
    "program": os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable),
    "prefix": sys.base_prefix,
    "stdlib": os.path.dirname(os.__file__),
    "include": sysconfig.get_config_var("INCLUDEPY") or "",
    "libdir": sysconfig.get_config_var("LIBDIR") or "",
    "library": sysconfig.get_config_var("INSTSONAME") or "",
    "machine": os.uname().machine,
}))
"""
_NOT_COPIED = {
    "__pycache__",
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "idle_test",
}
_DROPPED = {
    "lib/python{minor}/site-packages/pip/__init__.py": b"x = 1\n",
    "lib/python{minor}/site-packages/README.txt": b"read me\n",
    "lib/python{minor}/test/__init__.py": b"",
    "lib/python{minor}/test/support/__init__.py": b"",
    "lib/python{minor}/unittest/test/__init__.py": b"",
    "lib/python{minor}/idlelib/__init__.py": b"",
    "lib/python{minor}/tkinter/__init__.py": b"",
    "lib/python{minor}/turtledemo/__init__.py": b"",
    "lib/python{minor}/turtle.py": b"",
    "lib/python{minor}/ensurepip/_bundled/pip-24-py3-none-any.whl": b"PK",
    "lib/python{minor}/EXTERNALLY-MANAGED": b"[externally-managed]\nError=somebody else's\n",
    "lib/python{minor}/__pycache__/os.cpython-3.pyc": b"stale",
    "lib/python{minor}/config-{minor}-x86_64-linux-gnu/libpython{minor}.a": b"!<arch>\n",
    "lib/python{minor}/lib-dynload/_tkinter.cpython-3-x86_64-linux-gnu.so": b"\x7fELF",
    "lib/python{minor}/lib-dynload/_testcapi.cpython-3-x86_64-linux-gnu.so": b"\x7fELF",
    "lib/libtcl8.6.so": b"\x7fELF",
    "lib/tcl8.6/init.tcl": b"",
    "lib/tk8.6/tk.tcl": b"",
    "share/man/man1/python{minor}.1": b".TH",
    "share/terminfo/x/xterm": b"",
    "bin/pip{minor}": b"#!/install/bin/python{minor}\n",
    "bin/idle{minor}": b"#!/install/bin/python{minor}\n",
    "bin/2to3-{minor}": b"#!/install/bin/python{minor}\n",
}
"""What such archives have, and images do not."""


@dataclass(frozen=True, slots=True)
class PythonArchive:
    """An archive as it is published: its file name, its bytes."""

    version: str
    machine: str
    content: bytes = field(repr=False)
    day: str = DAY

    @property
    def file(self) -> str:
        return f"cpython-{self.version}+{self.day}-{self.machine}-unknown-linux-gnu-install_only_stripped.tar.gz"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def key(self) -> str:
        """As uv's list has it."""
        return f"cpython-{self.version}-linux-{self.machine}-gnu"


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of an archive: a file, or a link where `link` (or `hard`) is set."""

    content: bytes = b""
    mode: int = 0o644
    link: str = ""
    hard: str = ""
    kind: bytes = b""


def archived(entries: Mapping[str, Entry]) -> bytes:
    """A gzip-compressed tar archive in GNU's form, with times, owners and modes as they happen to be."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, entry in entries.items():
            info = tarfile.TarInfo(name)
            info.mtime, info.uid, info.gid, info.mode = 1_729_000_000, 1000, 1000, entry.mode
            info.type = entry.kind or tarfile.REGTYPE
            if entry.link or entry.hard:
                info.type = tarfile.SYMTYPE if entry.link else tarfile.LNKTYPE
                info.linkname = entry.link or entry.hard
            info.size = len(entry.content)
            archive.addfile(info, io.BytesIO(entry.content))
    return gzip.compress(plain.getvalue(), compresslevel=1, mtime=0)


def small_entries(version: str) -> dict[str, Entry]:
    """The entries of an archive that runs nothing."""
    minor = ".".join(version.split(".")[:2])
    sysconfig = (
        "build_time_vars = {'prefix': '/install', 'CC': 'clang -pthread', 'AR': '/tools/llvm/bin/llvm-ar',\n"
        " 'CXX': 'clang++ -pthread', 'LDFLAGS': '-L/install/lib -Wl,-rpath,/install/lib', 'INSTALL': '/usr/bin/install -c'}\n"
    )
    entries = {
        "python/": Entry(kind=tarfile.DIRTYPE, mode=0o775),
        f"python/bin/python{minor}": Entry(b"\x7fELF python", 0o775),
        "python/bin/python3": Entry(link=f"python{minor}"),
        "python/bin/python": Entry(link=f"python{minor}"),
        f"python/bin/pydoc{minor}": Entry(f"#!/install/bin/python{minor}\nimport pydoc\n".encode(), 0o755),
        "python/include/": Entry(kind=tarfile.DIRTYPE, mode=0o755),
        f"python/include/python{minor}/Python.h": Entry(b"#define PY\n", 0o664),
        f"python/lib/libpython{minor}.so.1.0": Entry(b"\x7fELF lib", 0o555),
        f"python/lib/libpython{minor}.so": Entry(link=f"libpython{minor}.so.1.0"),
        f"python/lib/python{minor}/os.py": Entry(b"name = 'posix'\n", 0o600),
        f"python/lib/python{minor}/again.py": Entry(hard=f"python/lib/python{minor}/os.py"),
        f"python/lib/python{minor}/LICENSE.txt": Entry(b"PSF\n"),
        f"python/lib/python{minor}/_sysconfigdata__linux_x86_64-linux-gnu.py": Entry(sysconfig.encode()),
        f"python/lib/pkgconfig/python-{minor}.pc": Entry(b"prefix=/install\nlibdir=${prefix}/lib\n"),
    }
    return entries | dropped_entries(minor)


def dropped_entries(minor: str) -> dict[str, Entry]:
    """What images do not get."""
    return {
        f"python/{name.format(minor=minor)}": Entry(
            content.replace(b"{minor}", minor.encode()), 0o755 if name.startswith("bin/") else 0o644
        )
        for name, content in _DROPPED.items()
    }


def small_archive(version: str, machine: str = "x86_64", day: str = DAY) -> PythonArchive:
    """An archive that runs nothing."""
    return PythonArchive(version, machine, archived(small_entries(version)), day)


def this_python() -> Path:
    """The CPython that runs the tests, outside of any virtual environment."""
    return Path(os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable))


def other_pythons(minors: Iterable[str]) -> dict[str, Path]:
    """Those of these minor versions that PATH has, or that stand beside the one that runs the tests, and that start."""
    found = {}
    for minor in minors:
        beside = sorted(Path(sys.base_prefix).parent.glob(f"{minor}.*/bin/python{minor}"))
        for path in filter(None, (shutil.which(f"python{minor}"), *beside)):
            if subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
                found[minor] = Path(path)
    return found


@cache
def real_archive(python: Path, day: str = DAY) -> PythonArchive:
    """The archive of a CPython of this machine."""
    done = subprocess.run([python, "-I", "-c", _ASKED], capture_output=True, text=True, check=True)
    facts = json.loads(done.stdout)
    minor = ".".join(facts["version"].split(".")[:2])
    entries = {
        f"python/bin/python{minor}": Entry(_relocatable(Path(facts["program"]), facts["libdir"]), 0o755),
        "python/bin/python3": Entry(link=f"python{minor}"),
        "python/bin/python": Entry(link=f"python{minor}"),
    }
    if ".so" in facts["library"]:
        entries[f"python/lib/{facts['library']}"] = Entry(Path(facts["libdir"], facts["library"]).read_bytes(), 0o755)
    stdlib = Path(facts["stdlib"])
    for name, entry in _tree(stdlib):
        content = entry.content
        if name.startswith("_sysconfigdata"):
            content = content.replace(facts["prefix"].encode(), b"/install").replace(b"'gcc", b"'clang")
        entries[f"python/lib/python{minor}/{name}"] = Entry(content, entry.mode, entry.link)
    for name, entry in _tree(Path(facts["include"])) if facts["include"] else ():
        entries[f"python/include/python{minor}/{name}"] = entry
    entries |= dropped_entries(minor)
    return PythonArchive(facts["version"], facts["machine"], archived(entries), day)


def _tree(root: Path) -> Iterator[tuple[str, Entry]]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _NOT_COPIED and not name.startswith("config-"))
        for name in sorted(files):
            path = Path(folder, name)
            if path.is_symlink() and not path.exists():
                continue
            mode = 0o755 if os.access(path, os.X_OK) else 0o644
            yield path.relative_to(root).as_posix(), Entry(path.read_bytes(), mode)


def _relocatable(program: Path, libdir: str) -> bytes:
    """The program, with the place where it looks for its library beside itself."""
    content, old, new = program.read_bytes(), libdir.encode() + b"\0", b"$ORIGIN/../lib\0"
    return content.replace(old, new.ljust(len(old), b"\0")) if len(new) <= len(old) else content


def write_mirror(
    folder: Path,
    archives: Iterable[PythonArchive],
    *,
    sums: str = "SHA256SUMS",
    listed_sums: bool = False,
    url: str = "",
) -> Path:
    """A mirror's folder: the days with their archives and sums (`SHA256SUMS`, `.sha256` or none), and uv's list.

    `url` is where the list says that the archives are: a host's that does not answer, unless given.
    """
    base = url or "http://127.0.0.1:9/elsewhere"
    entries = {}
    for archive in archives:
        day = folder / archive.day
        day.mkdir(parents=True, exist_ok=True)
        (day / archive.file).write_bytes(archive.content)
        if sums == "SHA256SUMS":
            with (day / sums).open("a") as stream:
                stream.write(f"{archive.sha256}  {archive.file}\n")
        elif sums == ".sha256":
            (day / f"{archive.file}.sha256").write_text(f"{archive.sha256}\n")
        entries[archive.key] = listed(archive, base, sha256=archive.sha256 if listed_sums else None)
    (folder / "pythons.json").write_text(json.dumps(entries, indent=1))
    return folder


def listed(archive: PythonArchive, base: str, *, sha256: str | None = None) -> dict[str, object]:
    """An archive's entry in uv's list."""
    release = archive.version.split(".")
    patch, prerelease = release[2], ""
    for sign in ("a", "b", "rc"):
        if sign in patch:
            patch, _, number = patch.partition(sign)
            prerelease = f"{sign}{number}"
    return {
        "name": "cpython",
        "arch": {"family": archive.machine, "variant": None},
        "os": "linux",
        "libc": "gnu",
        "major": int(release[0]),
        "minor": int(release[1]),
        "patch": int(patch),
        "prerelease": prerelease,
        "url": f"{base}/{archive.day}/{quote(archive.file)}",
        "sha256": sha256,
        "variant": None,
        "build": archive.day,
    }


@dataclass(frozen=True, slots=True)
class Mirror:
    """A served mirror. `requests`: the paths that were asked for, in order."""

    url: str
    folder: Path
    requests: list[str]

    @property
    def env(self) -> dict[str, str]:
        """The settings that name it."""
        return {"ENVBUILD_PYTHON_MIRROR": self.url, "ENVBUILD_PYTHON_CATALOG": f"{self.url}/pythons.json"}


@contextmanager
def serve_mirror(folder: Path) -> Iterator[Mirror]:
    """Serve a mirror's folder."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            path = unquote(urlsplit(self.path).path)
            requests.append(path)
            file = folder / path.lstrip("/")
            body = file.read_bytes() if file.is_file() and ".." not in path else b""
            self.send_response(200 if file.is_file() else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                """Who asked for the length alone went away."""

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield Mirror(f"http://127.0.0.1:{server.server_port}", folder, requests)
        finally:
            server.shutdown()
            thread.join()
