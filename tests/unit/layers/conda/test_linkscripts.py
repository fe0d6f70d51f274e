"""If this fails, a package that needs its link script is installed without it, or one that does not is refused."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envbuild.errors import BuildFailed
from envbuild.layers.conda.linkscripts import check_link_scripts, needs_link_scripts

HARMLESS = {
    "nothing": "",
    "comments": "#!/bin/bash\n# only words\n\nset -e\nexit 0\n",
    "a message": 'echo "By using this you accept the terms" >> "$PREFIX"/.messages.txt\n',
    "a message in lines": 'echo "\n####\n${PKG_NAME} version ${PKG_VERSION} is here\n > see there\n " > $PREFIX/.messages.txt\n',
    "a message to standard output": "echo 'all is well; rm -rf / was not run'\n",
    "a here-document": 'cat >> "$PREFIX/.messages.txt" <<EOF\nwget x | zcat > ${PREFIX}/y\nEOF\n',
    "a quoted here-document": "cat <<'EOF' >> $PREFIX/.messages.txt\n$(not run)\nEOF\n",
    "a group": '{\n  echo "a"\n} >>"$PREFIX/.messages.txt" 2>&1\n',
}
NEEDED = {
    "a download": ("curl -L $URL > x", "curl -L $URL > x"),
    "a program": ('"${PREFIX}/bin/jupyter" nbextension enable x --py', "jupyter"),
    "in a group": ('{\n  "${PREFIX}/bin/x"\n} >>"$PREFIX/.messages.txt" 2>&1\n', "bin/x"),
    "a substitution": ("echo $(rm x) > $PREFIX/.messages.txt", "rm x"),
    "an old substitution": ('echo "`id`"', "id"),
    "a file of its own": ("echo x > $PREFIX/etc/y", "etc/y"),
    "after a message": ("echo a && rm x", "rm x"),
    "behind a semicolon": ("echo a; rm x", "rm x"),
    "in the background": ("echo a & rm x", "rm x"),
    "a piped here-document": ("cat <<EOF | sh\nrm x\nEOF\n", "sh"),
    "commands in a here-document": ("cat <<EOF\n$(rm x)\nEOF\n", "rm x"),
    "a condition": ("if true; then rm x; fi", "if true"),
    "behind a line that says something": ("echo hello\nrm -rf $PREFIX/lib\n", "rm -rf"),
    "behind two": ('echo a\nprintf x\n"$PREFIX/bin/python" -m foo\n', "python"),
    "a here-document in quotes": ('echo "see <<EOF"\nmkdir -p $PREFIX/x\nEOF\n', "mkdir"),
    "a here-document in a comment": ("# <<EOF\nmkdir x\nEOF\n", "mkdir"),
    "behind a comment that goes on": ("# a \\\nmkdir x", "mkdir"),
    "a line that goes on": ("echo a \\\nb", "echo"),
    "printf into a variable": ("printf -v PATH x", "printf"),
    "behind a here-document": ("cat <<EOF\ntext\nEOF\nmkdir x\n", "mkdir"),
    "behind two here-documents": ("cat <<A <<'B'\na\nA\nb\nB\nmkdir x\n", "mkdir"),
    "a substitution in a default": ('echo "${A:-$(rm x)}"', "rm x"),
    "an assignment": ("PATH=/x echo a", "PATH=/x"),
    "a descriptor": ("echo a 3> x", "echo"),
    "another file of messages": ("echo a > $PREFIX/x/.messages.txt", "echo"),
    "another exit": ("exit 1", "exit 1"),
    "a text that never ends": ('echo "abc', "echo"),
}


@pytest.mark.parametrize("script", HARMLESS.values(), ids=HARMLESS)
def test_a_script_that_only_says_something_is_harmless(script):
    assert needs_link_scripts("demo", {"bin/.demo-post-link.sh": script.encode()}) is None


@pytest.mark.parametrize(("script", "words"), NEEDED.values(), ids=NEEDED)
@pytest.mark.parametrize("kind", ["post", "pre"])
def test_a_script_that_does_more_is_told_with_its_first_command(script, words, kind):
    with pytest.raises(BuildFailed) as refused:
        check_link_scripts("demo", {f"bin/.demo-{kind}-link.sh": script.encode()})
    assert f".demo-{kind}-link.sh runs" in refused.value.what
    assert words in refused.value.what
    assert "demo" in refused.value.hint


@pytest.mark.parametrize(
    "script",
    ['echo "' + "$AB" * 5000 + "`", "<<A " * 10_000, "'" * 9999, '"$' * 9999, "echo " + "a\\" * 9999, "x" * 100_000],
)
def test_no_script_takes_long_to_read(script):
    started = time.process_time()
    needs_link_scripts("demo", {"bin/.demo-post-link.sh": script.encode()})
    assert time.process_time() - started < 5, "not linear: the shortest of these took minutes"


PIECES = st.sampled_from(
    ["echo", "printf", "cat", " ", "\n", ";", "'", '"', "$PREFIX", "rm", "x", "<<E", "E", "#", "\\", "&&", "|", "`", "$(", ")", ">", ">>", "{", "}",
     "$PREFIX/.messages.txt", "set -e", "exit 0", "2>&1", "&", "\t"]
)  # fmt: skip


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash says what a script runs")
@given(st.lists(PIECES, max_size=14).map("".join))
@settings(max_examples=400, deadline=None)
def test_bash_runs_nothing_else_in_a_script_that_is_harmless(script):
    if needs_link_scripts("demo", {"bin/.demo-post-link.sh": script.encode()}) is not None:
        return
    with tempfile.TemporaryDirectory() as folder:
        prefix = Path(folder) / "prefix"
        prefix.mkdir()
        # No program can be found; one that bash looks for is told by this function, and a file that it writes is seen.
        told = f'command_not_found_handle() {{ echo "$1" >> {folder}/ran; }}\nPATH=/nowhere\ncat() {{ :; }}\n{script}'
        subprocess.run(
            [shutil.which("bash"), "-c", told], env={"PREFIX": str(prefix)}, cwd=folder, capture_output=True, stdin=subprocess.DEVNULL,
            check=False,
        )  # fmt: skip
        assert {path.name for path in Path(folder).rglob("*")} <= {"prefix", ".messages.txt"}


def test_nothing_is_ever_unlinked_from_an_image():
    assert needs_link_scripts("demo", {"bin/.demo-pre-unlink.sh": b"rm -rf /"}) is None


def test_a_reviewed_package_is_harmless_while_its_script_is_the_one_that_was_read():
    reviewed = b'if [[ "$(uname)" == "Darwin" ]]; then\n    /usr/bin/codesign -s - x\nfi\n'
    assert needs_link_scripts("git", {"bin/.git-post-link.sh": reviewed}) is None
    assert needs_link_scripts("git", {"bin/.git-post-link.sh": b"curl x"}) is not None
    assert needs_link_scripts("other", {"bin/.other-post-link.sh": reviewed}) is not None
