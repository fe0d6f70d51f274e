"""Scripts are read, never run: what is harmless passes, anything else is named. A wrong pass gives a broken image."""

import pytest

from envbuild.errors import BuildFailed
from envbuild.layers.maintscripts import alternatives_of, check_scripts, needs_scripts


def needs(postinst, package="somebody"):
    return needs_scripts(package, {"postinst": f"#!/bin/sh\nset -e\n{postinst}\n"})


HARMLESS = {
    "nothing": "",
    "boilerplate": 'case "$1" in\n  configure)\n  ;;\n  abort-upgrade|abort-remove|abort-deconfigure)\n  ;;\n  *)\n'
    '    echo "postinst called with unknown argument \\`$1\'" >&2\n    exit 1\n  ;;\nesac\nexit 0',
    "linker cache": 'if [ "$1" = "configure" ]; then\n\tldconfig\nfi',
    "byte code": "if command -v py3compile >/dev/null 2>&1; then\n\tpy3compile -p python3-x\nfi",
    "generated": "# Automatically added by dh_installsystemd/13.11.4\nif true; then\n  something --with effects\nfi\n"
    "# End automatically added section",
    "conffiles": 'dpkg-maintscript-helper rm_conffile /etc/x 1.0 -- "$@"',
    "alternatives": "update-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5 \\\n  --slave /usr/bin/nawk nawk /usr/bin/mawk",
    "alternatives in a loop": "for p in a b; do\n  update-alternatives --install /usr/bin/$p $p /usr/bin/$p-x 10\ndone",
    "old files": 'if [ -f /etc/old ] && [ -z "$2" ]; then rm -f /etc/old; fi',
    "messages": 'echo "done" 2>/dev/null || true',
    "a comment with commands": "true # adduser x; groupadd y",
}


@pytest.mark.parametrize("case", HARMLESS)
def test_what_an_image_does_without(case):
    assert needs(HARMLESS[case]) is None


NEEDED = {
    "user": ("adduser --system x", "adduser --system x"),
    "user in a condition": ("if ! adduser x; then exit 1; fi", "adduser x"),
    "user after a test": ('[ "$1" = configure ] && adduser x || true', "adduser x"),
    "user in braces": ("{ adduser x; }", "adduser x"),
    "user in a subshell": ("(adduser x)", "(adduser x)"),
    "user in a substitution": ("x=$(adduser x)", "x=$(adduser x)"),
    "user in backticks": ("echo `adduser x`", "echo `adduser x`"),
    "user through a pipe": ("echo y | adduser x", "echo y | adduser x"),
    "user after an assignment": ("A=b adduser x", "A=b adduser x"),
    "user after a pattern": ('case "$1" in\nconfigure) adduser x ;;\nesac', "configure) adduser x"),
    "user behind a comment's end": ("true # x\nadduser x", "adduser x"),
    "user in a test's substitution": ('[ "$(adduser x)" ]', '[ "$(adduser x)" ]'),
    "background": ("ldconfig & adduser x", "ldconfig & adduser x"),
    "file": ("echo x > /etc/x", "echo x > /etc/x"),
    "file, quiet": ("echo x >/etc/x 2>/dev/null", "echo x >/etc/x"),
    "unknown section": ("# Automatically added by dh_installtex/6\nmktexlsr\n# End automatically added section", "mktexlsr"),
    "continued": ("ad\\\nduser x", "ad duser x"),
    "alternative that cannot be read": (
        "update-alternatives --install /usr/bin/x x $(find /opt) 5", "update-alternatives --install /usr/bin/x x $(find /opt) 5",
    ),
    "capabilities": ("setcap cap_net_raw+ep /bin/ping", "setcap cap_net_raw+ep /bin/ping"),
}  # fmt: skip


@pytest.mark.parametrize("case", NEEDED)
def test_what_an_image_cannot_do_without_is_named(case):
    script, command = NEEDED[case]
    assert needs(script) == f"postinst runs `{command}`"


def test_other_languages_are_not_read():
    assert needs_scripts("x", {"preinst": "#!/usr/bin/perl\nexit;\n"}) == "preinst is no shell script"


def test_removal_scripts_do_not_count():
    assert needs_scripts("x", {"prerm": "#!/bin/sh\nuserdel x\n", "postrm": "#!/bin/sh\nrm -rf /\n"}) is None


@pytest.mark.parametrize(
    "package", ["libc6", "tzdata", "python3.13-minimal", "ca-certificates", "openjdk-17-jre-headless"]
)
def test_reviewed_packages_pass(package):
    assert needs("adduser x", package) is None


@pytest.mark.parametrize("package", ["python3.11-minimal-evil", "xlibc6", "openjdk-x-jre-headless"])
def test_names_that_look_like_reviewed_ones_do_not_pass(package):
    assert needs("adduser x", package)


def test_the_error_says_what_to_do():
    with pytest.raises(BuildFailed, match=r"postinst runs `adduser x`\n.*without running their scripts"):
        check_scripts("x", {"postinst": "#!/bin/sh\nadduser x\n"})


def test_alternatives_with_variables_are_read():
    """As OpenJDK writes them."""
    script = (
        "basedir=/usr/lib/jvm/java-17\npriority=1711\ntools='java keytool'\nfor i in $tools; do\n"
        "  update-alternatives \\\n    --install \\\n    /usr/bin/$i \\\n    $i \\\n    $basedir/bin/$i \\\n    $priority \\\n"
        "    $slave1 $slave2\ndone\n"
    )
    assert alternatives_of(script) == (
        "/usr/bin/java java /usr/lib/jvm/java-17/bin/java 1711",
        "/usr/bin/keytool keytool /usr/lib/jvm/java-17/bin/keytool 1711",
    )


def test_loops_over_loops_end():
    words = " ".join(f"w{n}" for n in range(100))
    loops = "".join(f"for v{n} in {words}\ndo\n" for n in range(8))
    call = "update-alternatives --install /x/" + "".join(f"$v{n}" for n in range(8)) + " n /y 1\n"
    assert alternatives_of(loops + call) == ()
