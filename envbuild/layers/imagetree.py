"""All paths of an image by name, and where a path leads through links."""

from collections.abc import Iterable, Iterator

from envbuild.layers.debtree import MERGED, merged
from envbuild.members import Member, MemberKind, MemberTable

__all__ = ["ImageTree"]

_MOST_LINKS = 40
"""As many as the kernel follows (path_resolution(7))."""


class ImageTree:
    """The members of several tables as one file system; of equal paths the first counts."""

    def __init__(self, tables: Iterable[MemberTable]) -> None:
        self.members: dict[str, Member] = {}
        self._directories = {path.rpartition("/")[0] for path in MERGED if "/" in path}
        for table in tables:
            for member in table.members:
                self._add(member)

    def add_links(self, links: Iterable[tuple[str, str]]) -> None:
        """Symbolic links on top: path and target of each."""
        for path, target in links:
            self._add(Member(path=path, kind=MemberKind.LINK, mode=0o777, target=target))

    def exists(self, path: str) -> bool:
        """Whether the absolute path leads to a file or directory."""
        return self.resolve(path) is not None

    def resolve(self, path: str) -> str | None:
        """Where an absolute path leads, without a leading slash; None where it leads nowhere."""
        parts = [part for part in reversed(path.split("/")) if part not in ("", ".")]
        at: list[str] = []
        followed = 0
        while parts:
            part = parts.pop()
            if part == "..":
                at = at[:-1]
                continue
            at = merged("/".join([*at, part])).split("/")
            member = self.members.get("/".join(at))
            if member is None and "/".join(at) not in self._directories:
                return None
            if member and member.kind is MemberKind.LINK:
                followed += 1
                if followed > _MOST_LINKS:
                    return None
                at = [] if member.target.startswith("/") else at[:-1]
                parts += [p for p in reversed(member.target.split("/")) if p not in ("", ".")]
        return "/".join(at)

    def below(self, directory: str) -> Iterator[str]:
        """The paths under a directory (no leading slash, a trailing one), sorted."""
        return (path for path in sorted(self.members) if path.startswith(directory))

    def names_in(self, directory: str) -> list[str]:
        """The names of what lies right in a directory (no slashes around it), sorted."""
        start = len(directory) + 1
        return [path[start:] for path in self.below(f"{directory}/") if "/" not in path[start:]]

    def _add(self, member: Member) -> None:
        self.members.setdefault(member.path, member)
        path = member.path
        while (cut := path.rfind("/")) > 0 and (path := path[:cut]) not in self._directories:
            self._directories.add(path)
