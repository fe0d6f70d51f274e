"""Standalone Pythons: whether the mirror that this machine is told has one of those that are listed."""

from collections.abc import Iterator

from envbuild.errors import EnvbuildError
from envbuild.http.localfile import as_url
from envbuild.httpsettings import public_url
from envbuild.workspace.doctor.diagnosis import Check, Verdict
from envbuild.workspace.doctor.indexes import PACKAGES
from envbuild.workspace.doctor.subject import Subject
from envbuild.workspace.pythonplaces import PythonPlaces

__all__ = ["python_mirror_checks"]

_NAME = "python mirror"
_OTHERS = "the Pythons of Debian's suites, and conda's"
_SET = "envbuild config set python-mirror URL"


def python_mirror_checks(subject: Subject) -> Iterator[Check]:
    """One: where nothing is configured nothing is asked, as few definitions need it."""
    mirror = as_url(subject.machine.python_mirror)
    if not mirror:
        found = "none configured: Pythons that no base has come from where uv has them"
        yield Check(name=_NAME, topic=PACKAGES, verdict=Verdict.NONE, found=found)
        return
    shown = public_url(mirror)
    try:
        places = PythonPlaces(subject.machine, subject.http, subject.adapters.blobs, subject.environ)
        served = [build for build in places.builds[:1] if subject.http.size(f"{mirror.rstrip('/')}/{build.path}")]
    except EnvbuildError as error:
        yield Check(
            name=_NAME, topic=PACKAGES, verdict=Verdict.FAILING, found=f"{shown}: {error.what}", remedy=error.hint,
            without=_OTHERS,
        )  # fmt: skip
        return
    if served:
        found = f"{shown} has {served[0].version}, the newest that is listed{subject.way(mirror)}"
        yield Check(name=_NAME, topic=PACKAGES, verdict=Verdict.OK, found=found)
        return
    found = f"{shown} answers, and has not the newest Python that is listed"
    yield Check(name=_NAME, topic=PACKAGES, verdict=Verdict.WARNING, found=found, remedy=_SET, without=_OTHERS)
