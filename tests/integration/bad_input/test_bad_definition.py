"""Definition files that cannot be read, understood or served: the file and line, what is wrong, what to do next."""

import os

import pytest

BUILD = ("build", "envbuild.toml", "--to", "store")
LONG = "n" * 129


def row(name, text, *said):
    return pytest.param(text, said, id=name)


TOML = [
    row("empty", "", "envbuild.toml", "no definition: the file is empty", "format = 1"),
    row("only-comments", "# later\n", "no definition: only comments", "format = 1"),
    row("format-2", "format = 2\nfuture = true\n", "envbuild.toml:1", "needs a newer envbuild", "pip install -U envbuild"),
    row("format-missing", 'name = "x"\n', "format: missing", "`format = 1` the first line"),
    row("format-not-first", 'name = "x"\nformat = 1\n', "envbuild.toml:2", "must be the first key", "to the top"),
    row("format-as-text", 'format = "1"\n', "envbuild.toml:1", "expected the integer 1, got a string", "write `format = 1`"),
    row("key-twice", 'format = 1\nname = "a"\nname = "b"\n', "envbuild.toml:3", "given twice (first at line 2)", "keep one"),
    row("table-twice", 'format = 1\n[base]\ndebian="bookworm"\n[base]\n', "envbuild.toml:4", "given twice", "keep one"),
    row("no-toml", "format = 1\n[base\n", "envbuild.toml:2", "not TOML", "    [base\n"),
    row("json", '{"format": 1}\n', "envbuild.toml:1", "not TOML", '    {"format": 1}\n    ^'),
    row("trailing-comma", "format = 1\npython = 3.11,\n", "envbuild.toml:2", "not TOML"),
    row("nested-lists", f"format = 1\nx = {'[' * 5000}\n", "nested too deeply"),
    row("nested-tables", f"format = 1\nx = {'{a=' * 5000}\n", "nested too deeply"),
    row("python-float", "format = 1\npython = 3.10\n", "envbuild.toml:2", "python: expected a string, got a float", "quote it"),
    row("python-release", 'format = 1\npython = "3.11.4"\n', "envbuild.toml:2", "names a release", 'python = "3.11"'),
    row("python-nonsense", 'format = 1\npython = "py3"\n', "envbuild.toml:2", "no Python version", 'python = "3.11"'),
    row("date", "format = 1\nname = 2024-01-01\n", "envbuild.toml:2", "got a date", 'write name = "2024-01-01"'),
    row("nan", "format = 1\nlayout = nan\n", "envbuild.toml:2", "layout: expected an integer, got a float"),
    row("bool-as-layout", "format = 1\nlayout = true\n", "layout: expected an integer, got true or false"),
    row("unknown-keys", 'format = 1\nnmae = "x"\n[base]\ndebain = "x"\n',
        "envbuild.toml:2: nmae: unknown key", "did you mean name?", "envbuild.toml:4: base.debain", "did you mean debian?"),
    row("other-tools-words", 'format = 1\npip = ["x"]\napt = ["y"]\n', "did you mean pypi?", "did you mean system?"),
    row("unlike-any", "format = 1\nzzz = 1\n", "zzz: unknown key", "known are: accelerator, base"),
    row("not-a-list", 'format = 1\npypi = "numpy"\n', "envbuild.toml:2", "pypi: expected a list", 'pypi = ["numpy"]'),
    row("number-in-list", "format = 1\npypi = [\n  7,\n]\n", "envbuild.toml:3", "pypi[0]: expected a string", "an integer"),
    row("faults-together", 'format = 1\nname = "../x"\npypi = ["numpy>>1"]\nsystem = ["a;b"]\nfoo = 1\n[variables]\n1x = "1"\n',
        "envbuild.toml:2: name", "envbuild.toml:3: pypi[0]", "envbuild.toml:4: system[0]", "envbuild.toml:5: foo",
        "envbuild.toml:7: variables.1x"),
    row("name-slash", 'format = 1\nname = "a/b"\n', "envbuild.toml:2: name", "'a/b' is not accepted", "1 to 128 of a-z"),
    row("name-dots", 'format = 1\nname = "../x"\n', "envbuild.toml:2: name", "is not accepted"),
    row("name-dash", 'format = 1\nname = "-x"\n', "envbuild.toml:2: name", "the first a letter or digit"),
    row("name-newline", 'format = 1\nname = "a\\nb"\n', "envbuild.toml:2: name", r"'a\nb'"),
    row("name-upper", 'format = 1\nname = "Train"\n', "envbuild.toml:2: name", "a-z 0-9"),
    row("name-long", f'format = 1\nname = "{LONG}"\n', "envbuild.toml:2: name", "1 to 128"),
    row("name-empty", 'format = 1\nname = ""\n', "envbuild.toml:2: name: is empty", "leave the key out"),
    row("name-look-alike", 'format = 1\nname = "tr\u0430in"\n', "envbuild.toml:2: name", "is not accepted"),
    row("apt-shell", 'format = 1\nsystem = ["curl; rm -rf /"]\n', "envbuild.toml:2: system[0]", "a Debian package name"),
    row("apt-substitution", 'format = 1\nsystem = ["$(id)"]\n', "envbuild.toml:2: system[0]", "is not accepted"),
    row("apt-option", 'format = 1\nsystem = ["--allow"]\n', "envbuild.toml:2: system[0]", "is not accepted"),
    row("apt-space", 'format = 1\nsystem = [\n "git",\n "a b",\n]\n', "envbuild.toml:4: system[1]", "'a b'"),
    row("apt-two-versions", 'format = 1\nsystem = ["a1=1", "a1=2"]\n', "a1 is given with two versions", "keep one"),
    row("variable-equals", 'format = 1\n[variables]\n"A=B" = "x"\n', "envbuild.toml:3: variables.A=B", "[A-Za-z_]"),
    row("variable-space", 'format = 1\n[variables]\n"A B" = "x"\n', "envbuild.toml:3: variables.A B", "[A-Za-z_]"),
    row("variable-empty", 'format = 1\n[variables]\n"" = "x"\n', "envbuild.toml:3: variables.", "not accepted as a name"),
    row("variable-digit", 'format = 1\n[variables]\n1A = "x"\n', "envbuild.toml:3: variables.1A", "[A-Za-z_]"),
    row("variable-nul", 'format = 1\n[variables]\nA = "x\\u0000"\n', "envbuild.toml:3: variables.A", "NUL character, at 1"),
    row("variable-number", "format = 1\n[variables]\nA = 4\n", "envbuild.toml:3: variables.A", 'write A = "4"'),
    row("platform", 'format = 1\nplatforms = ["windows/amd64"]\n', "envbuild.toml:2: platforms[0]", "linux/amd64, linux/arm64"),
    row("no-platforms", "format = 1\nplatforms = []\n", "envbuild.toml:2: platforms: is empty", "leave the key out"),
    row("layout", "format = 1\nlayout = 99\n", "envbuild.toml:2: layout", "needs a newer envbuild", "pip install -U"),
    row("layout-zero", "format = 1\nlayout = 0\n", "envbuild.toml:2: layout", "0 is no layout"),
    row("workdir", 'format = 1\nworkdir = "a/b"\n', "envbuild.toml:2: workdir", "an absolute path without .."),
    row("workdir-dots", 'format = 1\nworkdir = "/a/../b"\n', "envbuild.toml:2: workdir", "without .."),
    row("user", 'format = 1\nuser = "a b"\n', "envbuild.toml:2: user", "a name or number"),
    row("entrypoint", 'format = 1\nentrypoint = [""]\n', "envbuild.toml:2: entrypoint[0]", "name a program"),
    row("accelerator", 'format = 1\naccelerator = "auto"\n', "envbuild.toml:2: accelerator", "cpu, xpu, cu128"),
    row("two-bases", 'format = 1\n[base]\ndebian = "bookworm"\nimage = "x"\n', "exactly one of", "debian and image"),
    row("context-alone", 'format = 1\n[base]\ndebian = "bookworm"\ncontext = "x"\n', "envbuild.toml:4", "belongs to a dockerfile"),
    row("copy-outside", 'format = 1\ncopy = [{from = "../x", to = "/x"}]\n', "envbuild.toml:2: copy[0].from", "outside the project"),
    row("copy-two-words", 'format = 1\ncopy = [["a", "/b"]]\n', "envbuild.toml:2", "expected a table"),
    row("index-no-url", 'format = 1\n[[index]]\nname = "corp"\n', "envbuild.toml", "index[0].url", "needs a url"),
    row("index-no-name", 'format = 1\n[[index]]\nurl = "https://h/simple"\n', "index[0].name", "needs a name"),
    row("index-ftp", 'format = 1\n[[index]]\nname = "a"\nurl = "ftp://h/x"\n', "envbuild.toml:4: index[0].url", "write https://"),
    row("index-twice", 'format = 1\n[[index]]\nname = "a"\nurl = "https://h/x"\n[[index]]\nname = "a"\nurl = "https://h/y"\n',
        "envbuild.toml:6: index[1].name", "a second index named 'a'"),
    row("index-explicit", 'format = 1\n[[index]]\nname = "a"\nurl = "https://h/x"\nexplicit = true\n',
        "index[0].packages", "name them here"),
    row("pins-exclude", 'format = 1\npypi = ["a==1", "A==2"]\n', "envbuild.toml:2", "A==2 excludes", "a==1"),
    row("constraint-excludes", 'format = 1\npypi = ["a==1"]\nconstraints = ["a==3"]\n', "envbuild.toml:3", "(envbuild.toml:2)"),
    row("constraint-url", 'format = 1\nconstraints = ["a @ https://h/a-1-py3-none-any.whl"]\n', "envbuild.toml:2", "cannot be a URL"),
    row("hash-for-one", 'format = 1\npypi = ["b==1", {requirement = "a==1", hashes = ["sha256:%s"]}]\n' % ("0" * 64),
        "envbuild.toml:2", "b==1: no hash, but others have one"),
    row("hash-md5", 'format = 1\npypi = [{requirement = "a==1", hashes = ["md5:00"]}]\n', "envbuild.toml:2", "md5 is not accepted"),
    row("vcs", 'format = 1\npypi = ["git+https://h/x.git"]\n', "envbuild.toml:2", "VCS references are not built yet"),
    row("conda", 'format = 1\nconda = ["numpy"]\n', "envbuild.toml:2: conda", "no builder serves this key yet", "`pypi`"),
    row("image", 'format = 1\n[base]\nimage = "x"\n', "envbuild.toml:3: base.image", "no builder serves this key yet"),
    row("run", 'format = 1\nrun = ["make"]\n', "envbuild.toml:2: run", "no builder serves this key yet"),
    row("sdists", 'format = 1\nsdists = "build"\n', "envbuild.toml:2: sdists", "only 'refuse' is"),
    row("nul", b'format = 1\nname = "a\0b"\n', "envbuild.toml", "a NUL byte at offset 20", "UTF-8 text"),
    row("latin-1", 'format = 1\nname = "stra\u00dfe"\n'.encode("latin-1"), "envbuild.toml:2", "byte 0xdf at offset 23"),
    row("utf-16", "format = 1\n".encode("utf-16"), "the file is UTF-16", "iconv -f UTF-16 -t UTF-8"),
    row("too-large", b"#" * (2 << 20), "the file has 2097152 bytes", "1 MiB"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), TOML)
