"""What a process does with a store, one act at a time, by the library or by the command line itself.

python -m torture.acts HOME WHEELS ACT SEED MUTANT     (with `tests` on the path; exit codes are those of the command line)
"""

import io
import json
import os
import random
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from torture.mutants import MUTANTS
from torture.smallenv import SmallEnv, environ

from envbuild.cli.exits import code_of
from envbuild.cli.main import run as command_line
from envbuild.digest import Digest
from envbuild.errors import EnvbuildError
from envbuild.ids import identity
from envbuild.store.blobs import Blobs
from envbuild.store.claims import Claims
from envbuild.store.leases import Lease
from envbuild.store.places import Places
from envbuild.store.records import Records

__all__ = ["ACTS", "Acts", "words_of"]

Say = Callable[[str], object]
"""Told what is done and durable, as soon as it is."""
_LARGEST = 60_000


def _silent(_: str) -> None:
    pass


class Acts:
    """Of one process over the store in `home`. Every act may be done again and again."""

    def __init__(self, home: Path, env: SmallEnv, seed: int = 0, say: Say = _silent) -> None:
        self._env, self._say = env, say
        places = Places.read({"ENVBUILD_HOME": str(home)})
        self._places = places
        self._random = random.Random(seed)
        self._new()

    def _new(self) -> None:
        places = self._places
        self.lease = Lease(places.locks)
        self.blobs, self.claims = Blobs(places.blobs, lease=self.lease), Claims(places.claims, self.lease)
        self.records = Records(places.records)

    def put(self) -> Digest:
        """A blob of random bytes, in two writes."""
        data = self._random.randbytes(self._random.randint(1, _LARGEST))
        with self.blobs.create() as writer:
            writer.write(data[:100])
            writer.write(data[100:])
            digest = writer.commit()
        self._say(f"blob {digest.hex}")
        return digest

    def claim(self) -> Digest:
        """A blob, and a claim that names it."""
        digest = self.put()
        return self.claim_of(digest)

    def claim_of(self, digest: Digest) -> Digest:
        """A claim that names a blob."""
        material = {"made": str(digest)}
        key = identity(material)
        self.claims.put("torture", key, {"blob": str(digest)}, material)
        self._say(f"claim torture/{key.hex}")
        return key

    def record(self) -> None:
        """One more record of the user's."""
        number = self._random.randrange(1 << 50)
        self.records.append("run", "torture", {"n": number, "filling": "x" * self._random.randint(0, 300)})
        self._say(f"record {number}")

    def build(self) -> None:
        """The image, by the command line; its words are those of a user."""
        self.command(*self._env.build)
        for path in (self._places.claims / "image").rglob("*"):
            if path.suffix == ".json" and "material" not in path.name:
                self._say(f"image {path.stem}")

    def prune(self) -> None:
        """Everything that nobody uses goes."""
        self.command("cache", "prune", "--all")

    def verify(self) -> None:
        """Every byte is read; nothing may be wrong."""
        self.command("cache", "verify")

    def lease_close(self) -> None:
        """What was used is given back."""
        self.lease.close()

    def command(self, *words: str) -> str:
        """What a command line prints. Failed where it does not end with 0."""
        out, told = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(told):
            code = command_line(list(words))
        if code:
            raise Failed(code, f"{told.getvalue()}{out.getvalue()}")
        return out.getvalue()

    def everything(self) -> None:
        """All acts, once."""
        for name in ("put", "claim", "record", "build"):
            getattr(self, name)()
        self.lease.close()
        self.prune()


ACTS = ("put", "claim", "record", "build", "prune")


class Failed(Exception):
    """A command line that did not end with 0."""

    def __init__(self, code: int, told: str) -> None:
        super().__init__(f"exit {code}: {told}")
        self.code, self.told = code, told


def words_of(act: Callable[[], object]) -> tuple[int, str]:
    """How an act ends, as a command would: its exit code and what it tells. 1 is a bug."""
    try:
        act()
    except Failed as failed:
        return failed.code, failed.told
    except EnvbuildError as error:
        return code_of(error), str(error)
    except BaseException as error:  # noqa: BLE001 (whatever it is, it is what is looked for)
        return 1, f"Traceback: {type(error).__name__}: {error}"
    return 0, ""


def main() -> None:
    """One act as a process of its own."""
    home, wheels, name, seed, mutant = sys.argv[1:]
    if mutant:
        MUTANTS[mutant]()
    env = SmallEnv(Path(wheels).parent / "small0.lock", Path(wheels))
    os.environ.update(environ(Path(home), os.environ, Path(wheels)))
    acts = Acts(Path(home), env, int(seed))
    code, told = words_of(getattr(acts, name))
    sys.stderr.write(told + "\n")
    sys.stdout.write(json.dumps({"code": code}) + "\n")
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
