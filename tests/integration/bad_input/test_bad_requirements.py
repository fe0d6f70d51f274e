"""Requirements files that cannot be understood or served: every faulty line, what is wrong with it, what to do next."""

import json

import pytest

ZEROS = "0" * 64
CANARY = "s3cr3t-canary"


def row(name, text, *said, **files):
    return pytest.param({"requirements.txt": text, **files}, said, id=name)


FILES = [
    row("empty", "", "requirements.txt", "no definition: the file is empty", "one requirement a line"),
    row("blank", " \n\t\n", "no definition: the file is empty"),
    row("only-comments", "# numpy\n", "no definition: only comments"),
    row("nul", b"numpy\0\n", "a NUL byte at offset 5", "UTF-8 text"),
    row("utf-16", "numpy\n".encode("utf-16"), "the file is UTF-16", "iconv -f UTF-16 -t UTF-8 requirements.txt"),
    row("latin-1", b"numpy\n# caf\xe9\n", "requirements.txt:2", "byte 0xe9 at offset 11"),
    row("too-large", b"#" * (2 << 20), "the file has 2097152 bytes", "1 MiB"),
    row("syntax", "numpy\npandas>>2\n", "requirements.txt:2", "not a requirement (PEP 508)", "    pandas>>2\n", "^", "such as:"),
    row("two-words", "scikit learn\n", "requirements.txt:1", "not a requirement"),
    row("version", "numpy==1.0+++\n", "requirements.txt:1", "not a requirement", "^"),
    row("no-version", "numpy==abc\n", "requirements.txt:1", "not a requirement"),
    row("marker", 'x ; python_versoin < "3"\n', "requirements.txt:1", "Expected a marker variable"),
    row("continued", "numpy \\\n  >=2\npandas>> \\\n  2\n", "requirements.txt:3", "not a requirement"),
    row("all-together", "a>>1\nb\nc>>2\n-e .\n--hash=md5:00\n-r no.txt\n",
        "requirements.txt:1:", "requirements.txt:3:", "requirements.txt:4:", "requirements.txt:5:", "requirements.txt:6:"),
    row("missing-include", "numpy\n-r no.txt\n", "requirements.txt:2", "no.txt: no such file", "beside the one that names it"),
    row("missing-constraint", "numpy\n-c no.txt\n", "requirements.txt:2", "no.txt: no such file"),
    row("own-include", "-r requirements.txt\n", "requirements.txt:1", "requirements.txt -> requirements.txt", "take one"),
    row("cycle", "-r a.txt\n", "b.txt:1", "requirements.txt -> a.txt -> b.txt -> requirements.txt",
        **{"a.txt": "-r b.txt\n", "b.txt": "-r requirements.txt\n"}),
    row("deep", "-r f1.txt\n", "more than 16 files deep",
        **{f"f{n}.txt": f"-r f{n + 1}.txt\n" for n in range(1, 30)}),
    row("many", "".join(f"-r f{n}.txt\n" for n in range(1001)), "more than 1000 files", "join them",
        **{f"f{n}.txt": "x\n" for n in range(1001)}),
    row("fault-in-include", "-r sub/a.txt\n", "sub/a.txt:2", "not a requirement", **{"sub/a.txt": "b\nc>>1\n"}),
    row("include-outside", "-r ../other.txt\n", "requirements.txt:1", "lies outside the folder"),
    row("include-absolute", "-r /etc/passwd\n", "requirements.txt:1", "lies outside the folder"),
    row("include-remote", "-r https://h/r.txt\n", "requirements.txt:1", "a remote file may change unseen"),
    row("include-folder", "-r sub\n", "requirements.txt:1", "this is a folder", **{"sub/x": ""}),
    row("pins", "a==1\nb\nA==2\n", "requirements.txt:3", "(requirements.txt:1)", "change one"),
    row("constraint", "a==1\n-c c.txt\n", "c.txt:1", "(requirements.txt:1)", **{"c.txt": "a==2\n"}),
    row("hash-missing", f"a==1 --hash=sha256:{ZEROS}\nb==1\n", "requirements.txt:2", "no hash, but others have one", "all or none"),
    row("require-hashes", "--require-hashes\nb==1\n", "requirements.txt:2", "no hash"),
    row("hash-md5", "a==1 --hash=md5:d41d8cd98f00b204e9800998ecf8427e\n", "requirements.txt:1", "md5 is not accepted", "sha256"),
    row("hash-sha1", "a==1 --hash=sha1:da39\n", "requirements.txt:1", "sha1 is not accepted"),
    row("hash-short", "a==1 --hash=sha256:abc\n", "requirements.txt:1", "3 hex digits where 64 are needed"),
    row("hash-alone", f"--hash=sha256:{ZEROS}\n", "requirements.txt:1", "--hash without a requirement"),
    row("editable", "-e .\n", "requirements.txt:1", "--editable is refused", "leave the line out"),
    row("local-path", "./pkg\n", "requirements.txt:1", "a local path", "publish it to an index"),
    row("local-wheel", "x-1.0-py3-none-any.whl\n", "requirements.txt:1", "a local path"),
    row("file-url", "x @ file:///tmp/x-1.0-py3-none-any.whl\n", "requirements.txt:1", "local path"),
    row("vcs", "x @ git+https://h/x.git\n", "requirements.txt:1", "VCS references are not built yet", "build a wheel of it"),
    row("vcs-ext", "ext::sh\n", "requirements.txt:1", "VCS references are not built yet"),
    row("sdist-url", "x @ https://h/x-1.0.tar.gz\n", "requirements.txt:1", "source distributions are not built yet"),
    row("plain-http", "x @ http://h/x-1.0-py3-none-any.whl\n", "requirements.txt:1", "a plain http URL without a hash"),
    row("no-wheel-name", "x @ https://h/x.whl\n", "requirements.txt:1", "not a wheel's file name"),
    row("option", "--extra-index-urll https://h/\n", "requirements.txt:1", "did you mean --extra-index-url?"),
    row("option-behind", "a==1 -i https://h/\n", "requirements.txt:1", "a line of its own"),
    row("option-empty", "-i\n", "requirements.txt:1", "needs a value"),
    row("no-index", "--no-index\n", "requirements.txt:1", "--no-index is refused"),
    row("find-links", "--find-links x\n", "requirements.txt:1", "--find-links is refused"),
    row("no-binary", "--no-binary :all:\n", "requirements.txt:1", "--no-binary is refused"),
    row("pre", "--pre\n", "requirements.txt:1", "--pre is refused", ">=2.0a1"),
    row("trusted-host", "--trusted-host h\n", "requirements.txt:1", "--trusted-host is refused", "SSL_CERT_FILE"),
    row("variable", "-i https://${TOKEN}@h/simple\n", "requirements.txt:1", "the environment of whoever builds"),
    row("index-ftp", "-i ftp://h/simple\n", "requirements.txt:1", "'ftp'", "use https"),
    row("two-indexes", "-i https://a/simple\n-i https://b/simple\nx\n", "requirements.txt:2", "the first is at requirements.txt:1"),
    row("two-logins", "-i https://u:a@h/simple\n--extra-index-url https://u:b@h/other\nx\n",
        "requirements.txt:2", "two different logins for h"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "said"), FILES)
def test_a_bad_requirements_file_is_told_with_its_lines(files, said, refuses):
    refuses(2, said, files=files)


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
