"""Installs what the tests' components need, on Debian and as root; elsewhere it only says what is missing.

The engine comes from trixie, since bookworm's is older than the containerd image store. The suite is served by the machine's
own mirror: its URIs are read from the machine's apt sources. Those sources stay as they are; the added suite lives in a
private apt configuration, pinned below everything else, that only these installations use.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ENGINE_SUITE = "trixie"
SOURCES = Path("/etc/apt/sources.list.d")
ONE_LIST = Path("/etc/apt/sources.list")


@dataclass(frozen=True, slots=True)
class Component:
    """Something real that tests use: the programs (or absolute paths, any of several by `|`) and Debian's packages with them."""

    name: str
    programs: tuple[str, ...]
    packages: tuple[str, ...]
    suite: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """The programs that are not on this machine."""
        return tuple(p for p in self.programs if not any(shutil.which(choice) for choice in p.split("|")))


PLUGIN = "cli-plugins/docker-buildx"
BUILDX = "|".join(
    f"{place}/docker/{PLUGIN}" for place in ("/usr/libexec", "/usr/lib", "/usr/local/lib", "/usr/local/libexec")
)
COMPONENTS = (
    Component("runc", ("runc",), ("runc",)),
    Component("iptables", ("iptables", "ip"), ("iptables", "iproute2")),
    Component(
        "docker",
        ("dockerd", "containerd", "docker", BUILDX),
        ("docker.io", "docker-cli", "docker-buildx", "containerd"),
        ENGINE_SUITE,
    ),
    Component("podman", ("podman", "/usr/lib/cni/bridge|netavark"), ("podman", "containernetworking-plugins")),
    Component("crun", ("crun",), ("crun",)),
    Component("skopeo", ("skopeo",), ("skopeo",)),
    Component("umoci", ("umoci",), ("umoci",)),
    Component("qemu", ("qemu-x86_64-static", "qemu-aarch64-static"), ("qemu-user-static",)),
    Component("strace", ("strace",), ("strace",)),
    Component("docker-registry", ("docker-registry",), ("docker-registry",)),
    Component("openssl", ("openssl",), ("openssl",)),
    Component("zsh", ("zsh",), ("zsh",)),
    Component("fish", ("fish",), ("fish",)),
    Component("squid", ("squid", "/usr/lib/squid/security_file_certgen"), ("squid-openssl",)),
)


def install(state: Path) -> None:
    """Bring what is missing, where this machine is Debian and we are root."""
    missing = [c for c in COMPONENTS if c.missing]
    if not missing or not (os.geteuid() == 0 and _release().get("ID") == "debian" and shutil.which("apt-get")):
        return
    plain = [p for c in missing if not c.suite for p in c.packages]
    try:
        if plain:
            _apt((), "update")
            _apt((), "install", "--no-install-recommends", *plain)
        for component in missing:
            if component.suite:
                _from_suite(component, state)
    except subprocess.CalledProcessError as fault:
        _say(f"apt-get failed ({fault.returncode}); what is still missing follows")


def _from_suite(component: Component, state: Path) -> None:
    # Not the release file decides: installing from a newer suite may bring its base-files.
    if not _places("bookworm"):
        _apt((), "update")
        _apt((), "install", "--no-install-recommends", *component.packages)
        return
    folder = state / "apt"
    options = _private_sources(folder, component.suite)
    _apt(options, "update")
    _apt(options, "install", "--no-install-recommends", "-t", component.suite, *component.packages)


def _private_sources(folder: Path, suite: str) -> tuple[str, ...]:
    sources, preferences = folder / "sources.list.d", folder / "preferences.d"
    for place in (sources, preferences, folder / "lists" / "partial"):
        place.mkdir(parents=True, exist_ok=True)
    for source in (*SOURCES.glob("*.sources"), *SOURCES.glob("*.list")):
        shutil.copy(source, sources)
    places = {
        stanza.get("Signed-By", ""): stanza["URIs"] for stanza in _stanzas() if "bookworm" in stanza["Suites"].split()
    }
    if not places:
        _say("no apt source serves bookworm, so the place of its successor is not known")
    text = "\n".join(
        f"Types: deb\nURIs: {uris}\nSuites: {suite}\nComponents: main\n" + (f"Signed-By: {key}\n" if key else "")
        for key, uris in _places("bookworm").items()
    )
    (sources / f"{suite}.sources").write_text(text, encoding="utf-8")
    pin = f"Package: *\nPin: release n={suite}\nPin-Priority: 100\n"
    (preferences / suite).write_text(pin, encoding="utf-8")
    return (
        f"Dir::Etc::SourceParts={sources}",
        f"Dir::Etc::PreferencesParts={preferences}",
        f"Dir::State::Lists={folder / 'lists'}",
    )


def _places(suite: str) -> dict[str, str]:
    """Where the machine has a suite from: URIs by the keys that sign them."""
    return {s.get("Signed-By", ""): s["URIs"] for s in _stanzas() if suite in s["Suites"].split()}


def _stanzas() -> Iterator[dict[str, str]]:
    """The machine's binary sources, in the deb822 form (sources.list(5)), whichever form they are written in."""
    for path in sorted(SOURCES.glob("*.sources")):
        for block in path.read_text(encoding="utf-8").split("\n\n"):
            lines = [line for line in block.splitlines() if line and not line.startswith("#")]
            fields = dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith(" "))
            if "deb" in fields.get("Types", "").split() and {"URIs", "Suites"} <= fields.keys():
                yield fields
    for path in (ONE_LIST, *sorted(SOURCES.glob("*.list"))):
        if path.is_file():
            yield from _one_line_sources(path.read_text(encoding="utf-8").splitlines())


def _one_line_sources(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    for line in lines:
        words = line.partition("#")[0].split()
        if not words or words[0] != "deb":
            continue
        options = ""
        if words[1].startswith("["):
            end = next(n for n, word in enumerate(words) if word.endswith("]"))
            options = " ".join(words[1 : end + 1]).strip("[]")
            del words[1 : end + 1]
        signed = dict(o.split("=", 1) for o in options.split() if "=" in o).get("signed-by", "")
        yield {"URIs": words[1], "Suites": words[2], **({"Signed-By": signed} if signed else {})}


def _apt(options: Sequence[str], *words: str) -> None:
    argv = ["apt-get", "-q", "-y", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=300"]
    for option in options:
        argv += ["-o", option]
    # RUNLEVEL=1: the packages' own services are not started; the tests start theirs.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    _say(f"apt-get {' '.join(words)}")
    subprocess.run([*argv, *words], env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True)


def _release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def _say(text: str) -> None:
    sys.stderr.write(f"services: {text}\n")
    sys.stderr.flush()
