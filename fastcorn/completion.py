# SPDX-License-Identifier: MIT
"""Completion scripts for bash, zsh and fish, derived from the table of settings: fastcorn completion SHELL.

The scripts are complete in themselves: they do not start fastcorn at each press of the key. Called by fastcorn.cli.
"""

from __future__ import annotations

from fastcorn.config.errors import UsageError
from fastcorn.config.flags import OWN_FLAGS, all_flags
from fastcorn.config.kinds import Boolean, Choice, FilePath, LogTarget

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastcorn.config.flags import Flag

SHELLS = ("bash", "zsh", "fish")
FILE_FLAGS = ("--config", "-c", "--uds")

BASH = """\
# Completion of fastcorn for bash; put it where bash looks for completions, or: source <(fastcorn completion bash)
_fastcorn() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
    COMPREPLY=()
    case $before in
{cases}
    esac
    case $word in
        -*) mapfile -t COMPREPLY < <(compgen -W "{flags}" -- "$word") ;;
        *) mapfile -t COMPREPLY < <(compgen -W "check completion" -- "$word"; compgen -f -X '!*.py' -- "$word") ;;
    esac
}}
complete -o filenames -F _fastcorn fastcorn
"""
ZSH = """\
#compdef fastcorn
# Completion of fastcorn for zsh; put it as _fastcorn into a directory of fpath, or: source <(fastcorn completion zsh)
_fastcorn() {{
    _arguments -s \\
{rows}
        '1:application or command:(check completion)' \\
        '*:argument:_files'
}}
if [[ $funcstack[1] == _fastcorn ]]; then _fastcorn "$@"; else compdef _fastcorn fastcorn; fi
"""
FISH = """\
# Completion of fastcorn for fish; put it as fastcorn.fish into ~/.config/fish/completions
complete -c fastcorn -n __fish_use_subcommand -a check -d 'Tell what is wrong with configuration and application'
complete -c fastcorn -n __fish_use_subcommand -a completion -d 'Print a completion script'
complete -c fastcorn -n '__fish_seen_subcommand_from completion' -f -a '{shells}'
{rows}
"""


def completion_script(shell: str | None) -> str:
    """The completion script of a shell.

    Raises:
        UsageError: there is none for it.
    """
    makers = {"bash": bash_script, "zsh": zsh_script, "fish": fish_script}
    if shell not in makers:
        given = "nothing" if shell is None else repr(shell)
        raise UsageError(f"completion: must be bash, zsh or fish, not {given}; write fastcorn completion bash")
    return makers[shell]()


def offered_flags() -> dict[str, Flag]:
    """The flags that are worth offering: not the deprecated ones."""
    return {name: flag for name, flag in all_flags().items() if not flag.instead}


def words_after(flag: Flag) -> tuple[str, ...] | None:
    """The values to offer after a flag: some words, () for files, or None for what cannot be guessed."""
    kind = flag.setting.kind if flag.setting else None
    if isinstance(kind, Choice):
        return (*kind.choices, "off") if kind.optional else kind.choices
    if isinstance(kind, (FilePath, LogTarget)) or flag.name in FILE_FLAGS:
        return ()
    return None


def bash_script() -> str:
    flags = offered_flags()
    files: list[str] = []
    other: list[str] = []
    cases = ["        completion) mapfile -t COMPREPLY < <(compgen -W 'bash zsh fish' -- \"$word\"); return ;;"]
    for name, flag in flags.items():
        if not flag.takes_value:
            continue
        words = words_after(flag)
        if words:
            choices = " ".join(words)
            cases.append(f"        {name}) mapfile -t COMPREPLY < <(compgen -W '{choices}' -- \"$word\"); return ;;")
        else:
            (other if words is None else files).append(name)
    cases.append(f'        {"|".join(files)}) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;')
    cases.append(f"        {'|'.join(other)}) return ;;")
    return BASH.format(cases="\n".join(cases), flags=" ".join(flags))


def zsh_script() -> str:
    rows = []
    for name, flag in offered_flags().items():
        repeat = "*" if flag.setting and flag.setting.kind.many else ""
        words = words_after(flag)
        action = "" if words is None else f"({' '.join(words)})" if words else "_files"
        value = f":{quiet(flag.metavar or 'value')}:{action}" if flag.takes_value else ""
        rows.append(f"        '{repeat}{name}[{quiet(help_of(flag))}]{value}' \\")
    return ZSH.format(rows="\n".join(rows))


def fish_script() -> str:
    rows = []
    for name, flag in offered_flags().items():
        option = f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
        words = words_after(flag)
        value = ""
        if flag.takes_value:
            value = " -r" if words == () else f" -x -a '{' '.join(words)}'" if words else " -x"
        rows.append(f"complete -c fastcorn {option}{value} -d '{quiet(help_of(flag))}'")
    return FISH.format(shells=" ".join(SHELLS), rows="\n".join(rows))


def help_of(flag: Flag) -> str:
    if flag.setting is None:
        return OWN_FLAGS[flag.name][1] or next((OWN_FLAGS[long][1] for long in LONG_FORMS.get(flag.name, ())), "")
    negative = flag.name in flag.setting.negative_flags
    return f"Off: {flag.setting.help}" if negative and isinstance(flag.setting.kind, Boolean) else flag.setting.help


LONG_FORMS = {"-c": ("--config",), "-V": ("--version",), "-h": ("--help",)}


def quiet(text: str) -> str:
    """A text without the characters that the three shells read inside a quoted description."""
    return "".join(" " if char in "'[]:\\`$\"" else char for char in text)
