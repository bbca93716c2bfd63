"""The init script, called as init and service(8) call it: each verb in each state, with LSB's exit codes."""

from __future__ import annotations

import os
import stat
from typing import Callable, Dict, Optional, Tuple

from harness.checks import expect_equal, expect_in, read
from harness.processes import wait_for
from ..case import Case, listed
from ..staging import LOG, PID_FILE, Staging

REOPENED = "Reopening log files after receiving SIGHUP"

# What a verb does: its exit code, and whether the daemon is the same one, another one or none afterwards.
SAME, FRESH, NONE = "the same daemon", "a fresh daemon", "no daemon"
Outcome = Tuple[int, str]

RUNNING: Dict[str, Outcome] = {
    "start": (0, SAME), "stop": (0, NONE), "restart": (0, FRESH), "try-restart": (0, FRESH), "reload": (0, SAME),
    "force-reload": (0, SAME), "status": (0, SAME), "rotate": (0, SAME)}
STOPPED: Dict[str, Outcome] = {
    "start": (0, FRESH), "stop": (0, NONE), "restart": (0, FRESH), "try-restart": (0, NONE), "reload": (7, NONE),
    "force-reload": (7, NONE), "status": (3, NONE), "rotate": (7, NONE)}
DEAD: Dict[str, Outcome] = {**STOPPED, "status": (1, NONE)}


def started(stage: Staging) -> int:
    result = stage.service("start")
    expect_equal("start", result.code, 0)
    pid = stage.pid()
    assert pid and stage.is_alive(pid), f"not running after start: {result.output}"
    return pid


def stopped(stage: Staging) -> None:
    """As after a first start and stop, with its directories and its log."""
    started(stage)
    expect_equal("stop", stage.service("stop").code, 0)


def dead(stage: Staging) -> None:
    stage.kill(started(stage))
    assert stage.pid(), "the killed daemon's pid file is gone"


STATES: Dict[str, Tuple[Callable[[Staging], Optional[int]], Dict[str, Outcome]]] = {
    "running": (started, RUNNING), "stopped": (stopped, STOPPED), "dead with a pid file": (dead, DEAD)}


def verb(state: str, word: str) -> Callable[[Case], str]:
    def body(case: Case) -> str:
        prepare, outcomes = STATES[state]
        code, after = outcomes[word]
        with Staging(case) as stage:
            stage.install()
            before = prepare(stage)
            old_log = read(stage.path(LOG))
            result = stage.service(word)
            expect_equal(f"exit code ({result.output.strip()})", result.code, code)
            expect_daemon(stage, before, after)
            if word in ("reload", "force-reload", "rotate") and code == 0:
                wait_for("the log was reopened", lambda: REOPENED in read(stage.path(LOG))[len(old_log):])
        return f"exit code {code}, {after}"
    return body


def expect_daemon(stage: Staging, before: Optional[int], after: str) -> None:
    now = stage.pid()
    if after == NONE:
        assert not stage.is_alive(now), f"process {now} is alive"
        return
    assert stage.is_alive(now), "no daemon"
    assert (now == before) == (after == SAME), f"pid {before} before, {now} now"


def stop_leaves_no_pid_file(case: Case) -> None:
    """Neither does a daemon that gave up root leave it, nor one that was killed."""
    with Staging(case) as stage:
        stage.install()
        stopped(stage)
        assert not os.path.exists(stage.path(PID_FILE)), "after stop"
        dead(stage)
        expect_equal("stop", stage.service("stop").code, 0)
        assert not os.path.exists(stage.path(PID_FILE)), "after stop of a dead daemon"


def serves_as_its_user(case: Case) -> str:
    with Staging(case) as stage:
        stage.install()
        pid = started(stage)
        expect_equal("bytes back", stage.echo("over tcp"), "over tcp")
        owners = stage.must("stat", "-c", "%U:%G:%a", "/run/echod", "/var/log/echod", LOG, PID_FILE, f"/proc/{pid}")
        directory, log_directory, log, pid_file, process = owners.split()
        expect_equal("directories", (directory, log_directory), ("echod:echod:755", "echod:echod:750"))
        expect_equal("log", log, "echod:echod:600")
        expect_equal("process", process.rsplit(":", 1)[0], "echod:echod")
        return f"pid file {pid_file}"


