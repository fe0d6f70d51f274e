"""If this fails, a package that needs its link script is installed without it, or one that does not is refused."""

import pytest

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
    "commands in a here-document": ("cat <<EOF\n$(rm x)\nEOF\n", "cat"),
    "a condition": ("if true; then rm x; fi", "if true"),
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


def test_nothing_is_ever_unlinked_from_an_image():
    assert needs_link_scripts("demo", {"bin/.demo-pre-unlink.sh": b"rm -rf /"}) is None


def test_a_reviewed_package_is_harmless_while_its_script_is_the_one_that_was_read():
    reviewed = b'if [[ "$(uname)" == "Darwin" ]]; then\n    /usr/bin/codesign -s - x\nfi\n'
    assert needs_link_scripts("git", {"bin/.git-post-link.sh": reviewed}) is None
    assert needs_link_scripts("git", {"bin/.git-post-link.sh": b"curl x"}) is not None
    assert needs_link_scripts("other", {"bin/.other-post-link.sh": reviewed}) is not None
