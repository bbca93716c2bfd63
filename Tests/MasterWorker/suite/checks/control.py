"""The control socket: its framing, its commands, its levels, its limits."""

import json
import os
import re
import signal
import socket
import time

from harness import processes
from harness.checks import check, expect
from harness.moments import let_pass
from harness.processes import eventually
from .. import control, metrics
from ..case import SLEEPER, Case, section
from ..clients import echoes, port_of
from ..master import Master
from .signals import waits

COMMANDS = ["help", "prompt", "quit", "echo", "operator", "user", "show version", "show env", "show cli sockets",
            "show cli level", "show proc", "show metrics", "show startup-logs", "reload", "hard-reload", "upgrade",
            "start", "stop", "restart", "signal", "pause", "resume", "scale", "wait ready"]


def started(case: Case, *lines: str, settings=()) -> Master:
    case.configure(section("worker", "web", case.worker("web"), "readiness notify", *lines),
                   section("program", "side", case.worker("side"), "readiness notify", "critical no"),
                   settings=settings)
    master = case.start()
    master.wait(lambda: master.current("side"), "the program, for which the start does not wait")
    return master


# Framing

@check("a line is a command, its answer ends with an empty line, and then the session does")
def line(case: Case) -> None:
    answer = control.talk(started(case).socket, b"show version\n")
    expect(re.fullmatch(r"\d+\.\d+\S*\n\n", answer), f"{answer!r}")


@check("errors end with an empty line too: an unknown command, one that is refused, one with wrong arguments")
def errors(case: Case) -> None:
    master = started(case)
    for command in ("nonsense", "signal", "scale web", "scale web x", "start nobody", "@9 show info", "wait ready soon",
                    "signal web NOSUCH", "show", "stop", "restart", "user; reload"):
        expect(master.ask(command).strip(), f"{command!r} has an empty answer")
    expect(len(master.current()) == 2, f"{master.children()}")


@check("; separates commands, each with its own answer; the session ends after the last")
def semicolon(case: Case) -> None:
    answer = started(case).ask("show version; echo two ;show version")
    expect(re.fullmatch(r"(\d\S+)\n\ntwo\n\n\1\n", answer), f"{answer!r}")


@check(r"\; and \\ and an escaped blank are letters")
def escapes(case: Case) -> None:
    answer = started(case).ask(r"echo a\;b \\ c\ d")
    expect(answer.strip() == r"a;b \ c d", f"{answer!r}")


@check("CR is ignored")
def carriage_return(case: Case) -> None:
    answer = control.talk(started(case).socket, b"show version\r\n")
    expect(re.fullmatch(r"\d+\.\d+\S*\n\n", answer), f"{answer!r}")


@check("an empty line, blanks and tabs do no harm")
def empty(case: Case) -> None:
    master = started(case)
    control.talk(master.socket, b"\n")
    expect(control.talk(master.socket, b"  show \t version  \n")[0].isdigit(), "blanks are not taken away")


@check("64 words are taken, 65 refused; 16 KiB are taken, more refused")
def limits(case: Case) -> None:
    master = started(case)
    expect(master.ask("echo " + " ".join("w" * 63)).count("w") == 63, "64 words are not taken")
    expect("w w w" not in master.ask("echo " + " ".join("w" * 64)), "65 words are taken")
    expect(master.ask("echo " + "x" * (16 * 1024 - 6)).count("x") > 16000, "16 KiB are not taken")
    with master.session() as one:
        answer = one.say("echo " + "x" * 20000)
        expect("xxx" not in answer and answer.strip(), f"{answer[:80]!r}")
        expect(one.answers(), "the session does not go on")


