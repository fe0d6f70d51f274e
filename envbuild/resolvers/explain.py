"""Why no set of packages fits, in more words than the resolver has: where was looked, what the package needs, what may be meant."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from difflib import get_close_matches

from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name
from packaging.version import Version

from envbuild.errors import EnvbuildError, EnvironmentFault, ResolveFailed
from envbuild.resolvers.pins import Indexes, NoSolution, PinRequest, names_of, serving
from envbuild.wheelfiles import IndexFile, Target, best_file, releases, runs_on

__all__ = ["explained"]

_IMPORTED_AS = {
    "attr": "attrs", "bs4": "beautifulsoup4", "cv2": "opencv-python-headless", "crypto": "pycryptodome",
    "dateutil": "python-dateutil", "dotenv": "python-dotenv", "fitz": "pymupdf", "pil": "pillow", "pytorch": "torch",
    "skimage": "scikit-image", "sklearn": "scikit-learn", "yaml": "pyyaml",
}  # fmt: skip
"""Modules whose package has another name."""
_SHOWN = 6
_WAYS_ON = "source distributions are not built: ask for a version that has a wheel, or another python, or leave it out"


def explained(
    failure: NoSolution, request: PinRequest, indexes: Indexes, elsewhere: Sequence[str] = ()
) -> ResolveFailed:
    """The failure with hints: for absent packages, for those without a wheel, and what was asked for which target.

    EnvironmentFault is raised where an index's answer is none, such as a login page: that is not "absent".
    """
    if failure.unmet:
        # The resolver's own steps to it come after what they come to.
        what = "\n".join(dict.fromkeys([*map(str, failure.unmet), *failure.what.splitlines()]))
        hints = [one.hint for one in failure.unmet[:1]]
    else:
        what, hints = failure.what, [failure.hint] if failure.hint else []
    for name in failure.absent:
        hints += _of_absent(name, request, indexes, elsewhere)
    if failure.absent:
        hints += _of_empty_addresses(request, indexes)
    for name in sorted(set(failure.versionless) - set(failure.wheelless)):
        hints += _of_versions(name, request, indexes)
    for name in failure.wheelless[:3]:
        hints += _of_wheelless(name, request, indexes)
    if failure.wheelless and not any(" needs Python " in hint for hint in hints):
        hints.append(_WAYS_ON)
    target = request.target
    hints.append(f"asked for Python {target.python} on {target.platform} with glibc {target.glibc}")
    return NoSolution(
        what,
        hint="\n  ".join(hints),
        absent=failure.absent,
        wheelless=failure.wheelless,
        versionless=failure.versionless,
        unmet=failure.unmet,
    )


def _of_absent(name: str, request: PinRequest, indexes: Indexes, elsewhere: Sequence[str]) -> Iterator[str]:
    asked = serving(name, request.indexes)
    for index in asked:
        indexes.project(index, name)
    yield f"{name} is not on {', '.join(asked)}"
    for other in elsewhere:
        with suppress(EnvbuildError):
            if indexes.project(other, name) is not None:
                yield f"this machine's extra index {other} has it; to use it, add: --extra-index-url {other}"
    known = {*_IMPORTED_AS.values(), *names_of(request.requirements), *request.prefer} - {name}
    meant = [_IMPORTED_AS[name]] if name in _IMPORTED_AS else get_close_matches(name, sorted(known), 3, 0.8)
    if meant:
        yield f"do you mean {' or '.join(meant)}?"


def _of_empty_addresses(request: PinRequest, indexes: Indexes) -> Iterator[str]:
    """What lacks everything may be no index at all."""
    for index in request.indexes:
        try:
            indexes.check(index.name)
        except EnvironmentFault as fault:
            yield f"{fault.what}: {fault.at}"


def _of_wheelless(name: str, request: PinRequest, indexes: Indexes) -> Iterator[str]:
    """What the newest release that the definition itself asks for has instead."""
    if name in _IMPORTED_AS and _IMPORTED_AS[name] != name:
        yield f"do you mean {_IMPORTED_AS[name]}?"
    _, files = _listed(name, request, indexes)
    asked = [Parsed(r.text).specifier for r in request.requirements if names_of([r]) == {canonicalize_name(name)}]
    by_version = releases(files, name)
    wanted = [v for v in by_version if all(s.contains(v, prereleases=True) for s in asked)]
    if wanted:
        yield from _of_release(name, max(wanted), by_version[max(wanted)], request.target)


def _of_versions(name: str, request: PinRequest, indexes: Indexes) -> Iterator[str]:
    """The newest versions that there are."""
    index, files = _listed(name, request, indexes)
    usable = [f for f in files if not f.yanked]
    versions = sorted((v for v in releases(usable, name) if not v.is_prerelease), reverse=True)
    if versions:
        more = ", ..." if len(versions) > _SHOWN else ""
        yield f"{index} has {name} {', '.join(map(str, versions[:_SHOWN]))}{more}"
    elif index:
        yield f"{index} has no release of {name} that may be taken" + (
            "" if usable else " (all are withdrawn)" if files else ""
        )
    if index and index != serving(name, request.indexes)[-1]:
        pin = f'packages = ["{name}"]'
        yield f"{index} has {name}, so no other index is asked for it; to take it from another, pin it there: {pin}"


def _listed(name: str, request: PinRequest, indexes: Indexes) -> tuple[str, tuple[IndexFile, ...]]:
    """The index that serves a package, and its files there; nothing where that cannot be told now."""
    with suppress(EnvbuildError):
        for index in serving(name, request.indexes):
            if (project := indexes.project(index, name)) is not None:
                return index, project.files
    return "", ()


def _of_release(name: str, version: Version, files: Sequence[IndexFile], target: Target) -> Iterator[str]:
    needs = {f.requires_python for f in files if f.requires_python}
    if needs and not any(runs_on(f.requires_python, target.python) for f in files):
        yield f"{name} {version} needs Python {' or '.join(sorted(needs))}; the target has {target.python}"
    elif best_file(files, target) is None:
        wheels = [f.file for f in files if f.file.endswith(".whl")]
        has = f"only wheels for others: {', '.join(wheels[:4])}" if wheels else "only a source distribution"
        yield f"{name} {version} has {has}"
