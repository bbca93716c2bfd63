"""The shells as somebody sits before them: a line is typed, Tab is pressed, and the line is read back."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from typing import List

from harness.checks import needs, write
from harness.commands import run
from .case import Case

TAB, SHOW, CLEAR = "\t", "\x07", "\x15"
LIMIT = 30.0

BASH = r"""
PS1='READY> ' HISTFILE=
bind 'set bell-style none' 'set enable-bracketed-paste off' 'set completion-query-items 0' 'set page-completions off'
show() { printf 'LINE<%s>END\n' "$READLINE_LINE"; }
bind -x '"\C-g": show'
. "$SCRIPT"
"""
ZSH = r"""
PS1='READY> ' HISTFILE=
unsetopt beep
autoload -Uz compinit
compinit -u -D
bindkey -e
# No zle -I: it gives the terminal back to the kernel for a moment, which eats what is typed then.
show() { print -r -- "LINE<$BUFFER>END" >$TTY }
zle -N show
bindkey '^G' show
# ESC * as in bash: all that is offered, put into the line.
zle -C all-matches complete-word _generic
bindkey '\e*' all-matches
zstyle ':completion:all-matches::::' completer _all_matches _complete
zstyle ':completion:all-matches:*' insert true
. "$SCRIPT"
"""


def script(case: Case, program: str, shell: str) -> str:
    """Where the program's completion script is, made anew."""
    result = run(program, "--generate-completion-script", shell)
    assert result.code == 0 and result.output, f"{program} prints no script for {shell}: {result.output}"
    path = case.path(f"{os.path.basename(program)}.{shell}")
    write(path, result.output, 0o644)
    return path


class Shell:
    """bash or zsh at a terminal of its own, in the case's directory."""

    def __init__(self, case: Case, name: str, script: str, programs: str) -> None:
        needs("setsid")
        bash, zsh = case.write("bashrc", BASH), case.write(".zshrc", ZSH)
        words = {"bash": ["bash", "--noprofile", "--rcfile", bash, "-i"], "zsh": ["zsh", "-d", "-i"]}[name]
        environment = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": case.directory, "ZDOTDIR": os.path.dirname(zsh),
                       "SCRIPT": script, "TERM": "dumb", "LC_ALL": "C", "INPUTRC": "/dev/null"}
        self._terminal, inner = pty.openpty()
        # A line that is never wrapped.
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 2000, 0, 0))
        case.ends_with_check(subprocess.Popen(
            ["setsid", "--ctty", "--wait", needs(words[0]), *words[1:]], cwd=case.directory, env=environment,
            stdin=inner, stdout=inner, stderr=inner, start_new_session=True))
        os.close(inner)
        self.read(r"READY> ")

    def __enter__(self) -> "Shell":
        return self

    def __exit__(self, *exception: object) -> None:
        # The terminal is gone: the shell ends.
        os.close(self._terminal)

    def read(self, pattern: str) -> "re.Match[str]":
        """What comes until the pattern does."""
        text, end = "", time.monotonic() + LIMIT
        while not (match := re.search(pattern, text)):
            ready, _, _ = select.select([self._terminal], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"no {pattern} within {LIMIT:.0f} s: {text!r}"
            text += os.read(self._terminal, 4096).decode(errors="replace")
        return match

    def completed(self, text: str, keys: str = TAB) -> str:
        """The line that becomes of the text."""
        os.write(self._terminal, (text + keys + SHOW).encode())
        line = self.read(r"LINE<(.*)>END").group(1)
        os.write(self._terminal, CLEAR.encode())
        return line

    def offered(self, text: str) -> List[str]:
        """The words that the last one of the text becomes."""
        head = re.sub(r"[^ =]*$", "", text)
        line = self.completed(text, "\x1b*")
        assert line.startswith(head), f"{line!r} does not begin with {head!r}"
        return sorted(word for word in line[len(head):].split() if word != text[len(head):])


class Fish:
    """fish tells what it offers without a terminal."""

    def __init__(self, case: Case, script: str, programs: str) -> None:
        self._fish = needs("fish")
        self._directory = case.directory
        self._environment = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": case.directory, "SCRIPT": script,
                             "LC_ALL": "C.UTF-8", "TERM": "dumb"}

    def must(self, *arguments: str) -> str:
        result = subprocess.run([self._fish, "--no-config", *arguments], cwd=self._directory, env=self._environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                encoding="utf-8", timeout=60, check=False)
        assert result.returncode == 0, f"fish {arguments}: {result.stdout}"
        return result.stdout

    def offered(self, text: str) -> List[str]:
        output = self.must("-c", f'source "$SCRIPT"; complete --do-complete {quoted(text)}')
        return sorted(line.split("\t")[0] for line in output.splitlines())


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