@check("every line of a session is answered, whenever it comes; an empty one by an empty line")
def lines(case: Case) -> None:
    master = started(case)
    said = control.talk(master.socket, b"show version\n\necho two\nreload\nshow cli level\n")
    expect(re.match(r"\d+\.\d+\S*\n\n\ntwo\n\nSuccess=1\n", said) and said.endswith("\n\nadmin\n\n"), repr(said))
    with control.connect(master.socket) as sock:
        for word in ("one", "two", "three"):
            sock.sendall(f"echo {word}\n".encode())
            expect(sock.recv(100) == f"{word}\n\n".encode(), f"no answer to {word}")
            let_pass(0.05)
        # Nobody has to say that no more comes.
        expect(sock.recv(100) == b"", "it goes on after its last line")


@check("a control socket that a cleaner has removed comes back at HUP, with its mode and level")
def removed(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web"), "readiness notify"),
                   settings=[f"control-socket {case.path('control-2')} mode 660 level operator"])
    master = case.start()
    path = case.path("control-2")
    with master.session(path) as one:
        os.unlink(path)
        master.send(signal.SIGHUP)
        expect(eventually(lambda: os.path.exists(path)), "it does not come back")
        expect(os.stat(path).st_mode & 0o777 == 0o660, oct(os.stat(path).st_mode))
        expect(control.ask(path, "show cli level") == "operator\n", "another level")
        expect("operator" in one.say("show cli level"), "the session did not go on")


@check("a payload by <<PATTERN is taken to its end, and is no command")
def payload(case: Case) -> None:
    master = started(case)
    with master.session() as one:
        one.send("echo hello <<END\nreload\nstop web\nEND\n")
        expect("hello" in one.answer(), "no answer")
        expect(len(case.facts("web")) == 1 and master.table().master.reloads == "0", "the payload was obeyed")


@check("a command byte by byte, and two in one packet")
def packets(case: Case) -> None:
    master = started(case)
    with control.connect(master.socket) as sock:
        for byte in b"show version\n":
            sock.send(bytes([byte]))
            let_pass(0.001)
        expect(sock.recv(4096)[:1].isdigit(), "no answer byte by byte")
    with master.session() as one:
        one.send("echo one\necho two\n")
        text = one.answer()
        expect("one" in text and "two" in (text if "two" in text else one.answer()), f"{text!r}")


@check("a client that closes its writing side at once still gets its answer")
def half_closed(case: Case) -> None:
    master = started(case)
    with control.connect(master.socket) as sock:
        sock.sendall(b"reload\n")
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := sock.recv(4096):
            answer += chunk
    expect(answer.startswith(b"Success=1\n"), f"{answer!r}")


@check("garbage and zero bytes are refused, and the next session works")
def garbage(case: Case) -> None:
    master = started(case)
    for data in (b"\0\0\0\n", b"\xff\xfe\n", os.urandom(1000) + b"\n", b"<<\n\n", b"echo <<\nx\n\n", b"@\n", b"@!\n",
                 b"@-1 help\n", b"@99999999999999999999 help\n", b"@!0\n", b";;;;\n", b"\\\n"):
        with control.connect(master.socket) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass
    expect(master.answers(), "no answer")


# Commands

@check("help lists every command of the specification; help CMD is about it; an unknown one has the nearest")
def help_(case: Case) -> None:
    master = started(case)
    text = master.ask("help")
    missing = [command for command in COMMANDS if not re.search(rf"(?m)^\s*{command}\b", text)]
    expect(not missing, f"help lacks {missing}")
    expect("reload" in master.ask("help reload") and "show env" not in master.ask("help reload"), "help reload")


@check("an unknown command names the nearest ones")
def unknown(case: Case) -> None:
    master = started(case)
    for command, near in (("relaod", "reload"), ("show proz", "show proc"), ("show metrix", "show metrics")):
        answer = master.ask(command)
        expect("nknown command" in answer and near in answer, f"{command!r}: {answer!r}")


@check("prompt makes a session interactive, with `master> `; quit ends it")
def prompt(case: Case) -> None:
    master = started(case)
    with master.session() as one:
        expect(one.prompt == "master> ", f"{one.prompt!r}")
        expect(one.answers(), "no answer")
        one.send("quit\n")
        expect(eventually(lambda: one._sock.recv(100) == b""), "the session goes on")


