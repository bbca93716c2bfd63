"""Kind 5: numbers that come from outside, as far as they can be chosen there."""

import os

from harness.checks import expect
from harness.processes import eventually
from suite import control
from suite.case import section

from ..arena import ECHOD, MASTERD, MASTERS, PYTHON, START_SERVER, WORKERS, Arena
from ..notify import SAY
from ..registry import attack

KIND = "5 numbers"
NUMBERS = ["0", "-1", "-0", "1e3", "2147483647", "2147483648", "4294967295", "4294967297", "9223372036854775807",
           "9223372036854775808", "-9223372036854775808", "18446744073709551615", "18446744073709551616",
           "99999999999999999999999999", "0x10", "1.5", " 1", "+1", "٣", ""]


@attack(KIND, "numbers in a service's messages end nothing", MASTERD, START_SERVER)
def in_messages(arena: Arena, front_end: str) -> None:
    fields = ["EXTEND_TIMEOUT_USEC", "WATCHDOG_USEC", "MAINPID", "ERRNO", "FDSTORE", "MONOTONIC_USEC", "READY",
              "WATCHDOG", "RELOADING", "STOPPING", "FDNAME", "X_DAEMONKIT_VERSION"]
    script = arena.write("numbers.py", SAY + f"""
say("READY=1")
for field in {fields!r}:
    for number in {NUMBERS!r}:
        say(f"{{field}}={{number}}")
say(b"\\xff" * 3000)
say(b"")
open(sys.argv[1], "w").write("said")
time.sleep(1000)
""")
    record = os.path.join(arena.records, "said")
    command = f"{PYTHON} -I -S {script} {record}"
    if front_end == MASTERD:
        # STOPPING and a main process of 2147483647 are lies, after which it is restarted or not; nothing else ends.
        master = arena.serve(front_end, command=command, lines=["readiness notify", "watchdog 600s", "critical no"])
    else:
        master = arena.serve(front_end, "--readiness=notify", command=command)
    with arena.probe(master):
        expect(eventually(lambda: os.path.exists(record), 10), "not everything could be said")
        for command in ("show proc", "show proc json", "show metrics"):
            master.ask(command)
    arena.goes_on(master)


@attack(KIND, "numbers in control lines end nothing", *MASTERS)
def in_control_lines(arena: Arena, front_end: str) -> None:
    master = arena.serve(front_end)
    lines = ["scale svc {}", "scale worker {}", "@{} show info", "@!{} show info", "show proc {}", "wait ready {}",
             "prompt {}", "mode {}", "loglevel {}", "wait {}", "reload {}", "{}", "show metrics {}"]
    with arena.probe(master):
        for line in lines:
            for number in NUMBERS:
                if line.startswith("scale") and number in ("0", "2147483647"):
                    continue    # Right, and so many that the machine is busy; what is too many is in the suites.
                if line.startswith("scale") and number.isascii() and number.isdigit() and int(number) <= 1000:
                    continue
                try:
                    control.talk(master.socket, f"{line.format(number)}\nquit\n".encode(), 20)
                except (ConnectionError, BrokenPipeError):
                    pass
                expect(master.code() is None, f"{line.format(number)!r} ends it with {master.code()}")
    arena.goes_on(master)


@attack(KIND, "numbers in options and variables are refused or taken, and crash nothing", ECHOD, WORKERS, MASTERD,
        START_SERVER, "daemonctl")
def at_start(arena: Arena, front_end: str) -> None:
    arena.configure(section("program", "svc", "true"))
    arena.write("registry/d.conf", f"command {arena.echod} --bind 127.0.0.1:0\n")
    variables = ["LISTEN_FDS", "LISTEN_PID", "WATCHDOG_USEC", "WATCHDOG_PID", "SERVER_STARTER_GENERATION",
                 "DAEMONKIT_GENERATION", "DAEMONKIT_STATE", "DAEMONKIT_PROOF", "DAEMONKIT_WORKER",
                 "KILL_OLD_DELAY", "AUTO_RESTART_INTERVAL"]
    options = {
        ECHOD: ["--port", "--start-timeout", "--umask", "--workers"],
        WORKERS: ["--start-timeout", "--port"],
        MASTERD: ["--start-timeout", "--umask"],
        START_SERVER: ["--interval", "--kill-old-delay", "--auto-restart-interval", "--backlog", "--start-timeout",
                       "--stop-timeout", "--max-old-generations", "--backoff", "--port", "--signal-on-hup"],
        "daemonctl": ["--lines", "--timeout", "--interval"],
    }[front_end]
    words = {ECHOD: [arena.echod, "--check", "-b", "127.0.0.1"],
             WORKERS: [arena.echod, "--check", "-b", "127.0.0.1:0", "--workers=3"],
             MASTERD: [arena.masterd, "--check", "-c", arena.configuration],
             # It refuses the missing program when it has read its options.
             START_SERVER: [arena.start_server], "daemonctl": [arena.daemonctl, "status"]}[front_end]
    for number in NUMBERS:
        for option in options:
            outcome = arena.run(*words[1:], f"{option}={number}", program=words[0], seconds=5,
                                env={"DAEMONKIT_CONFIG": arena.path("registry")})
            expect(outcome.code is not None and outcome.code >= 0, f"{option}={number}: {outcome}")
    for number in NUMBERS:
        env = {name: number for name in variables}
        env["DAEMONKIT_CONFIG"] = arena.path("registry")
        outcome = arena.run(*words[1:], program=words[0], seconds=5, env=env)
        expect(outcome.code is not None and outcome.code >= 0, f"variables of {number!r}: {outcome}")


@attack(KIND, "numbers in its configuration are refused or taken, and crash nothing", MASTERD)
def in_configuration(arena: Arena, front_end: str) -> None:
    lines = ["instances {}", "start-timeout {}s", "stop-timeout {}d", "watchdog {}us", "restart always limit {}/{}s",
             "restart always backoff {}s {}d jitter {}", "readiness after {}h", "umask {}", "stop-signal {}",
             "user {}", "group {}"]
    globals_ = ["max-old-generations {}", "hard-stop-after {}d", "start-timeout {}d", "control-socket /c mode {}"]
    files = []
    for number in NUMBERS:
        files += [section("program", "svc", "true", line.replace("{}", number)) for line in lines]
        files += [f"global\n    {line.replace('{}', number)}\n" + section("program", "svc", "true")
                  for line in globals_]
        files.append(f"listen l\n    bind 127.0.0.1:{number} backlog {number}\n" + section("program", "svc", "true"))
    for number, text in enumerate(files):
        outcome = arena.run("--check", "-c", arena.write(f"c/{number}.cfg", text))
        expect(outcome.code in (0, 1), f"{text!r}: {outcome}")
