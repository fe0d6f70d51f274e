"""environment.yml: what is wrong with it, where, and what to do."""

from badinputs.rows import in_file

__all__ = ["ROWS"]

row = in_file("environment.yml")

_HEAD = "channels: [conda-forge]\ndependencies:\n"
_BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefghij", "bcdefghijk", strict=True)
)
_MERGES = "a: &a {x0: 1, x1: 1}\n" + "".join(
    f"{new}: &{new}\n  <<: [{', '.join([f'*{old}'] * 10)}]\n  {new}: 1\n"
    for old, new in zip("abcdefghij", "bcdefghijk", strict=True)
)

ROWS = [
    row(1, "no-yaml", "dependencies: [python=3.11\n", "environment.yml:1", "no YAML"),
    row(1, "no-colon", "dependencies:\n  - python=3.11\nchannels\n", "environment.yml:4", "no YAML"),
    row(1, "quote", 'dependencies:\n  - "python=3.11\n', "environment.yml:2", "no YAML"),
    row(1, "template", "dependencies:\n  - python={{ python }}\n  - {{ more }}\n", "environment.yml:3", "a key must be a word"),
    row(2, "key-twice", "name: a\nname: b\ndependencies: [python=3.11]\n", "environment.yml:2", "given twice, first in line 1"),
    row(2, "key-twice-inside", _HEAD + "  - python=3.11\nvariables:\n  A: x\n  A: y\n", "environment.yml:6", "given twice, first in line 5"),
    row(2, "pip-twice", _HEAD + "  - python=3.11\n  - pip: [six]\n  - pip: [attrs]\n", "environment.yml:5", "pip: given twice"),
    row(3, "empty", "", "environment.yml", "no definition: the file is empty"),
    row(4, "only-comments", "# later\n", "environment.yml", "no definition"),
    row(3, "only-a-mark", "---\n", "environment.yml", "no environment.yml"),
    row(5, "two-documents", "dependencies: [python=3.11]\n---\ndependencies: [pip]\n", "environment.yml:2", "one document a file"),
    row(6, "list", "- python=3.11\n", "environment.yml", "no environment.yml"),
    row(6, "word", "python\n", "environment.yml", "no environment.yml"),
    row(6, "number", "42\n", "environment.yml", "no environment.yml"),
    row(7, "unknown-key", "dependencies: [python=3.11]\nchannel: [c]\n", "environment.yml:2", "channel: conda knows no such key"),
    row(7, "misspelt", "dependancies: [python=3.11]\n", "environment.yml:1", "dependancies: conda knows no such key"),
    row(8, "not-a-list", "dependencies: numpy\n", "environment.yml:1", "dependencies: expected a list"),
    row(8, "a-table-as-list", "dependencies:\n  python: '3.11'\n", "dependencies: expected a list"),
    row(8, "channels-text", "channels: conda-forge\ndependencies: [python=3.11]\n", "environment.yml:1", "channels: expected a list"),
    row(8, "variables-list", "variables: [A=1]\ndependencies: [python=3.11]\n", "environment.yml:1", "variables: expected a table"),
    row(8, "a-list-as-spec", _HEAD + "  - [python, pip]\n", "environment.yml:3", "expected a text"),
    row((9, 57), "python-as-key", _HEAD + "  - python: 3.10\n", "environment.yml:3", "write `- python=3.10`"),
    row(9, "python-number", _HEAD + "  - 3.10\n", "environment.yml:3", "3.10 is a number to YAML", '"3.10"'),
    row(10, "yes", _HEAD + "  - yes\n", "environment.yml:3", "true or false to YAML"),
    row(10, "null", _HEAD + "  - ~\n", "environment.yml:3", "nothing to YAML"),
    row(10, "octal", _HEAD + "  - python=3.11\n  - pip: [010]\n", "environment.yml:4", "010 is a number to YAML"),
    row(10, "variable-null", _HEAD + "  - python=3.11\nvariables:\n  A:\n", "environment.yml:5", "variables.A: expected a text"),
    row(11, "latin-1", b"# caf\xe9\ndependencies: [python=3.11]\n", "environment.yml:1", "byte 0xe9 at offset 5"),
    row(12, "utf-16", "dependencies: [python=3.11]\n".encode("utf-16"), "environment.yml", "the file is UTF-16", "iconv"),
    row(15, "tab", "dependencies:\n\t- python=3.11\n", "environment.yml:2", "indent with spaces"),
    row(15, "tab-inside", "dependencies:\n  - pip:\n\t  - six\n", "environment.yml:3", "indent with spaces"),
    row(16, "nul", b"dependencies: [python=3.11\0]\n", "environment.yml", "a NUL byte at offset 26"),
    row((), "control", "dependencies: [python\x07]\n", "environment.yml:1", "a character that YAML does not allow"),
    row(17, "alias-bomb", _BOMB + "dependencies: *k\n", "environment.yml:", "aliases make too much of it"),
    row(17, "alias-to-itself", "a: &a [*a]\ndependencies: *a\n", "environment.yml:1"),
    row(18, "merge-bomb", _MERGES + "dependencies:\n  - {<<: *k}\n", "environment.yml:"),
    row(18, "merge-of-a-list", "a: &a [1]\n<<: *a\ndependencies: []\n", "environment.yml:", "<<: is for tables"),
    row(19, "deep-flow", "dependencies: " + "[" * 5000 + "\n", "environment.yml", "nested too deeply"),
    row(19, "deep-closed", "dependencies: " + "[" * 5000 + "]" * 5000 + "\n", "environment.yml", "nested too deeply"),
    row(19, "deep-block", "".join(f"{' ' * n}a:\n" for n in range(700)), "environment.yml", "nested too deeply"),
    row(19, "deep-dashes", "dependencies:\n" + "- " * 5000 + "x\n", "environment.yml", "nested too deeply"),
    row(20, "too-large", b"#" * (10 << 20), "environment.yml", "the file has 10485760 bytes", "1 MiB"),
    row(21, "object", "dependencies: !!python/object/apply:os.system [echo]\n", "environment.yml:1", "python/object/apply:os.system is not read"),
    row(21, "own-tag", "dependencies: !env [python=3.11]\n", "environment.yml:1", "the tag !env is not read"),
    row(21, "binary", "name: !!binary aGVsbG8=\ndependencies: [python=3.11]\n", "environment.yml:1", "is not read"),
    row(31, "include-outside", _HEAD + "  - python=3.11\n  - pip:\n    - -r ../../r.txt\n", "environment.yml:5", "lies outside the folder"),
    row(35, "pip-syntax", _HEAD + "  - python=3.11\n  - pip:\n    - six\n    - pandas>>2\n", "environment.yml:6", "not a requirement (PEP 508)"),
    row(36, "pip-version", _HEAD + "  - python=3.11\n  - pip:\n    - six==abc\n", "environment.yml:5", "not a requirement"),
    row(37, "pip-marker", _HEAD + "  - python=3.11\n  - pip:\n    - six; os_nmae == 'x'\n", "environment.yml:5", "Expected a marker variable"),
    row(39, "pip-missing-include", _HEAD + "  - python=3.11\n  - pip:\n    - -r no.txt\n", "environment.yml:5", "no.txt: no such file"),
    row(38, "pip-cycle", _HEAD + "  - python=3.11\n  - pip:\n    - -r a.txt\n", "a.txt:1", "a.txt -> a.txt", **{"a.txt": "-r a.txt\n"}),
    row(41, "pip-constraint", _HEAD + "  - python=3.11\n  - pip:\n    - six==1\n    - -c c.txt\n", "c.txt:1", "environment.yml:5", **{"c.txt": "six==2\n"}),
    row(42, "pip-pins", _HEAD + "  - python=3.11\n  - pip:\n    - six==1\n    - six==2\n", "environment.yml:6", "environment.yml:5"),
    row(47, "pip-hash", _HEAD + "  - python=3.11\n  - pip:\n    - six==1 --hash=sha256:" + "0" * 64 + "\n    - attrs==1\n", "environment.yml:6", "no hash"),
    row(49, "pip-md5", _HEAD + "  - python=3.11\n  - pip:\n    - six==1 --hash=md5:00\n", "environment.yml:5", "md5 is not accepted"),
    row(52, "pip-editable", _HEAD + "  - python=3.11\n  - pip:\n    - -e .\n", "environment.yml:5", "--editable is refused"),
    row(53, "pip-vcs", _HEAD + "  - python=3.11\n  - pip:\n    - git+https://h.example/x.git@main\n", "environment.yml:5"),
    row(54, "pip-vcs-option", _HEAD + "  - python=3.11\n  - pip:\n    - x @ git+-oProxy=x\n", "environment.yml:5"),
    row(56, "spec", _HEAD + "  - numpy>>1\n", "environment.yml:3", ">>1"),
    row(56, "spec-words", _HEAD + "  - numpy[version\n", "environment.yml:3"),
    row(56, "spec-no-version", _HEAD + "  - numpy>=\n", "environment.yml:3", "no version stands behind the sign"),
    row(56, "spec-url", _HEAD + "  - https://h.example/x.conda\n", "environment.yml:3", "URL"),
    row(56, "spec-of-pip", _HEAD + "  - x @ https://h.example/x.whl\n", "environment.yml:3", "it belongs below `- pip:`"),
    row(56, "spec-option", _HEAD + "  - --no-deps\n", "environment.yml:3", "an option has no place"),
    row(57, "pip-as-key", "dependencies: [python=3.11]\npip: [six]\n", "environment.yml:2", "pip: conda knows no such key"),
    row(57, "pip-text", _HEAD + "  - python=3.11\n  - pip: six\n", "environment.yml:4", "pip: expected a list"),
    row(57, "pip-in-pip", _HEAD + "  - python=3.11\n  - pip:\n    - pip: [six]\n", "environment.yml:5", "pip: expected a text"),
    row(57, "other-list", _HEAD + "  - python=3.11\n  - npm: [x]\n", "environment.yml:4", "only `pip:` may have a list"),
    row((), "selector", _HEAD + "  - python=3.11\n  - x  # [win]\n", "environment.yml:4", "a selector"),
    row((), "python-open", _HEAD + "  - python>=3.9|<3\n", "environment.yml:3", "which Python is meant is not clear"),
    row((7, 8, 56), "together", "name: [x]\nfoo: 1\ndependencies:\n  - numpy>>1\n  - yes\n  - pip:\n    - a>>1\n",
        "environment.yml:1", "environment.yml:2", "environment.yml:5", "environment.yml:7"),
]  # fmt: skip
