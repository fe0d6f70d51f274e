"""What a user points at (a file, a folder, a value) opened: the workspace's parts for that one spec."""

from envbuild.definition import Definition
from envbuild.errors import UsageError
from envbuild.formats.kinds import is_envbuild_lock
from envbuild.formats.selection import Selection
from envbuild.ports import Reporter, SpecSource
from envbuild.workspace.adapters import Adapters

__all__ = ["opened"]

_NO_CHOICE = "put what is chosen into it"


def opened(adapters: Adapters, spec: SpecSource, selection: Selection, report: Reporter) -> Adapters:
    """The adapters whose `spec_path` is the spec's file, or what a value is called.

    What a folder has beside it is told. UsageError where a folder has no definition, or nothing can be chosen of the spec;
    InvalidDefinition where a value is none.
    """
    if not isinstance(spec, str):
        if selection:
            raise UsageError("a definition that stands in no file has nothing to choose from", hint=_NO_CHOICE)
        return adapters.for_definition(spec if isinstance(spec, Definition) else spec.to_definition())
    found = adapters.files.found(spec, choosing=bool(selection))
    if selection and is_envbuild_lock(found.path):
        what = "a lock is complete: extras, groups and the project's package are chosen of a definition"
        raise UsageError(what, at=found.path, hint="name the definition")
    if found.line:
        report.notice(found.line)
    return adapters.for_spec(found.path, selection.normal)
