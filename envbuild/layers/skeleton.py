"""The lowest layer: the links of a merged /usr, the directories that a container mounts over, users and groups.

Users and groups are those of Debian's base-passwd (which its own script would install), and `envbuild` 1000:1000 with a
home of its own. Since every file belongs to root, that home is writable for all, as /tmp is.
"""

from collections.abc import Callable, Mapping

from envbuild.digest import Digest
from envbuild.layers.debtree import MERGED
from envbuild.layers.writer import LayerWriter, ancestors
from envbuild.members import Member, MemberKind, Segment
from envbuild.platforms import Platform

__all__ = ["HOME", "USER", "layer_of_skeleton"]

USER = "envbuild"
HOME = "home/envbuild"

_STICKY = 0o1777
_DIRECTORIES: Mapping[str, int] = {
    **dict.fromkeys(
        (
            "boot", "dev", "etc", "etc/opt", "home", "media", "mnt", "opt", "proc", "run", "srv", "sys", "usr", "usr/bin",
            "usr/games", "usr/include", "usr/lib", "usr/local/bin", "usr/local/etc", "usr/local/games",
            "usr/local/include", "usr/local/lib", "usr/local/sbin", "usr/local/share", "usr/local/src", "usr/sbin",
            "usr/share", "usr/src", "var/cache", "var/lib/dpkg/info", "var/lib/dpkg/status.d", "var/lib/misc",
            "var/log", "var/mail", "var/opt", "var/spool",
        ),
        0o755,
    ),
    **dict.fromkeys((HOME, "run/lock", "tmp", "var/tmp"), _STICKY),
    "root": 0o700,
}  # fmt: skip

_USERS = """\
root:0:0:root:/root:/bin/bash
daemon:1:1:daemon:/usr/sbin:/usr/sbin/nologin
bin:2:2:bin:/bin:/usr/sbin/nologin
sys:3:3:sys:/dev:/usr/sbin/nologin
sync:4:65534:sync:/bin:/bin/sync
games:5:60:games:/usr/games:/usr/sbin/nologin
man:6:12:man:/var/cache/man:/usr/sbin/nologin
lp:7:7:lp:/var/spool/lpd:/usr/sbin/nologin
mail:8:8:mail:/var/mail:/usr/sbin/nologin
news:9:9:news:/var/spool/news:/usr/sbin/nologin
uucp:10:10:uucp:/var/spool/uucp:/usr/sbin/nologin
proxy:13:13:proxy:/bin:/usr/sbin/nologin
www-data:33:33:www-data:/var/www:/usr/sbin/nologin
backup:34:34:backup:/var/backups:/usr/sbin/nologin
list:38:38:Mailing List Manager:/var/list:/usr/sbin/nologin
irc:39:39:ircd:/run/ircd:/usr/sbin/nologin
_apt:42:65534::/nonexistent:/usr/sbin/nologin
nobody:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
envbuild:1000:1000::/home/envbuild:/bin/bash
"""
_GROUPS = (
    "root:0 daemon:1 bin:2 sys:3 adm:4 tty:5 disk:6 lp:7 mail:8 news:9 uucp:10 man:12 proxy:13 kmem:15 dialout:20 fax:21 "
    "voice:22 cdrom:24 floppy:25 tape:26 sudo:27 audio:29 dip:30 www-data:33 backup:34 operator:37 list:38 irc:39 "
    "src:40 shadow:42 utmp:43 video:44 sasl:45 plugdev:46 staff:50 games:60 users:100 nogroup:65534 envbuild:1000"
)


def layer_of_skeleton(platform: Platform, sink: Callable[[bytes], object], *, layer_id: Digest) -> Segment:
    """Write the layer; the same bytes for a platform always. Its table names every directory it sets."""
    directories = _directories(platform)
    writer = LayerWriter(sink, ancestors(directories))
    for member in directories:
        writer.directory(member)
    for path, (mode, content) in sorted({**_files(), **dict.fromkeys(_links(platform), (0, b""))}.items()):
        if mode:
            writer.file(path, mode, content)
        else:
            writer.link(path, _links(platform)[path])
    return writer.finish(layer_id, {})


def _directories(platform: Platform) -> list[Member]:
    paths = dict(_DIRECTORIES)
    if platform.architecture == "amd64":
        paths["usr/lib64"] = 0o755
    return [Member(path=path, kind=MemberKind.DIRECTORY, mode=mode) for path, mode in sorted(paths.items())]


def _links(platform: Platform) -> dict[str, str]:
    """As base-files makes them: relative into /usr, absolute into /run."""
    links = {path: target for path, target in MERGED.items() if path in ("bin", "sbin", "lib")}
    if platform.architecture == "amd64":
        links["lib64"] = MERGED["lib64"]
    links |= {path: f"/{MERGED[path]}" for path in ("var/lock", "var/run")}
    return links | {"var/spool/mail": "../mail", "etc/mtab": "/proc/mounts"}


def _files() -> dict[str, tuple[int, bytes]]:
    users = [line.partition(":") for line in _USERS.splitlines()]
    passwd = "".join(f"{name}:x:{rest}\n" for name, _, rest in users)
    shadow = "".join(f"{name}:*::0:99999:7:::\n" for name, _, _ in users)
    group = "".join(f"{name}:x:{number}:\n" for name, number in (entry.split(":") for entry in _GROUPS.split()))
    return {
        "etc/group": (0o644, group.encode()),
        "etc/passwd": (0o644, passwd.encode()),
        "etc/shadow": (0o600, shadow.encode()),
        "var/lib/dpkg/status": (0o644, b""),
    }
