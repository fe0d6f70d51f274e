"""Secrets in what is wrong, and wrong words on the command line; what else can be wrong in a file: test_bad_items.py."""

import json

import pytest

ZEROS = "0" * 64
CANARY = "s3cr3t-canary"


SECRETS = [
    f"-i https://user:{CANARY}@\n",
    f"-i ftp://user:{CANARY}@h/simple\n",
    f"--extra-index-urll https://user:{CANARY}@h/simple\n",
    f"https://user:{CANARY}@h/x-1.0.tar.gz\n",
    f"x @ https://user:{CANARY}@h/x-1.0.tar.gz\n",
    f"x @@ https://user:{CANARY}@h/x-1.0-py3-none-any.whl\n",
    f"x @ https://user:{CANARY}@h/x-1.0-py3-none-any.whl#md5=00\n",
    f"x @ git+https://user:{CANARY}@h/x.git\n",
    f"-r https://user:{CANARY}@h/r.txt\n",
    f"--find-links https://user:{CANARY}@h/\n",
    f"-e git+https://user:{CANARY}@h/x.git\n",
    f"-i https://user:{CANARY}@h:port/simple\n",
    f'x ; https://user:{CANARY}@h/ == "1"\n',
]


@pytest.mark.parametrize("text", SECRETS)
def test_a_password_in_a_bad_line_is_not_shown(text, refuses):
    refuses(2, ["requirements.txt:1"], files={"requirements.txt": text}, unsaid=[CANARY])


@pytest.mark.parametrize(
    "text",
    [
        f"-i https://user:{CANARY}@index.invalid/simple\nx\n",
        f"--extra-index-url https://user:{CANARY}@index.invalid/simple\nx\n",
        f"x @ https://user:{CANARY}@index.invalid/x-1.0-py3-none-any.whl\n",
    ],
    ids=["index", "extra-index", "direct"],
)
def test_a_password_in_a_good_line_reaches_no_output_and_no_store(text, run_cli, project, home, no_network, tmp_path):
    folder = project({"requirements.txt": text})
    shown = run_cli("show", "requirements.txt", "--json", cwd=folder, env=no_network)
    assert shown.code == 0, shown.stderr
    built = run_cli("build", "requirements.txt", "--to", "store", "--json", cwd=folder, env=no_network)
    assert built.code == 5, built.stderr
    assert CANARY not in shown.stdout + shown.stderr + built.stdout + built.stderr
    for path in (p for p in tmp_path.rglob("*") if p.is_file() and p.parent != folder):
        assert CANARY.encode() not in path.read_bytes(), path