@check("echo, show version, show env and show env NAME")
def small_ones(case: Case) -> None:
    case.configure(section("worker", "web"))
    master = case.start(env={"COLOUR": "blue"})
    expect(master.ask("echo one two").strip() == "one two", master.ask("echo one two"))
    expect(master.answers(), master.ask("show version"))
    expect(master.ask("show env COLOUR").strip() == "COLOUR=blue", master.ask("show env COLOUR"))
    expect("\nPATH=" in "\n" + master.ask("show env"), master.ask("show env"))
    expect("NOSUCH" not in master.ask("show env NOSUCH=") and master.ask("show env NOSUCH").strip(), "a missing one")


@check("show cli level, operator and user: down, never up again")
def levels(case: Case) -> None:
    master = started(case)
    with master.session() as one:
        expect(one.say("show cli level").strip() == "admin", "not admin at first")
        one.say("operator")
        expect(one.say("show cli level").strip() == "operator", "not operator")
        expect("Permission denied!" in one.say("scale web 2"), "an operator may scale")
        expect(one.say("reload").startswith("Success=1"), "an operator may not reload")
        one.say("user")
        expect(one.say("show cli level").strip() == "user", "not user")
        expect("Permission denied!" in one.say("reload"), "a user may reload")
        one.say("operator")
        expect(one.say("show cli level").strip() == "user", "up again")
        expect("#<PID>" in one.say("show proc"), "a user may not look")


@check("show cli sockets lists each socket with its level")
def sockets(case: Case) -> None:
    other = case.path("control2")
    master = started(case, settings=[f"control-socket {other} mode 660 level user"])
    lines = master.ask("show cli sockets").splitlines()
    for path, level in ((case.control, "admin"), (other, "user")):
        expect(any(path in each and level in each for each in lines), f"{lines}")


@check("control-socket PATH mode MODE level LEVEL: what a user, an operator and an admin may")
def socket_levels(case: Case) -> None:
    paths = {level: case.path(f"control-{level}") for level in ("user", "operator")}
    master = started(case, settings=[f"control-socket {path} mode 660 level {level}" for level, path in paths.items()])
    expect(os.stat(paths["user"]).st_mode & 0o777 == 0o660, f"{os.stat(paths['user']).st_mode:o}")
    for command, least in (("show version", "user"), ("show proc", "user"), ("reload", "operator"),
                           ("stop side", "admin"), ("scale web 2", "admin")):
        for level, path in paths.items():
            answer = master.ask(command, path=path)
            allowed = least == "user" or least == level
            expect(("Permission denied!" in answer) != allowed, f"{level}: {command}: {answer!r}")
    master.stop()
    expect(not [path for path in paths.values() if os.path.exists(path)], "sockets are left")


@check("show proc: columns of 15 and one blank, all four parts, reloads survived, uptime, version")
def show_proc(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web", "drain=60"), "readiness notify", "instances 2"),
                   section("program", "side", case.worker("side", "drain=60"), "readiness notify"),
                   section("program", "kept", case.worker("kept"), "readiness notify", "on-reload keep"))
    master = case.start()
    first = master.table()
    expect(first.master.pid == master.pid and first.master.kind == "master" and first.master.reloads == "0",
           f"{first.text}")
    expect(list(first.parts) == control.Table.TITLES, f"the parts {list(first.parts)}: {first.text}")
    expect(len(first["workers"]) == 2 and not first["old workers"], f"{first.text}")
    expect(sorted(row.kind for row in first["programs"]) == ["kept", "side"], f"{first.text}")
    expect(all(row.reloads == "0" and row.version for row in first["workers"]), f"{first.text}")
    master.reload()
    table = master.table()
    expect(table.master.reloads == "1" and len(table["workers"]) == 2, f"{table.text}")
    expect([row.reloads for row in table["old workers"]] == ["1", "1"], f"{table.text}")
    expect([row.kind for row in table["old programs"]] == ["side"], f"{table.text}")
    expect({row.kind: row.reloads for row in table["programs"]} == {"kept": "1", "side": "0"}, f"{table.text}")
    for row in [*table["old workers"], *table["old programs"]]:
        case.order(row.pid, "exit", 0)
    master.wait(lambda: not master.table()["old workers"] and not master.table()["old programs"], "no old ones")
    master.send(2)
    master.ends(130)