def test_a_bad_envbuild_toml_is_told_with_its_place(text, said, refuses):
    refuses(2, said, files={"envbuild.toml": text}, command=BUILD)


@pytest.mark.parametrize("command", ["lock", "probe", "show", "export"])
def test_every_command_tells_the_same_faults(command, refuses):
    refuses(2, ["envbuild.toml:1", "needs a newer envbuild"], files={"envbuild.toml": "format = 2\n"},
            command=(command, "envbuild.toml"))  # fmt: skip


def test_run_tells_them_before_it_looks_for_an_engine(refuses):
    refuses(2, ["envbuild.toml:1"], files={"envbuild.toml": "format = 2\n", "x.py": ""}, command=("run", "x.py"))


def _fifo(folder):
    os.mkfifo(folder / "requirements.txt")


def _loop(folder):
    (folder / "requirements.txt").symlink_to("requirements.txt")


def _dangling(folder):
    (folder / "requirements.txt").symlink_to("nowhere.txt")


NO_FILES = [
    pytest.param(None, "missing.txt", ["missing.txt", "no such file", "current folder"], id="missing"),
    pytest.param(None, "missing.toml", ["missing.toml", "no such file"], id="missing-toml"),
    pytest.param(None, "missing.lock", ["missing.lock", "no such file"], id="missing-lock"),
    pytest.param(None, "there.txt/x", ["there.txt/x", "not a folder"], id="below-a-file"),
    pytest.param(
        None, ".", ["no definition is in this folder", "envbuild.toml or requirements.txt"], id="empty-folder"
    ),
    pytest.param(None, "/dev/zero", ["/dev/zero", "not a regular file", "name a regular, readable file"], id="device"),
    pytest.param(_fifo, "requirements.txt", ["requirements.txt", "not a regular file"], id="fifo"),
    pytest.param(_loop, "requirements.txt", ["requirements.txt", "a loop of symbolic links"], id="loop"),
    pytest.param(_dangling, "requirements.txt", ["requirements.txt", "no such file"], id="dangling"),
    pytest.param(None, "x" * 300, ["the path is too long"], id="long-name"),
    pytest.param(None, "", ["no such file"], id="no-name"),
]


