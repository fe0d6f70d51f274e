"""Whether a Dockerfile takes files from its build context: only then does it need one."""

from envbuild.pipeline.linting.dockerfile import Instruction, instructions

__all__ = ["takes_from_context"]

_REMOTE = ("http://", "https://", "git://", "ssh://", "git@", "$", "<<")
"""How a source of ADD begins that is not, or need not be, in the context."""


def takes_from_context(dockerfile: str) -> Instruction | None:
    """The first instruction of a Dockerfile's text that does: COPY, ADD, or RUN with a bind mount."""
    return next((one for one in instructions(dockerfile) if _takes(one)), None)


def _takes(one: Instruction) -> bool:
    words = one.rest.split()
    flags = [word for word in words if word.startswith("--")]
    if one.keyword in ("COPY", "ADD"):
        if any(flag.startswith("--from=") for flag in flags):
            return False
        sources = [word for word in words if not word.startswith("--")][:-1]
        begins = _REMOTE if one.keyword == "ADD" else ("<<",)
        return not all(source.startswith(begins) for source in sources)
    return one.keyword == "RUN" and any(_binds(flag) for flag in flags)


def _binds(flag: str) -> bool:
    """Whether `--mount=...` shows a folder of the context: its type is bind (the default), and it names no stage."""
    options = dict(option.partition("=")[::2] for option in flag.removeprefix("--mount=").split(","))
    return flag.startswith("--mount=") and options.get("type", "bind") == "bind" and "from" not in options