@check("show proc debug shows the state's fields: pid, type, reloads, failures, start time, id, version, descriptors")
def show_proc_debug(case: Case) -> None:
    master = started(case)
    text = master.ask("show proc debug")
    expect(text.startswith("#<PID>") and str(master.only("web")) in text, f"{text}")
    master.reload()
    head, own, *rest = master.ask("show proc debug").splitlines()
    for column in ("channel", "start", "id", "generation", "state", "restarts"):
        expect(f"<{column}>" in head, f"no column of {column}: {head}")
    starts = re.findall(r" {2,}(\d{4,}) ", "\n".join([own, *rest]))
    expect(starts, f"no start times: {rest}")


@check("show proc json: valid, one object, with generation, reloads, failures, every child's pid, state and uptime")
def show_proc_json(case: Case) -> None:
    master = started(case, "instances 2")
    value = json.loads(master.ask("show proc json"))
    expect(value["pid"] == master.pid and value["reloads"] == 0 and value["generation"] == 1, f"{value}")
    expect(value["failed_reloads"] == 0 and len(value["children"]) == 3, f"{value}")
    expect({each["instance"] for each in value["children"] if each["service"] == "web"} == {1, 2}, f"{value}")
    expect(all(each["uptime_seconds"] >= 0 and each["state"] == "ready" for each in value["children"]), f"{value}")


@check("show metrics is OpenMetrics: generation, reloads, failures, restarts, per child state, uptime, RSS and CPU")
def show_metrics(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web"), "readiness notify", "instances 2",
                           "restart on-failure backoff 20ms 1s"))
    master = case.start()
    before = metrics.read(master.ask("show metrics"))
    for pattern in ("generation", "reload", "fail", "uptime", "rss|resident|memory", "cpu", "state|up"):
        expect(any(re.search(pattern, name) for name in before), f"no metric of {pattern} among {sorted(before)}")
    master.reload()
    processes.kill(master.current("web")[0])
    case.met("web", 5)
    after = metrics.read(master.ask("show metrics"))
    reloads = next(name for name in after if re.search(r"reloads_total$", name))
    expect(after[reloads][0][1] == before[reloads][0][1] + 1, f"{after[reloads]}")
    restarts = next((name for name in after if "restart" in name), "")
    expect(restarts, f"no metric of restarts among {sorted(after)}")
    expect(sum(value for _, value in after[restarts]) == 1, f"{after[restarts]}")


@check("show metrics with a service whose name is hard to quote")
def hard_metrics(case: Case) -> None:
    case.configure(section("worker", r'"a\"b\\c d=e,f{g}"'))
    if case.run("--check", "-c", case.configuration).code == 0:
        master = case.start()
        metrics.read(master.ask("show metrics"))
        json.loads(master.ask("show proc json"))


@check("show startup-logs has the log of the first start, then of the last attempt")
def startup_logs(case: Case) -> None:
    master = started(case)
    expect(str(master.only("web")) in master.ask("show startup-logs"), "not of the start")
    master.reload()
    expect(str(master.only("web")) in master.ask("show startup-logs"), "not of the reload")


@check("stop NAME and start NAME: one service, no exit of the master; a reload does not undo a stop silently")
def stop_start(case: Case) -> None:
    master = started(case)
    pid = case.met("web")["pid"]
    answer = master.ask("stop web")
    expect("nknown" not in answer, f"{answer!r}")
    expect(eventually(lambda: not processes.alive(pid)), "it lives on")
    master.wait(lambda: master.current() == [case.met("side")["pid"]], "the other alone")
    master.ask("start web")
    second = case.met("web", 2)
    master.wait(lambda: master.current("web") == [second["pid"]], "it, again")


