"""What we take for a build context is what a real engine sends: `COPY . /` of random folders with random ignore files."""

import os
import random
from pathlib import Path

import pytest

from envbuild.context.ignorefile import read_ignore_file
from envbuild.sources.contextfiles import read_tree

NAMES = [
    "a",
    "b",
    "ab",
    "foo",
    "foo.txt",
    "bar.py",
    "x.pyc",
    ".git",
    ".env",
    "dir",
    "a(b)",
    "a b",
    "é",
    "A",
    "x[1]",
    "w\\z",
]
PARTS = [
    "*", "**", "a", "b", "foo", "foo.txt", "dir", "*.py", "*.pyc", "?", "a*", "[ab]", "[^a]*", "**/*.txt", ".*", "é", "A",
    "**foo", "f**", "..", ".", "\\a", "x\\[1\\]", "[a*]", "*b*", "[[:alpha:]]", "w\\\\z", "a^b", "(", "ab?",
]  # fmt: skip
WRITTEN = [
    (["*", "!dir"], "only one folder"),
    (["*", "!dir/**/*.py"], "only some files below one"),
    (["dir", "!dir/foo.txt"], "one file of a folder"),
    (["**/*.pyc", "# a comment", "", ".git/"], "the usual"),
    (["Dockerfile", ".dockerignore"], "those that the build itself needs"),
    (["*"], "all"),
]


def fill(rng, folder, depth=0):
    for name in rng.sample(NAMES, rng.randrange(1, 6)):
        path = folder / name
        if depth < 3 and rng.random() < 0.45:
            path.mkdir()
            if rng.random() < 0.9:
                fill(rng, path, depth + 1)
        elif rng.random() < 0.1:
            path.symlink_to("a")
        else:
            path.write_text(name)


def line(rng):
    if rng.random() < 0.1:
        return rng.choice(["# comment", "", "  "])
    path = "/".join(rng.choice(PARTS) for _ in range(rng.randrange(1, 4)))
    return rng.choice(["", "", "", "!", "! ", "/", "!/"]) + path + rng.choice(["", "", "/", " ", "\r"])


def found(top):
    """Paths and kinds of what an engine put out."""
    kinds = {}
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = Path(folder, name)
            kinds[str(path.relative_to(top))] = "link" if path.is_symlink() else "folder" if path.is_dir() else "file"
    return kinds


def sent(docker, tmp_path, context, lines):
    """What the engine has of the context; None where it refuses the ignore file, or has nothing to copy."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    # Beside the Dockerfile, so that the file itself is not in the context.
    (tmp_path / "Dockerfile.dockerignore").write_bytes("\n".join(lines).encode())
    out = tmp_path / "out"
    done = docker(
        "buildx", "build", "--no-cache", "-f", tmp_path / "Dockerfile", "--output", f"type=local,dest={out}", context,
        check=False,
    )  # fmt: skip
    return found(out) if done.returncode == 0 else None


def ours(context, lines):
    rules = read_ignore_file("\n".join(lines).encode(), "x")
    return {entry.path.decode(): entry.kind for entry in read_tree(str(context), "base.context", rules)}


@pytest.mark.parametrize("seed", range(30))
def test_a_random_ignore_file_leaves_the_same_files(docker_engine, tmp_path, seed):
    """Else the id covers other files than those that are built, and a change is missed, or built for nothing."""
    rng = random.Random(seed)
    context = tmp_path / "context"
    context.mkdir()
    fill(rng, context)
    lines = [line(rng) for _ in range(rng.randrange(1, 6))]
    if rng.random() < 0.3:
        lines.insert(0, rng.choice(["*", "**"]))
    engine = sent(docker_engine, tmp_path, context, lines)
    assert engine is not None, f"the engine refused {lines}: choose another seed"
    assert ours(context, lines) == engine


@pytest.mark.parametrize(("lines", "what"), WRITTEN, ids=[what for _, what in WRITTEN])
def test_a_usual_ignore_file_leaves_the_same_files(docker_engine, tmp_path, lines, what):
    context = tmp_path / "context"
    for name in ("a", "dir/foo.txt", "dir/sub/x.py", "dir/sub/x.pyc", ".git/HEAD", "Dockerfile", ".dockerignore"):
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text(name)
    (context / "empty").mkdir()
    assert ours(context, lines) == sent(docker_engine, tmp_path, context, lines)


@pytest.mark.parametrize("bad", ["!", "[", "[b-a]", "a\\"])
def test_what_we_refuse_the_engine_refuses(docker_engine, tmp_path, bad):
    context = tmp_path / "context"
    context.mkdir()
    (context / "a").touch()
    assert sent(docker_engine, tmp_path, context, [bad]) is None


def test_the_ignore_file_of_the_context_counts_where_the_dockerfile_has_none(docker_engine, tmp_path):
    context = tmp_path / "context"
    context.mkdir()
    for name in ("Dockerfile", "a", "b"):
        (context / name).write_text("FROM scratch\nCOPY . /\n")
    (context / ".dockerignore").write_text("a\nDockerfile\n.dockerignore\n")
    out = tmp_path / "out"
    docker_engine("buildx", "build", "--no-cache", "--output", f"type=local,dest={out}", context)
    assert found(out) == ours(context, ["a", "Dockerfile", ".dockerignore"]) == {"b": "file"}
