"""What comes after others, what requires them, and what `show` says of those that do not run."""

import json
import os

from harness import processes
from harness.checks import check, expect
from harness.processes import eventually
from ..case import Case, section
from ..master import Master

AGAIN = "restart on-failure backoff 100ms 200ms"


def gated(case: Case, name: str = "db") -> str:
    """A command that fails until the file `NAME` is there, and then is a worker."""
    return case.script(f"{name}.sh", f"test -e {case.path(name)} || exit 4\nexec {case.worker(name)}")


@check("after holds when the other is not critical and fails at first")
def after_fails(case: Case) -> None:
    case.configure(section("program", "db", gated(case), "readiness notify", "critical no", AGAIN),
                   section("worker", "web", case.worker("web"), "readiness notify", "after db"))
    master = case.start(ready=False)
    master.says(r"failed to start: it ended before it was ready, with code 4", 2)
    expect(case.facts("web") == [], "the worker was started before")
    case.touch("db")
    master.ready()


@check("after goes on when the other has failed for good")
def after_gives_up(case: Case) -> None:
    case.configure(section("program", "db", gated(case), "readiness notify", "critical no", AGAIN + " limit 2/60s"),
                   section("worker", "web", case.worker("web"), "readiness notify", "after db"))
    master = case.start()
    expect(master.table().idle["db 1"].startswith("failed, its restart limit is exhausted, last exit code 4"),
           f"{master.table().text}")


@check("after waits no longer than the other's start-timeout")
def after_limit(case: Case) -> None:
    case.configure(section("program", "db", gated(case), "readiness notify", "critical no", AGAIN, "start-timeout 1s"),
                   section("worker", "web", case.worker("web"), "readiness notify", "after db"))
    master = case.start()
    expect(master.only("web") == case.met("web")["pid"], f"{master.children()}")


@check("requires: a start fails where a critical one requires what has failed, and names both")
def requires_fails(case: Case) -> None:
    case.configure(section("program", "db", gated(case), "readiness notify", "critical no"),
                   section("worker", "web", case.worker("web"), "readiness notify", "requires db"))
    master = case.start(ready=False)
    master.ends(1)
    expect("web requires db" in master.log, "no reason in the log")
    expect(case.facts("web") == [], "it was started all the same")
    case.expect_nothing_left()


def waiting(case: Case) -> Master:
    """A master with a program that waits for another, which fails and fails."""
    case.configure(
        section("worker", "web"),
        section("program", "db", gated(case), "readiness notify", "critical no", "start-timeout 500ms", AGAIN),
        section("program", "cron", case.worker("cron"), "readiness notify", "critical no", "requires db"))
    return case.start()


@check("requires: what is not critical waits, and is started when the other is ready")
def requires_waits(case: Case) -> None:
    master = waiting(case)
    expect(master.table().idle["cron 1"] == "blocked, waits for db", f"{master.table().text}")
    case.touch("db")
    master.wait(lambda: master.current("cron"), "the one that waits")
    expect(eventually(lambda: not master.table().idle), f"{master.table().text}")


@check("requires: a restart waits for what it requires")
def requires_restart(case: Case) -> None:
    case.touch("db")
    master = waiting(case)
    master.wait(lambda: master.current("cron") and master.current("db"), "both")
    os.unlink(case.path("db"))
    processes.kill(case.met("db")["pid"])
    master.says("failed to start")
    expect(case.events(case.met("cron")["pid"]) == ["ready"], "who runs was touched")
    expect(master.ask("signal cron KILL").startswith("KILL sent"), "no signal")
    master.wait(lambda: not master.current("cron"), "its end")
    case.touch("db")
    master.wait(lambda: master.current("db"), "the other again")


@check("requires: an upgrade keeps who waits")
def requires_upgrade(case: Case) -> None:
    master = waiting(case)
    master.reload("upgrade")
    master.says("Upgraded")
    expect(master.table().idle["cron 1"] == "blocked, waits for db", f"{master.table().text}")
    case.touch("db")
    master.wait(lambda: master.current("cron"), "the one that waits")


@check("wait ready with a limit names who is missing, and why")
def wait_ready(case: Case) -> None:
    master = waiting(case)
    answer = master.ask("wait ready 1")
    expect(answer.startswith("Success=0\n--\n"), f"{answer!r}")
    expect("db 1 (" in answer and "cron 1 (blocked, waits for db)" in answer and "web" not in answer, f"{answer!r}")


@check("show proc, json and metrics: what gave up, waits, has finished or was stopped, with its last exit")
def visible(case: Case) -> None:
    case.configure(
        section("worker", "web", case.worker("web"), "readiness notify", "restart on-failure backoff 60s 60s"),
        section("program", "once", "true"), section("program", "off"),
        section("program", "bad", "sh -c 'exit 9'", "critical no"))
    master = case.start()
    expect(master.ask("stop off").startswith("Success=1"), "not stopped")
    processes.kill(case.met("web")["pid"])
    idle = master.wait(lambda: len(master.table().idle) == 4 and master.table().idle, "four that do not run")
    expect(idle["web 1"].startswith("backoff, to be started again, last exit code 137 (Killed), next attempt in "),
           f"{idle}")
    expect(idle["once 1"] == "finished, ended well, last exit code 0 (Exit)", f"{idle}")
    expect(idle["off 1"].startswith("stopped, stopped by hand"), f"{idle}")
    expect(idle["bad 1"].startswith("failed, not to be started again after such an end, last exit code 9"), f"{idle}")
    value = json.loads(master.ask("show proc json"))
    states = {each["service"]: each["state"] for each in value["not_running"]}
    expect(states == {"web": "backoff", "once": "finished", "off": "stopped", "bad": "failed"}, f"{value}")
    web = next(each for each in value["not_running"] if each["service"] == "web")
    expect(0 < web["next_attempt_seconds"] <= 60 and web["last_status"] == 137, f"{web}")
    metrics = master.ask("show metrics")
    expect('daemonkit_not_running{service="web",instance="1",type="worker",state="backoff"} 1' in metrics, metrics)
    expect('daemonkit_last_exit_status{service="bad",instance="1",type="program"} 9' in metrics, metrics)
    expect('daemonkit_next_attempt_seconds{service="web"' in metrics, metrics)


@check("restarts_total counts a restart when it happens, and not before")
def counted(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web"), "readiness notify",
                           "restart on-failure backoff 60s 60s"), section("worker", "side"))
    master = case.start()
    processes.kill(case.met("web")["pid"])
    master.wait(lambda: "web 1" in master.table().idle, "its end")
    expect("daemonkit_restarts_total{" not in master.ask("show metrics"), "counted before it happened")
