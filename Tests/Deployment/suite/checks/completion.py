"""The completion scripts of all four programs, in the real shells."""

from __future__ import annotations

import os
from typing import Callable, Dict, List

from harness.checks import expect_equal, expect_in
from harness.commands import must
from ..case import Case, listed
from ..shells import Fish, Shell, script

PROGRAMS = ("echod", "masterd", "daemonctl", "start_server")
# start_server prints no list of them.
FILES_OF_START_SERVER = {"--path": "file", "--log-file": "file", "--pid-file": "file", "--status-file": "file",
                         "--control-socket": "file", "--dir": "dir", "--envdir": "dir", "--readiness": "choices=",
                         "--port": "string"}
# A file and a directory with a blank, each the only one that begins so; and something in the directory.
FILE, DIRECTORY, INNER = "qu ick", "ju mp", "ju mp/in side"


def program(case: Case, name: str) -> str:
    return os.path.join(os.path.dirname(case.echod), name)


def kinds(case: Case, name: str) -> Dict[str, str]:
    """What each option takes."""
    if name == "start_server":
        return FILES_OF_START_SERVER
    lines = must(program(case, name), "--help-completion").splitlines()
    rows = [line.split(" ", 1) for line in lines if line.startswith("-")]
    return {option: kind for options, kind in rows for option in options.split(",")}


def prepared(case: Case, name: str, shell: str) -> str:
    os.mkdir(case.path(DIRECTORY))
    case.write(FILE, "")
    case.write(INNER, "")
    return script(case, program(case, name), shell)


def at_terminal(name: str, shell: str) -> Callable[[Case], str]:
    def body(case: Case) -> str:
        path = prepared(case, name, shell)
        tried = 0
        with Shell(case, shell, path, os.path.dirname(case.echod)) as line:
            for option, kind in kinds(case, name).items():
                for separator in (" ", "=") if option.startswith("--") else (" ",):
                    typed = f"{name} {option}{separator}"
                    takes_files, takes_directories = kind in ("file", "inetaddr"), kind in ("file", "inetaddr", "dir")
                    if kind != "none":
                        tried += 2
                        expect_equal(f"{typed}qu", line.completed(f"{typed}qu").rstrip(),
                                     f"{typed}qu\\ ick" if takes_files else f"{typed}qu")
                        # No blank behind a directory: the next Tab goes into it.
                        expect_equal(f"{typed}ju", line.completed(f"{typed}ju"),
                                     f"{typed}ju\\ mp/" if takes_directories else f"{typed}ju")
                    if takes_files:
                        expect_equal(f"{typed}ju, twice", line.completed(f"{typed}ju", "\t\t").rstrip(),
                                     f"{typed}ju\\ mp/in\\ side")
            tried += words_of_program(name, line)
        return f"{tried} lines"
    return body


def words_of_program(name: str, line: Shell) -> int:
    """Options, choices, commands, operands."""
    expected = {
        "echod": {"echod --syslog o": "echod --syslog only ", "echod --log-format=j": "echod --log-format=json ",
                  "echod --foregr": "echod --foreground ", "echod qu": "echod qu"},
        "masterd": {"masterd -": None, "masterd --foregr": "masterd --foreground "},
        "daemonctl": {"daemonctl reo": "daemonctl reopen-logs ", "daemonctl --verb": "daemonctl --verbose ",
                      "daemonctl status ./qu": "daemonctl status ./qu\\ ick "},
        "start_server": {"start_server --readiness=n": "start_server --readiness=notify ",
                         "start_server --enab": "start_server --enable-auto-restart ",
                         "start_server --port=80 -- ./qu": "start_server --port=80 -- ./qu\\ ick ",
                         "start_server --port 80 echo": None,
                         "start_server --port 80 echod qu": "start_server --port 80 echod qu\\ ick "},
    }[name]
    for typed, result in expected.items():
        if result is None:
            assert line.offered(typed), f"nothing is offered for {typed!r}"
        else:
            expect_equal(typed, line.completed(typed), result)
    if name == "start_server":
        expect_in("echod", line.offered("start_server --port 80 echo"))
    return len(expected)


def in_fish(name: str) -> Callable[[Case], str]:
    def body(case: Case) -> str:
        path = prepared(case, name, "fish")
        fish = Fish(case, path, os.path.dirname(case.echod))
        fish.must("--no-execute", path)
        expect_equal("what fish says of the script", fish.must("-c", 'source "$SCRIPT"'), "")
        tried = 0
        for option, kind in kinds(case, name).items():
            for separator in (" ", "=") if option.startswith("--") else (" ",):
                if kind == "none":
                    continue
                head = f"{option}=" if separator == "=" else ""
                found: List[str] = [word.removeprefix(head) for word in fish.offered(f"{name} {option}{separator}")]
                takes = {"file": {FILE, f"{DIRECTORY}/"}, "inetaddr": {FILE, f"{DIRECTORY}/"}, "dir": {f"{DIRECTORY}/"}}
                wanted = takes.get(kind, set())
                files = {word for word in found if word in (FILE, f"{DIRECTORY}/")}
                expect_equal(f"{name} {option}{separator}", files, wanted)
                if kind.startswith("choices=") and kind != "choices=":
                    expect_equal(f"{name} {option}{separator}", found, sorted(kind[len("choices="):].split(",")))
                tried += 1
        for typed, result in {
            "echod": {"echod --foregr": ["--foreground"], "echod qu": []}, "masterd": {"masterd --foregr": ["--foreground"]},
            "daemonctl": {"daemonctl reo": ["reopen-logs"], "daemonctl status ./qu": [f"./{FILE}"],
                          "daemonctl qu": []},
            "start_server": {"start_server --readiness=n": ["--readiness=notify"],
                             "start_server --enab": ["--enable-auto-restart"],
                             "start_server --port=80 -- echod ./qu": [f"./{FILE}"]},
        }[name].items():
            expect_equal(typed, fish.offered(typed), result)
            tried += 1
        return f"{tried} lines"
    return body


CHECKS = [
    listed(f"completion of {name} in {shell}, at a terminal: options, choices, files and directories with blanks",
           at_terminal(name, shell)) for name in PROGRAMS for shell in ("bash", "zsh")] + [
    listed(f"completion of {name} in fish: no complaint, and files and directories where they are wanted", in_fish(name))
    for name in PROGRAMS]