def wrong_calls(case: Case) -> None:
    with Staging(case) as stage:
        stage.install()
        for words in ((), ("nonsense",), ("start", "now"), ("try_restart",), ("check",)):
            result = stage.service(*words)
            expect_equal(" ".join(words) or "no verb", result.code, 2)
            expect_in("Usage: /etc/init.d/echod {start|stop|", result.output)
        assert stage.pid() is None


def wrong_options(case: Case) -> None:
    """LSB's 6, and what runs is left alone."""
    with Staging(case) as stage:
        stage.install()
        pid = started(stage)
        stage.write("/etc/default/echod", 'DAEMON_OPTS="--port=70000"\n')
        for word in ("restart", "try-restart", "reload"):
            result = stage.service(word)
            expect_equal(word, result.code, 6)
            expect_in("--port", result.output)
        assert stage.is_alive(pid)
        for word in ("start", "status", "rotate", "stop"):
            expect_equal(word, stage.service(word).code, 0)
        expect_equal("start", stage.service("start").code, 6)


def unknown_account(case: Case) -> None:
    with Staging(case) as stage:
        stage.install()
        stage.write("/etc/default/echod", "DAEMON_USER=nosuchuser\n")
        result = stage.service("start")
        expect_equal("start", result.code, 6)
        expect_in("nosuchuser", result.output)
        assert not os.path.exists(stage.path("/run/echod")), "a directory was made"


def busy_port(case: Case) -> None:
    """The truth about a start that fails behind the fork."""
    with Staging(case) as stage:
        stage.install()
        started(stage)
        stage.write("/etc/default/echod", 'PIDFILE=/run/echod/other.pid\nLOGFILE=/var/log/echod/other.log\n')
        result = stage.service("start")
        expect_equal("start", result.code, 1)
        expect_in(":7", result.output)
        assert not os.path.exists(stage.path("/run/echod/other.pid"))


def settings_are_read(case: Case) -> None:
    with Staging(case) as stage:
        stage.install()
        stage.write("/etc/default/echod", "DAEMON_OPTS=\"--port=1234 --log-format=json --chdir='/'\"\n")
        started(stage)
        expect_equal("bytes back", stage.echo("over tcp", port=1234), "over tcp")
        assert read(stage.path(LOG)).startswith("{"), "the log is not JSON"


def settings_of_others(case: Case) -> None:
    """What root would do as another account says: it is not read, and what runs can be stopped."""
    with Staging(case) as stage:
        stage.install()
        mark = stage.path("/run/mark")
        for owner, mode in ((65534, 0o644), (0, 0o664), (0, 0o646)):
            started(stage)
            stage.write("/etc/default/echod", "touch /run/mark\n")
            os.chown(stage.path("/etc/default/echod"), owner, 0)
            os.chmod(stage.path("/etc/default/echod"), mode)
            for word in ("start", "restart", "reload", "status"):
                result = stage.service(word)
                expect_equal(f"{word}, {owner} {mode:o}", result.code, 6)
                expect_in("/etc/default/echod can be changed by others than root", result.output)
            expect_equal("stop", stage.service("stop").code, 0)
            assert not os.path.exists(mark), f"it was read: {owner} {mode:o}"
            stage.copy(case.etc("default/echod"), "/etc/default/echod")
            os.chown(stage.path("/etc/default/echod"), 0, 0)


def not_installed(case: Case) -> None:
    with Staging(case) as stage:
        stage.install()
        os.unlink(stage.path("/usr/sbin/echod"))
        for word, code in (("start", 5), ("restart", 5), ("reload", 5), ("rotate", 5), ("stop", 0), ("status", 4)):
            expect_equal(word, stage.service(word).code, code)


