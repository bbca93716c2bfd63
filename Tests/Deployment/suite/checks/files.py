"""The texts: etc/ equals what echod prints, each in its own syntax, and options end where they belong."""

from __future__ import annotations

import os
import plistlib
import shlex
import stat
import subprocess
from typing import Callable, List

from harness.checks import Unavailable, expect_equal, expect_in, needs, read
from harness.commands import must, run
from ..case import Case, listed
from ..printed import FILES, OPTIONS, as_in_etc, mode, service_file
from ..staging import Staging


def equals_etc(kind: str) -> Callable[[Case], None]:
    def body(case: Case) -> None:
        path = case.etc(FILES[kind])
        expect_equal(FILES[kind], read(path), as_in_etc(case.echod, kind))
        expect_equal(f"mode of {FILES[kind]}", oct(stat.S_IMODE(os.stat(path).st_mode) & 0o755), oct(mode(kind)))
    return body


def nothing_else_in_etc(case: Case) -> None:
    """Files of other kinds may stand beside; in the directories of ours, only ours do."""
    directories = {os.path.dirname(name) for name in FILES.values()}
    found = {f"{directory}/{name}" for directory in directories for name in os.listdir(case.etc(directory))
             if os.path.isfile(case.etc(directory, name))}
    expect_equal("files", sorted(name for name in found if "echod" in name), sorted(FILES.values()))


def prints_the_same_for_everybody(case: Case) -> None:
    """Not of the user, the directory or the environment in which it is printed."""
    if os.geteuid() != 0:
        raise Unavailable("needs root, to become another user")
    with Staging(case) as stage:
        stage.copy(case.echod, "/usr/sbin/echod", 0o755)
        for kind, name in FILES.items():
            text = stage.must("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "HOME=/x",
                              "XDG_RUNTIME_DIR=/tmp", "/usr/sbin/echod", "--print-service", kind, *OPTIONS.get(kind, ()))
            expect_equal(name, text, read(case.etc(name)))


def init_scripts_parse(case: Case) -> None:
    for name in ("init.d/echod", "openrc/echod", "init.d/start_server", "openrc/start_server"):
        for shell in ("sh", "dash", "bash"):
            result = run(shell, "-n", case.etc(name))
            expect_equal(f"{shell} -n {name}", (result.code, result.output), (0, ""))


def shellcheck_is_content(case: Case) -> None:
    shellcheck = needs("shellcheck")
    for name in ("init.d/echod", "openrc/echod", "init.d/start_server", "openrc/start_server", "default/echod"):
        options = ["--shell=sh", "--exclude=SC2034"] if name.startswith("default") else ["--shell=sh"]
        result = run(shellcheck, *options, case.etc(name))
        expect_equal(f"shellcheck {name}", (result.code, result.output), (0, ""))


def drop_ins(case: Case) -> None:
    """Beside each unit the same two lines; the template's is the unit's."""
    names = ("echod.service.d", "echod@.service.d", "masterd.service.d", "start_server@.service.d")
    texts = [read(case.etc("systemd", name, "notify-reload.conf")) for name in names]
    expect_equal("the template's", texts[1], texts[0])
    for name, text in zip(names, texts):
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        expect_equal(name, lines, ["[Service]", "Type=notify-reload", "ExecReload="])


def called_by_its_path(case: Case) -> str:
    """As it was called: by a link to a release, by PATH, from the link's directory, and by a name that is a lie."""
    os.makedirs(case.path("releases/1"))
    must("cp", case.echod, case.path("releases/1/echod"))
    os.symlink("releases/1", case.path("current"))
    link, real = case.path("current/echod"), case.path("releases/1/echod")
    environment = {"PATH": f"{case.path('current')}:/usr/bin:/bin", "PWD": case.path("current")}
    calls = {
        "absolute": (link, link, "/", link),
        "with dots": (f"{case.path('releases')}/../current/./echod", None, "/", link),
        "relative": ("./echod", None, case.path("current"), link),
        "by PATH": ("echod", link, "/", link),
        "by the release": (real, None, "/", real),
        "by the name of another": ("/usr/bin/env", real, "/", real),
    }
    for how, (name, executable, directory, path) in calls.items():
        result = subprocess.run([name, "--print-service", "systemd"], executable=executable, cwd=directory,
                                env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, encoding="utf-8", check=False)
        expect_equal(f"{how}: exit code ({result.stdout[-200:]})", result.returncode, 0)
        expect_in(f"\nExecStart={path} --foreground ", result.stdout)
    for kind, part in {"sysv": f"\nDAEMON={case.path('current')}/$NAME\n", "daemonctl": f"\ncommand {link} ",
                       "openrc": f"\nDAEMON={case.path('current')}/$NAME\n", "logrotate": f" {link} --reopen-logs ",
                       "containerfile": '"/usr/sbin/echod"', "systemd@": f"\nExecStart={link} "}.items():
        expect_in(part, service_file(link, kind))
    return f"{len(calls)} ways"


