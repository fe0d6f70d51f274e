"""Files of a store that were changed behind its back: found before use, found by verify, and healed.

python -m torture.damage objects|healed|index COUNT [--seed N] [--mutant NAME]     prints JSON
"""

import hashlib
import json
import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from torture.acts import Acts, Failed, words_of
from torture.asked import run, words
from torture.forking import ended, forked
from torture.mutants import MUTANTS
from torture.smallenv import SmallEnv, environ, small_env
from torture.soundness import wrong

from envbuild.digest import Digest
from envbuild.errors import IntegrityError
from envbuild.store.blobs import Blobs
from envbuild.store.claims import Claims

__all__ = ["HARMS", "healed", "index", "objects"]

Harm = Callable[[bytes, random.Random], bytes]
_RUNS_TO_HEAL = 30


def _flip(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def _zero(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    end = min(len(data), start + chance.choice((1, 512, 4096)))
    return data[:start] + bytes(end - start) + data[end:]


def _swap(data: bytes, chance: random.Random) -> bytes:
    half = len(data) // 2
    return data[half:] + data[:half]


HARMS: dict[str, Harm] = {
    "flip": _flip,
    "cut": lambda data, chance: data[: chance.randrange(len(data))],
    "grow": lambda data, chance: data + chance.randbytes(chance.choice((1, 100, 5000))),
    "zero": _zero,
    "swap": _swap,
    "empty": lambda data, chance: b"",
    "noise": lambda data, chance: chance.randbytes(len(data)),
}


def _built(folder: Path) -> tuple[SmallEnv, Path]:
    """A store with an image in it."""
    env, home = small_env(folder), folder / "ready"
    os.environ.update(environ(home, os.environ, env.wheels))
    assert ended(forked(lambda: Acts(home, env).command(*env.build) and 0)) == 0
    return env, home


def _files(home: Path) -> list[Path]:
    roots = (home / "cache/blobs.v1", home / "cache/claims.v1")
    return sorted(p for root in roots for p in root.rglob("*") if p.is_file() and p.stat().st_size)


def _harmed(path: Path, chance: random.Random) -> str:
    """Damage a file; the way, or nothing where it still has its bytes."""
    name, harm = chance.choice(sorted(HARMS.items()))
    before = path.read_bytes()
    after = harm(before, chance)
    if after == before:
        return ""
    path.chmod(0o600)
    path.write_bytes(after)
    return name


def objects(count: int, chance: random.Random, mutant: str) -> tuple[Counter[str], list[str]]:
    """Each is damaged, read as anybody would read it, and put back."""
    seen, faults = Counter[str](), []
    with tempfile.TemporaryDirectory() as name:
        _, home = _built(Path(name))
        if mutant:
            MUTANTS[mutant]()
        blobs, claims = Blobs(home / "cache/blobs.v1"), Claims(home / "cache/claims.v1")
        files = _files(home)
        while seen["damaged"] < count:
            path = chance.choice(files)
            before, mode = path.read_bytes(), path.stat().st_mode
            how = _harmed(path, chance)
            if not how:
                continue
            seen["damaged"] += 1
            seen[how] += 1
            outcome = _read(path, blobs, claims, json.loads(before) if path.suffix == ".json" else None)
            seen[outcome] += 1
            if outcome.startswith("served"):
                faults.append(f"{how} of {path.relative_to(home)}: {outcome}")
            path.unlink(missing_ok=True)
            path.write_bytes(before)
            path.chmod(mode)
    return seen, faults


def _read(path: Path, blobs: Blobs, claims: Claims, was: object) -> str:
    if "blobs.v1" in path.parts:
        try:
            blobs.open(Digest(path.name)).close()
        except IntegrityError:
            return "blob refused"
        return "served damaged bytes"
    kind, key = path.parent.parent.name, Digest(path.name.partition(".")[0])
    if ".material." in path.name:
        return "material refused" if claims.material(kind, key) is None else "served another material"
    found = claims.get(kind, key)
    if found is None:
        return "claim missed"
    # What a claim says proves itself by the blobs that it names: whoever uses it finds that out (`healed`).
    return "claim has its value" if isinstance(was, dict) and found == was.get("value") else "claim has another value"


def _image(folder: Path) -> str:
    """The digest over all files of an image in an OCI layout."""
    whole = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        whole.update(f"{path.relative_to(folder)} ".encode() + path.read_bytes())
    return whole.hexdigest()


def healed(count: int, chance: random.Random, mutant: str) -> tuple[Counter[str], list[str]]:
    """One to three files are damaged; the image that the command line then gives is what it was, and the store is whole."""
    seen, faults = Counter[str](), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env, ready = _built(folder)
        home, out = folder / "home", folder / "out"
        expected = _delivered(ready, env, out, seen, "", mutant)
        for number in range(count):
            shutil.rmtree(home, ignore_errors=True)
            shutil.copytree(ready, home)
            files = chance.sample(_files(home), chance.randint(1, 3))
            ways = [f"{how} of {path.relative_to(home)}" for path in files if (how := _harmed(path, chance))]
            if not ways:
                continue
            seen["stores"] += 1
            seen["damaged"] += len(ways)
            repaired = number % 2 == 0
            if repaired:
                faults += [f"{ways}: {fault}" for fault in _verified(home, env, seen, mutant)]
            try:
                found = _delivered(home, env, out, seen, "repaired" if repaired else "built", mutant)
            except Failed as failed:
                faults.append(f"{ways}: {failed}")
                continue
            if found != expected:
                faults.append(f"{ways}: another image came out")
    return seen, faults


def _command(home: Path, env: SmallEnv, line: list[str], mutant: str) -> tuple[int, str]:
    """How a command ends in a process of its own."""
    os.environ.update(environ(home, os.environ, env.wheels))
    told = env.wheels.parent / "told"

    def work() -> int:
        if mutant:
            MUTANTS[mutant]()
        code, said = words_of(lambda: Acts(home, env).command(*line))
        told.write_text(said)
        return code

    return ended(forked(work)), told.read_text()


def _delivered(home: Path, env: SmallEnv, out: Path, seen: Counter[str], how: str, mutant: str) -> str:
    """The image, by as many runs as the words of each failure ask for."""
    for runs in range(1, _RUNS_TO_HEAL + 1):
        shutil.rmtree(out, ignore_errors=True)
        code, told = _command(home, env, ["build", str(env.lock), "--to", f"oci:{out}", "--quiet"], mutant)
        if code == 0:
            if how:
                seen[f"{how}: whole after {runs} runs"] += 1
            return _image(out)
        if code != 6 or "run this again" not in told:
            raise Failed(code, told)
    raise Failed(6, f"still damaged after {_RUNS_TO_HEAL} runs")


def _verified(home: Path, env: SmallEnv, seen: Counter[str], mutant: str) -> Iterator[str]:
    """Verify finds it, changes nothing, repairs it, and finds nothing any more."""
    before = wrong(home)
    code, _ = _command(home, env, ["cache", "verify"], mutant)
    seen["found by verify"] += code == 6
    if before and code != 6:
        yield f"verify ended with {code}, and {before} is wrong"
    if code == 6 and before and wrong(home) != before:
        yield "verify changed something"
    # What nothing here can bring back (a name, an image whose lock is damaged too) is lost, and told.
    for _ in range(2):
        code, told = _command(home, env, ["cache", "verify", "--repair"], mutant)
        if code not in (0, 6) or (code == 6 and "lost: " not in told and "once more" not in told):
            yield f"repair ended with {code}: {told}"
        seen["repairs"] += 1
        seen["repairs that told a loss"] += "lost: " in told
        if "once more" not in told:
            break
    yield from (f"after repair: {fault}" for fault in wrong(home))
    code, told = _command(home, env, ["cache", "verify"], mutant)
    if code:
        yield f"verify after repair ended with {code}: {told}"


def index(count: int, chance: random.Random, mutant: str) -> tuple[Counter[str], list[str]]:
    """The memo's database is cut, deleted, garbled or older than the rest: commands give what they gave."""
    seen, faults = Counter[str](), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env, home = _built(folder)
        memo, out = home / "cache/memo.v1", folder / "out"
        expected = _delivered(home, env, out, seen, "", mutant)
        from envbuild.store.memo import Memo

        one = Memo(memo)
        for number in range(50):
            one.put(f"key{number}", chance.randbytes(2000))
        one.close()
        shutil.copytree(memo, folder / "old")
        for number in range(count):
            way = ("cut", "gone", "garbled", "older", "a folder", "another's")[number % 6]
            _lose(memo, folder / "old", way, chance)
            seen[way] += 1
            try:
                if _delivered(home, env, out, seen, "", mutant) != expected:
                    faults.append(f"{way}: another image came out")
            except Failed as failed:
                faults.append(f"{way}: {failed}")
            for line in (
                ["probe", str(env.lock)],
                ["cache", "info"],
                ["cache", "verify", "--repair"],
                ["cache", "prune"],
            ):
                code, told = _command(home, env, line, mutant)
                if code:
                    faults.append(f"{way}: {line[:2]} ended with {code}: {told}")
    return seen, faults


def _lose(memo: Path, old: Path, way: str, chance: random.Random) -> None:
    database = memo / "cache.db"
    if not database.is_file():
        shutil.rmtree(memo, ignore_errors=True)
        shutil.copytree(old, memo)
    data = database.read_bytes()
    match way:
        case "cut":
            database.write_bytes(data[: chance.randrange(len(data))])
        case "gone":
            for path in chance.sample(sorted(memo.iterdir()), chance.randint(1, len(list(memo.iterdir())))):
                path.unlink()
        case "garbled":
            start = chance.randrange(len(data))
            database.write_bytes(data[:start] + chance.randbytes(4096) + data[start + 4096 :])
        case "older":
            shutil.copyfile(old / "cache.db", database)
        case "a folder":
            database.unlink()
            database.mkdir()
        case _:
            database.write_bytes(b"no database " * 1000)


def main() -> None:
    """Count, and print what was counted."""
    asked = words(__doc__ or "", "what", "count")
    kind = {"objects": objects, "healed": healed, "index": index}[asked.what]
    run(lambda: kind(asked.count, random.Random(asked.seed), asked.mutant))


if __name__ == "__main__":
    main()
