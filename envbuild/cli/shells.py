"""What bash, zsh and fish are told when Tab is pressed: click's completion, with scripts that take our candidates as they are.

click's own scripts do not know of a word that goes on (`archive:` and then a path), and bash takes `:` and `=` as the ends
of words. A candidate's type is `plain`, `part` (more follows: no space behind it), `file` or `dir` (the shell's own listing).
"""

import os
import re
import sys
from contextlib import redirect_stdout, suppress
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    split_arg_string,
)

from envbuild.cli.candidates import paths

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SHELLS", "answer", "script"]

_LINE = 72
"""Characters of a candidate's description."""


class _Bash(BashComplete):
    source_template = """\
%(complete_func)s() {
    local line kind value program
    COMPREPLY=()
    # Never one of the folder that somebody just looks at: Tab would run it.
    [[ $1 == /* || $1 != */* ]] && program=$1 || program=%(prog_name)s
    [[ $1 == \\~/* ]] && program=${1/#\\~/$HOME}
    while IFS= read -r line; do
        kind=${line%%%%,*} value=${line#*,}
        case $kind in
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
            part) compopt -o nospace; COMPREPLY+=("$value") ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORD="$2" %(complete_var)s=bash_complete \\
        "$program" 2>/dev/null)
} 2>/dev/null

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words up to the cursor, as a person sees them: bash itself would cut them at : and = too."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        # A letter more is a word more where the cursor stands behind a space.
        begun = len(split_arg_string(f"{line}x")) == len(words)
        incomplete = words.pop() if begun else ""
        return words[1:], incomplete

    def get_completions(self, args: list[str], incomplete: str) -> "list[CompletionItem[str]]":
        """The candidates without what stands before the last : or =, since bash puts them behind that."""
        found = super().get_completions(args, incomplete)
        done = ""
        typed = os.environ.get("COMP_WORD", "")
        if incomplete.endswith(typed):
            done = incomplete.removesuffix(typed)
        name, equals, _ = incomplete.partition("=")
        if name.startswith("-") and equals:
            # click has cut the option's name off.
            done = done.removeprefix(name + equals)
        for item in found:
            item.value = item.value.removeprefix(done)
        return found

    def format_completion(self, item: "CompletionItem[Any]") -> str:
        """As bash reads it, each character that it would act on with a backslash."""
        quoted = re.sub(r"([^-\w@%+=:,./])", r"\\\1", item.value)
        return f"{item.type},{quoted}"


class _Zsh(ZshComplete):
    source_template = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a answer plain described parts
    local kind value words_of program=${words[1]/#\\~/$HOME}
    # Never one of the folder that somebody just looks at: Tab would run it.
    [[ $program == */* && $program != /* ]] && program=%(prog_name)s
    answer=("${(@f)$(env COMP_WORDS="${words[1,CURRENT]}" COMP_CWORD=$((CURRENT-1)) \\
        %(complete_var)s=zsh_complete "$program" 2>/dev/null)}")
    [[ $PREFIX == -*=* ]] && compset -P 1 '*='
    for kind value words_of in "${answer[@]}"; do
        case $kind in
            file) _files ;;
            dir) _files -/ ;;
            part) if [[ $words_of == _ ]]; then compadd -S '' -- "$value"; else parts+=("$value:$words_of"); fi ;;
            plain) if [[ $words_of == _ ]]; then plain+=("$value"); else described+=("$value:$words_of"); fi ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described
    (( $#parts )) && _describe -V going_on parts -S ''
    (( $#plain )) && compadd -V unsorted -a plain
    return 0
}

compdef %(complete_func)s %(prog_name)s
# Loaded from $fpath, which is when Tab was pressed: answer.
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then %(complete_func)s "$@"; fi
"""


class _Fish(FishComplete):
    source_template = """\
function %(complete_func)s
    set -l program (string replace --regex '^~' "$HOME" -- (commandline -opc)[1])
    # Never one of the folder that somebody just looks at: Tab would run it.
    string match --quiet --regex '^[^/]+/' -- $program; and set program %(prog_name)s
    for line in (env COMP_WORDS=(commandline -cp | string collect) COMP_CWORD=(commandline -ct) \\
        %(complete_var)s=fish_complete "$program" 2>/dev/null)
        set -l parts (string split --max 1 , -- $line)
        switch $parts[1]
            case file
                __fish_complete_path "$parts[2]"
            case dir
                __fish_complete_directories "$parts[2]"
            case plain part
                printf '%%s\\n' $parts[2]
        end
    end
end

complete --no-files --keep-order --command %(prog_name)s --arguments '(%(complete_func)s)'
"""

    def get_completions(self, args: list[str], incomplete: str) -> "list[CompletionItem[str]]":
        """The candidates as whole words: behind --option= fish wants the option's name too."""
        found = super().get_completions(args, incomplete)
        name, equals, value = incomplete.partition("=")
        if not (name.startswith("-") and equals):
            return found
        for item in [i for i in found if i.type in {"file", "dir"}]:
            found.remove(item)
            found += paths(value, only_folders=item.type == "dir")
        for item in found:
            item.value = f"{name}={item.value}"
        return found


SHELLS: "Mapping[str, type[ShellComplete]]" = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def script(shell: str, cli: click.Command) -> str:
    """What a shell evaluates, so that it asks us."""
    # Not source(): click's starts a bash to learn its version.
    made = SHELLS[shell](cli, {}, "envbuild", "_ENVBUILD_COMPLETE")
    return made.source_template % made.source_vars()


def answer(cli: click.Command, instruction: str) -> int:
    """Print the candidates that a shell asked for with `<shell>_complete`; whatever goes wrong gives none, in silence.

    `<shell>_source`, click's own way to ask for the script, gives the script.
    """
    shell, _, what = instruction.partition("_")
    if shell not in SHELLS or what not in {"complete", "source"}:
        return 1
    if what == "source":
        sys.stdout.write(script(shell, cli))
        return 0
    lines = []
    with suppress(Exception), redirect_stdout(sys.stderr):
        made = SHELLS[shell](cli, {}, "envbuild", "_ENVBUILD_COMPLETE")
        args, incomplete = made.get_completion_args()
        for item in made.get_completions(args, incomplete):
            item.help = _short(item.help)
            lines.append(made.format_completion(item) + "\n")
    click.echo("".join(lines).encode(), nl=False)
    return 0


def _short(text: str | None) -> str | None:
    """The first sentence, or as much of it as fits."""
    first = re.split(r"(?<=\w)[.;:]\s|\s\[", (text or "").strip())[0].rstrip(".")
    return (first if len(first) <= _LINE else first[: _LINE - 1] + "…") or None