def property_list(case: Case) -> None:
    with open(case.etc("launchd/local.echod.plist"), "rb") as file:
        job = plistlib.load(file)
    expect_equal("Label", job["Label"], "local.echod")
    expect_equal("program", job["ProgramArguments"][:2], ["/usr/local/sbin/echod", "--foreground"])
    expect_equal("KeepAlive", job["KeepAlive"], {"SuccessfulExit": False})
    assert all(isinstance(word, str) for word in job["ProgramArguments"]) and job["RunAtLoad"] is True


def newsyslog_line(case: Case) -> None:
    lines = [line for line in read(case.etc("newsyslog.d/echod.conf")).splitlines() if not line.startswith("#")]
    expect_equal("number of lines", len(lines), 1)
    fields = lines[0].split()
    expect_equal("fields", (len(fields), fields[1:3], fields[-1]), (9, ["echod:echod", "600"], "1"))


AWKWARD = ["--port=8080", "--bind=::1", "--log-format=json", "--syslog=yes", "--umask=027", "--debug",
           "--chdir=/srv/a b'c$d%e\"f"]


def options_reach_systemd(case: Case) -> None:
    unit = service_file(case.echod, "systemd", *AWKWARD, "--user=web", "--group=www", "--pid-file=/run/web/w.pid",
                        "--log-file=/srv/log/w.log", "--start-timeout=2m")
    command = ("ExecStart=/usr/sbin/echod --foreground --pid-file=/run/web/w.pid --log-file=/srv/log/w.log --debug "
               "--port=8080 --bind=::1 --syslog=yes --log-format=json --umask=027 "
               '"--chdir=/srv/a b\'c$$d%%e\\"f" $DAEMON_OPTS\n')
    for part in (command, "\nUser=web\n", "\nGroup=www\n", "\nRuntimeDirectory=web\n", "\nReadWritePaths=/srv/log\n",
                 "\nTimeoutStartSec=120\n", "\nCapabilityBoundingSet=\n", "\nAfter=network-online.target\n"):
        expect_in(part, unit)
    assert "AmbientCapabilities" not in unit and "LogsDirectory=" not in unit, unit


def options_reach_the_socket_unit(case: Case) -> None:
    cases = {("--port=8080",): ["ListenStream=8080", "ListenDatagram=8080"],
             ("--bind=127.0.0.1",): ["ListenStream=127.0.0.1:7", "ListenDatagram=127.0.0.1:7"],
             ("--bind=::1", "--port=70"): ["ListenStream=[::1]:70", "ListenDatagram=[::1]:70"],
             ("--bind=[::1]:80",): ["ListenStream=[::1]:80", "ListenDatagram=[::1]:80"],
             ("--bind=unix:/run/echod/s",): ["ListenStream=/run/echod/s"]}
    for options, expected in cases.items():
        unit = service_file(case.echod, "systemd-socket", *options)
        expect_equal(" ".join(options), [line for line in unit.splitlines() if line.startswith("Listen")], expected)


def options_reach_the_settings(case: Case) -> None:
    """The words that a shell makes of DAEMON_OPTS are the ones that were given."""
    path = case.write("default", service_file(case.echod, "default", *AWKWARD, "--user=web", "--log-file=/srv/w.log"))
    script = f'. {path}; eval "set -- $DAEMON_OPTS"; printf "%s\\n" "$DAEMON_USER" "$LOGFILE" "$PIDFILE" "$@"'
    words = run("sh", "-c", script).output.splitlines()
    expect_equal("account and files", words[:3], ["web", "/srv/w.log", ""])
    expect_equal("words", sorted(words[3:]), sorted(AWKWARD))


def options_reach_the_scripts(case: Case) -> None:
    options = [*AWKWARD, "--user=web", "--pid-file=/run/web/w.pid", "--log-file=/srv/w.log", "--start-timeout=5s"]
    for kind in ("sysv", "openrc"):
        text = service_file(case.echod, kind, *options)
        for part in ("--port=8080 --bind=::1", " --start-timeout=5s", "'--chdir=/srv/a b'\\''c$d%e\"f'"):
            expect_in(part, text)
        expect_equal(f"{kind}: sh -n", run("sh", "-n", case.write(kind, text)).code, 0)
    for part in ("\nPIDFILE=/run/web/w.pid\n", "\nLOGFILE=/srv/w.log\n", "\nDAEMON_USER=web\n"):
        expect_in(part, service_file(case.echod, "sysv", *options))