def not_root(case: Case) -> None:
    with Staging(case) as stage:
        stage.install()
        pid = started(stage)
        drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/etc/init.d/echod"]
        for word in ("start", "stop", "restart", "try-restart", "reload", "force-reload", "rotate", "status"):
            expect_equal(word, stage.run(*drop, word).code, 4)
        assert stage.is_alive(pid)


def without_lsb_functions(case: Case) -> None:
    with Staging(case) as stage:
        stage.install()
        if os.path.exists(stage.path("/lib/lsb/init-functions")):
            os.unlink(stage.path("/lib/lsb/init-functions"))
        result = stage.service("start")
        expect_equal("start", (result.code, result.output), (0, "Starting echod: done\n"))
        expect_equal("reload", stage.service("reload").code, 0)
        expect_equal("stop", stage.service("stop").code, 0)
        expect_equal("status", stage.service("status").code, 3)


def another_name(case: Case) -> None:
    """NAME is all that changes, and nothing of the first daemon's is touched."""
    with Staging(case) as stage:
        stage.install()
        first = started(stage)
        stage.copy(case.echod, "/usr/sbin/greeterd", 0o755)
        stage.must("useradd", "--system", "--user-group", "--no-create-home", "greeterd")
        script = read(case.etc("init.d/echod"))
        expect_equal("lines NAME=echod", script.count("\nNAME=echod\n"), 1)
        stage.write("/etc/init.d/greeterd", script.replace("\nNAME=echod\n", "\nNAME=greeterd\n"))
        os.chmod(stage.path("/etc/init.d/greeterd"), 0o755)
        stage.write("/etc/default/greeterd", 'DAEMON_OPTS="--port=1234"\n')
        expect_equal("start", stage.service("start", name="greeterd").code, 0)
        second = stage.pid("/run/greeterd/greeterd.pid")
        expect_equal("owner", stage.must("stat", "-c", "%U", f"/proc/{second}").strip(), "greeterd")
        expect_equal("bytes back", stage.echo("over tcp", port=1234), "over tcp")
        for word, code in (("status", 0), ("rotate", 0), ("stop", 0), ("status", 3)):
            expect_equal(word, stage.service(word, name="greeterd").code, code)
        assert stage.is_alive(first)


def a_foreign_pid_is_left_alone(case: Case) -> None:
    """A dead daemon's pid may be somebody else's by now."""
    with Staging(case) as stage:
        stage.install()
        dead(stage)
        stage.write(PID_FILE, "1\n")
        expect_equal("status", stage.service("status").code, 1)
        expect_equal("reload", stage.service("reload").code, 7)
        expect_equal("stop", stage.service("stop").code, 0)
        assert stage.is_alive(1)


def is_executable(case: Case) -> None:
    for name in ("init.d/echod", "openrc/echod"):
        assert os.stat(case.etc(name)).st_mode & stat.S_IXUSR, f"{name} is not executable"


CHECKS = [
    listed(f"init script, {state}: {word}", verb(state, word))
    for state, (_, outcomes) in STATES.items() for word in outcomes] + [
    listed("init scripts are executable", is_executable),
    listed("init script: stop leaves no pid file", stop_leaves_no_pid_file),
    listed("init script: the daemon serves as its own user, in directories of its own", serves_as_its_user),
    listed("init script: a wrong call is 2 and says the usage", wrong_calls),
    listed("init script: wrong options are 6 and touch nothing", wrong_options),
    listed("init script: an unknown account is 6", unknown_account),
    listed("init script: a start that fails is 1", busy_port),
    listed("init script: /etc/default is read", settings_are_read),
    listed("init script: settings that others can change are not read", settings_of_others),
    listed("init script: without the daemon 5, 0 for stop, 4 for status", not_installed),
    listed("init script: 4 for who is not root", not_root),
    listed("init script: works without LSB's functions", without_lsb_functions),
    listed("init script: another NAME makes it another daemon's", another_name),
    listed("init script: never signals a pid whose lock is free", a_foreign_pid_is_left_alone),
]