@check("start of a service that cannot start is answered, with the reason")
def hopeless_start(case: Case) -> None:
    case.configure(section("program", "p", SLEEPER), section("worker", "web"))
    master = case.start()
    master.ask("stop p")
    case.configure(section("program", "p", case.worker("p", "exit=3"), "readiness notify", "start-timeout 1s",
                           "restart always backoff 20ms 50ms"), section("worker", "web"))
    master.reload()
    answer = master.ask("start p", seconds=5)
    expect("Success=1" not in answer and answer.strip(), f"{answer!r}")
    # Its exit code would be the master's, if it were the one that ends just then.
    master.ask("stop p")


@check("restart NAME: that service only; its new process is of the same configuration")
def restart(case: Case) -> None:
    master = started(case)
    side, web = case.met("side")["pid"], case.met("web")["pid"]
    master.ask("restart side")
    second = case.met("side", 2)
    master.wait(lambda: master.current("side") == [second["pid"]], "another process")
    expect(eventually(lambda: not processes.alive(side)), "the old one lives on")
    expect(master.only("web") == web and case.events(web) == ["ready"], f"{case.events(web)}")
    master.still_runs()


@check("signal NAME SIGNAL reaches every instance of it, and nobody else; an unknown one is told")
def signal_(case: Case) -> None:
    master = started(case, "instances 2")
    master.ask("signal web WINCH")
    master.ask("signal web SIGALRM")
    for pid in master.current("web"):
        case.happens(pid, "WINCH")
        case.happens(pid, "ALRM")
    expect(case.events(case.met("side")["pid"]) == ["ready"], "the other got it too")
    expect("side" in master.ask("signal sid WINCH"), "no nearest name")


@check("pause and resume: new connections wait, and are served then")
def pause(case: Case) -> None:
    master = case.start_workers(2)
    port = port_of(master)
    expect("nknown" not in master.ask("pause"), master.ask("pause"))
    expect(eventually(lambda: waits(port)), "new connections are still served")
    master.ask("resume")
    expect(eventually(lambda: not waits(port)) and echoes(port), "new connections are not served")


@check("scale NAME N: up and down, the rest stays; 0 and nonsense are refused or do what they say")
def scale(case: Case) -> None:
    master = started(case)
    first = master.only("web")
    master.ask("scale web 3")
    master.wait(lambda: len(master.current("web")) == 3, "three")
    expect(first in master.current("web") and case.events(first) == ["ready"], "the first was replaced")
    master.ask("scale web 1")
    master.wait(lambda: len(master.current("web")) == 1 and len(master.children()) == 2, "one")
    for words in ("scale web -1", "scale web x", "scale nobody 2", "scale web 99999999999999999999"):
        expect(master.ask(words).strip(), f"{words!r} has an empty answer")
    master.still_runs()


@check("scale of --workers is kept over a restart of one and over a reload or told otherwise by show proc")
def scale_workers(case: Case) -> None:
    master = case.start_workers(1)
    master.ask("scale worker 3")
    master.wait(lambda: len(master.current()) == 3, "three")
    expect(echoes(port_of(master)), "nobody echoes")


@check("wait ready: at once where all is, else when it is; with a time-out it says that it was not")
def wait_ready(case: Case) -> None:
    master = started(case)
    begin = time.monotonic()
    expect("nknown" not in master.ask("wait ready"), master.ask("wait ready"))
    expect(time.monotonic() - begin < 1, "it waits although all is ready")
    case.configure(section("worker", "web", case.worker("new", f"gate={case.path('gate')}"), "readiness notify"))
    with master.session() as one, master.session() as two:
        one.send("reload\n")
        case.met("new")
        begin = time.monotonic()
        late = two.say("wait ready 1")
        expect(0.9 < time.monotonic() - begin < 4, f"after {time.monotonic() - begin:.1f} s: {late!r}")
        two.send("wait ready 10\n")
        case.touch("gate")
        good = two.answer()
        expect(good != late, f"ready or not, the answer is {good!r}")
        expect(one.answer().startswith("Success=1"), "the reload has failed")