def openrc_settings(case: Case) -> None:
    """The script's own, and conf.d before them."""
    script = case.write("script", service_file(case.echod, "openrc", "--pid-file=/run/a b/c'd.pid", "--group=www"))
    show = f'. {script}; printf "%s\\n" "$PIDFILE" "$LOGFILE" "$DAEMON_USER" "$DAEMON_GROUP" "$DAEMON_OPTS"'
    expected = ["/run/a b/c'd.pid", "/var/log/echod/echod.log", "echod", "www", ""]
    expect_equal("settings", run("sh", "-c", show).output.splitlines(), expected)
    result = run("sh", "-c", f'PIDFILE=/x DAEMON_USER= DAEMON_OPTS="-d"; {show}')
    expect_equal("settings", result.output.splitlines(), ["/x", *expected[1:2], "", "www", "-d"])


def options_reach_the_others(case: Case) -> None:
    options = [*AWKWARD, "--user=web", "--pid-file=/run/web/w.pid", "--log-file=/srv/w.log"]
    job = plistlib.loads(service_file(case.echod, "launchd", *options).encode())
    expect_equal("launchd's words", sorted(job["ProgramArguments"][2:]), sorted(options))
    rotation = service_file(case.echod, "logrotate", *options)
    for part in ("/srv/w.log {\n", "create 0600 web web\n", "--reopen-logs --pid-file=/run/web/w.pid "):
        expect_in(part, rotation)
    assert " su " not in rotation, "logrotate becomes a user who may not rename in this directory"
    expect_in("/srv/w.log  web:web ", service_file(case.echod, "newsyslog", *options))
    for nothing in ("--log-file=-", "--syslog=only"):
        expect_in("keeps no log file", service_file(case.echod, "logrotate", nothing))


def options_reach_daemonctl(case: Case) -> None:
    """daemonctl reads words as a shell does: no variable is put in, none is torn."""
    files = ["--pid-file=/run/web/w.pid", "--log-file=/srv/l o/w.log"]
    text = service_file(case.echod, "daemonctl", *AWKWARD, *files, "--user=web", "--workers=2",
                        "--control-socket=/run/web/c", "--start-timeout=2m")
    lines = dict(line.split(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    words = run("sh", "-c", f'printf "%s\\n" {lines["command"]}').output.splitlines()
    expect_equal("program", words[0], "/usr/sbin/echod")
    expect_equal("words", sorted(words[1:]), sorted([*AWKWARD, *files, "--user=web", "--workers=2",
                                                     "--control-socket=/run/web/c", "--start-timeout=2m"]))
    expect_equal("pid file", lines["pid-file"], "/run/web/w.pid")
    expect_equal("log", shlex.split(lines["log-file"]), ["/srv/l o/w.log"])
    expect_equal("control socket", lines["control-socket"], "/run/web/c")


def workers_reach_all(case: Case) -> None:
    for kind in ("systemd", "sysv", "openrc", "launchd", "default", "daemonctl"):
        text = service_file(case.echod, kind, "--workers=3", "--control-socket=/run/echod/c")
        for part in ("--workers=3", "--control-socket=/run/echod/c"):
            expect_in(part, text)


def command_lines_are_right(case: Case) -> None:
    """The daemon itself finds no mistake in what the unit and the launchd job call it with."""
    unit = read(case.etc("systemd/echod.service"))
    start = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    with open(case.etc("launchd/local.echod.plist"), "rb") as file:
        job: List[str] = plistlib.load(file)["ProgramArguments"]
    for words in (start.split()[1:-1], [word for word in job[1:] if not word.startswith("--user=")]):
        result = run(case.echod, "--check", *words)
        expect_equal(f"{words}", (result.code, result.output), (0, ""))


CHECKS = [listed(f"etc/{name} is what echod prints", equals_etc(kind)) for kind, name in FILES.items()] + [
    listed("etc/ holds no other file of echod", nothing_else_in_etc),
    listed("another user prints the same files", prints_the_same_for_everybody),
    listed("the init scripts parse (sh, dash, bash)", init_scripts_parse),
    listed("shellcheck finds nothing", shellcheck_is_content),
    listed("the drop-ins for a systemd that waits for a reload are the same", drop_ins),
    listed("the executable is called by the path by which it was called, links kept", called_by_its_path),
    listed("the launchd job is a property list", property_list),
    listed("the newsyslog line has its fields", newsyslog_line),
    listed("options given reach the systemd unit", options_reach_systemd),
    listed("options given reach the socket unit", options_reach_the_socket_unit),
    listed("options given reach the default file", options_reach_the_settings),
    listed("options given reach the init scripts", options_reach_the_scripts),
    listed("the OpenRC script's settings are conf.d's, else its own", openrc_settings),
    listed("options given reach launchd and the rotation", options_reach_the_others),
    listed("options given reach daemonctl's file", options_reach_daemonctl),
    listed("workers and their control socket reach every file", workers_reach_all),
    listed("the daemon takes the unit's and the job's command lines", command_lines_are_right),
]