@pytest.mark.parametrize(("prepare", "spec", "said"), NO_FILES)
@pytest.mark.parametrize("command", ["build", "lock", "probe", "show"])
def test_what_is_no_file_is_told_and_nothing_hangs(command, prepare, spec, said, refuses):
    to = ("--to", "store") if command == "build" else ()
    refuses(2, said, files={"there.txt": "numpy\n"}, command=(command, spec, *to), prepare=prepare)


@pytest.mark.parametrize("name", ["requirements.txt", "envbuild.toml"])
def test_a_byte_order_mark_and_crlf_mean_nothing(name, run_cli, project, no_network):
    text = {
        "requirements.txt": "numpy>=2 \\\n  ,<3\npandas\n",
        "envbuild.toml": 'format = 1\npypi = ["numpy", "pandas"]\n',
    }
    plain, windows = text[name].encode(), b"\xef\xbb\xbf" + text[name].replace("\n", "\r\n").encode()
    shown = []
    for content in (plain, windows):
        result = run_cli("show", name, "--json", cwd=project({name: content}), env=no_network)
        assert result.code == 0, result.stderr
        shown.append(result.stdout)
    assert shown[0] == shown[1]


def test_composed_and_decomposed_letters_are_one_definition(run_cli, project, no_network):
    shown = []
    for letter in ("\u00e9", "e\u0301"):
        text = f'format = 1\ndescription = "caf{letter}"\n[tags]\nplace = "caf{letter}"\n'
        result = run_cli("show", "envbuild.toml", "--json", cwd=project({"envbuild.toml": text}), env=no_network)
        assert result.code == 0, result.stderr
        shown.append(result.stdout)
    assert shown[0] == shown[1]


def test_names_that_differ_in_spelling_are_one_package(run_cli, project, no_network):
    shown = []
    for text in ("ruamel.yaml\nruamel_yaml>=0.17\n", "Ruamel-YAML>=0.17\n"):
        result = run_cli("show", "requirements.txt", "--json", cwd=project({"requirements.txt": text}), env=no_network)
        assert result.code == 0, result.stderr
        shown.append(result.stdout)
    assert shown[0] == shown[1]
