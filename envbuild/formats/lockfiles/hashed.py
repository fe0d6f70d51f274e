"""A lock's wheels as a requirements file with hashes, for pip's hash-checking mode."""

from envbuild.lockfile import Artifact, ArtifactKind, Lock

__all__ = ["hashed_requirements"]


def hashed_requirements(lock: Lock) -> str:
    """One requirement and its hash for each wheel, sorted by name. Good for the lock's platform and Python only."""
    python = f", Python {lock.interpreter.minor}" if lock.interpreter else ""
    lines = [f"# For {lock.platform}{python}."]
    lines += [_line(artifact) for artifact in sorted(lock.of_kind(ArtifactKind.WHEEL), key=lambda a: a.name)]
    return "\n".join(lines) + "\n"


def _line(artifact: Artifact) -> str:
    which = f"{artifact.name} @ {artifact.url}" if artifact.url else f"{artifact.name}=={artifact.version}"
    return f"{which} \\\n    --hash=sha256:{artifact.sha256}"