COMMANDS = [
    pytest.param(("bild", "x"), ["no command 'bild'", "Did you mean build?"], id="command"),
    pytest.param(("zzz",), ["no command 'zzz'", "--help"], id="command-unlike-any"),
    pytest.param(("--nope",), ["No such option '--nope'", "--help"], id="option"),
    pytest.param(("build", "requirements.txt", "--too", "x"), ["'--too'", "'--to'"], id="option-near"),
    pytest.param(("build", "requirements.txt", "more"), ["unexpected extra argument (more)"], id="argument"),
    pytest.param(("build", "requirements.txt", "--to"), ["'--to' requires an argument"], id="no-value"),
    pytest.param(("build", "requirements.txt", "--to", "ftp:x"), ["--to: no such place: 'ftp:x'", "archive:FILE.tar"], id="to"),
    pytest.param(("build", "requirements.txt", "--to", "oci"), ["--to: 'oci' needs a path", "oci:DIR"], id="to-no-path"),
    pytest.param(("build", "requirements.txt", "--to", "archive:"), ["--to: 'archive:' needs a path"], id="to-empty-path"),
    pytest.param(("build", "requirements.txt", "--to", "store:x"), ["takes no path"], id="to-path"),
    pytest.param(("build", "requirements.txt", "--platform", "windows/amd64"),
                 ["--platform: unknown platform", "linux/amd64, linux/arm64"], id="platform"),
    pytest.param(("build", "requirements.txt", "--platform", "x"), ["--platform: unknown platform 'x'"], id="platform-word"),
    pytest.param(("build", "requirements.txt", "--resolver", "poetry"), ["'poetry' is not one of", "pip-tools"], id="resolver"),
    pytest.param(("build", "requirements.txt", "--locked", "--frozen"), ["exclude each other"], id="locked-frozen"),
    pytest.param(("build", "requirements.txt", "-t", "Upper"), ["-t", "'Upper'", "lower case"], id="tag-upper"),
    pytest.param(("build", "requirements.txt", "-t", "a b"), ["-t", "'a b'"], id="tag-space"),
    pytest.param(("build", "requirements.txt", "-t", "a:b:c"), ["-t", "'a:b:c'"], id="tag-colons"),
    pytest.param(("build", "requirements.txt", "-t", "x:" + "a" * 129), ["-t"], id="tag-long"),
    pytest.param(("export", "requirements.txt", "--format", "conda"), ["'conda' is not one of", "pylock"], id="format"),
    pytest.param(("verify", "nothing:latest"), ["nothing:latest: no such image", "`envbuild build` printed"], id="verify"),
    pytest.param(("ls", "sha256:" + ZEROS), ["no such image"], id="ls"),
    pytest.param(("cat", "nothing", "x"), ["no such image"], id="cat"),
    pytest.param(("verify", "oci:nowhere"), ["nowhere: this is no OCI layout"], id="verify-oci"),
    pytest.param(("ls", "archive:nowhere.tar"), ["nowhere.tar", "no such file"], id="ls-archive"),
    pytest.param(("ls", "archive:requirements.txt"), ["requirements.txt", "no image archive"], id="ls-no-archive"),
    pytest.param(("ls", "oci:."), ["no OCI layout"], id="ls-no-layout"),
    pytest.param(("cat", "x"), ["Missing argument 'PATH'"], id="cat-no-path"),
    pytest.param(("run",), ["what is to be run?", "SCRIPT ARGS"], id="run"),
    pytest.param(("run", "-m"), ["-m needs the name of a module"], id="run-module"),
    pytest.param(("run", "--"), ["nothing stands behind --"], id="run-nothing"),
    pytest.param(("run", "-e", "no.txt", "requirements.txt"), ["no.txt", "no such file"], id="run-env"),
    pytest.param(("run", "-e", "requirements.txt", "no.py"), ["no.py", "no such file"], id="run-script"),
    pytest.param(("shell", "-e", "no.txt"), ["no.txt", "no such file"], id="shell-env"),
    pytest.param(("lock", "some.lock"), ["some.lock", "is a lock already"], id="lock-a-lock"),
    pytest.param(("lock", "requirements.txt", "-P", "no such"), ["-P", "'no such'"], id="upgrade-name"),
    pytest.param(("build", ""), ["no such file"], id="empty-word"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "said"), COMMANDS)
def test_wrong_words_on_the_command_line_are_told(command, said, refuses):
    refuses(2, said, files={"requirements.txt": "numpy\n", "some.lock": "{}"}, command=command, facts=True)


LOCKLESS = [
    (("build", "requirements.txt", "--locked"), ["requirements.envbuild.lock", "there is no lock", "envbuild lock"]),
    (("build", "requirements.txt", "--frozen"), ["there is no lock", "envbuild lock requirements.txt"]),
    (("lock", "requirements.txt", "--check"), ["there is no lock file", "envbuild lock requirements.txt"]),
]


@pytest.mark.parametrize(("command", "said"), LOCKLESS)
def test_a_lock_that_must_be_there_and_is_not(command, said, refuses):
    refuses(3, said, files={"requirements.txt": "numpy\n"}, command=command, facts=True)


def test_json_holds_the_error_for_programs(run_cli, project, no_network):
    folder = project({"requirements.txt": "a>>1\n"})
    result = run_cli("build", "requirements.txt", "--json", cwd=folder, env=no_network)
    error = json.loads(result.stdout)["error"]
    assert (result.code, error["exit"], error["kind"]) == (2, 2, "InvalidDefinition")
    assert error["at"] == "requirements.txt:1"
    assert "PEP 508" in error["what"] and "such as" in error["hint"]
