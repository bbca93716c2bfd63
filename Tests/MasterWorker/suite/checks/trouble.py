"""Fault injection: limits, full disks, lost files, a master that was asleep; and odd changes of the files."""

import os
import resource
import signal
import time

from harness import processes
from harness.checks import check, expect, read
from harness.clients import ask, connect
from harness.moments import let_pass
from harness.ports import free_port
from harness.processes import eventually
from ..case import SLEEPER, Case, section


def few_descriptors(count: int):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


@check("too few descriptors at the start: exit 1 with the reason, no child and no file left")
def few_at_start(case: Case) -> None:
    case.configure(*(section("program", f"p{number}") for number in range(40)))
    outcome = case.run("-f", *case.files, "-c", case.configuration, preexec_fn=few_descriptors(32))
    expect(outcome.code == 1 and "oo many open files" in outcome.err, str(outcome))
    case.expect_nothing_left()


@check("too few descriptors at a reload: it fails with the reason, the old ones serve on, and the stop is a stop")
def few_at_reload(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web"), "readiness notify"))
    master = case.start(preexec_fn=few_descriptors(40))
    pid = case.met("web")["pid"]
    good = read(case.configuration)
    case.configure(section("worker", "web", SLEEPER), *(section("program", f"p{number}") for number in range(50)))
    expect("oo many open files" in master.refuses(), "another reason")
    expect(eventually(lambda: master.offspring() == [pid]) and case.events(pid) == ["ready"], f"{case.events(pid)}")
    case.write("m.cfg", good)
    master.reload()


@check("clients that take every descriptor of the master's do not keep it from ending, nor its children")
def all_descriptors(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web"), "readiness notify",
                           "restart on-failure backoff 50ms 1s"))
    master = case.start(preexec_fn=few_descriptors(48))
    clients = []
    for _ in range(60):
        try:
            clients.append(connect(case.control, 1))
        except OSError:
            break
    processes.kill(case.met("web")["pid"])
    for client in clients:
        client.close()
    case.met("web", 2)
    expect(master.answers(), "no answer")


@check("a child's log file on a full disk: the child lives, and so does the master")
def full_disk(case: Case) -> None:
    case.configure(section("program", "talk", case.worker("talk", "say=x"), "readiness notify", "log file /dev/full"))
    master = case.start()
    for _ in range(3):
        case.order(case.met("talk")["pid"], "print", 1, "lost\n" * 100)
    expect(master.current("talk"), f"{master.children()}")
    master.reload()


@check("the master's own log on a full disk after a reopening: it supervises on")
def full_disk_own(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web", "say=x"), "readiness notify"))
    master = case.start()
    os.rename(case.log_file, case.path("log.1"))
    os.symlink("/dev/full", case.log_file)
    master.send(signal.SIGHUP)
    case.met("web", 2)
    os.unlink(case.log_file)      # /dev/full is an endless file for whoever reads it
    master.reload()
    case.met("web", 3)


@check("a process that has left its group and writes without end does not hold up a stop")
def endless_output(case: Case) -> None:
    case.configure(section("program", "flood", "sh -c 'setsid yes & exec sleep 1000'"))
    master = case.start()
    master.wait(lambda: "flood: y" in master.log, "the flood")
    # It ends by SIGPIPE with the master, which reads it no more.
    master.stop()


@check("a child that closes its outputs lives on; a grandchild that keeps them does not hold up a stop")
def outputs(case: Case) -> None:
    path = case.path("grandchild")
    case.configure(
        section("program", "closes", "sh -c 'exec >&- 2>&-; exec sleep 1000'"),
        section("program", "hands", f"sh -c 'setsid sleep 1000 & echo $! >{path}; exec sleep 1000'"))
    master = case.start()
    child = int(master.wait(lambda: read(path).strip(), "the grandchild"))
    expect(len(master.current()) == 2, f"{master.children()}")
    begin = time.monotonic()
    master.stop()
    expect(time.monotonic() - begin < 3, "the stop waited")
    processes.kill(child)      # of another session: nobody's but ours


@check("a master that was asleep (SIGSTOP) takes no healthy child for dead: the beats that came meanwhile count")
def asleep(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web", "beat=0.05"), "readiness notify", "watchdog 300ms"))
    master = case.start()
    pid = case.met("web")["pid"]
    for _ in range(3):
        master.send(signal.SIGSTOP)
        let_pass(0.7)
        master.send(signal.SIGCONT)
        expect(master.only("web") == pid, f"{master.children()}")


@check("a master that was asleep while its worker got ready: ready, not too late")
def asleep_in_start(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web", f"gate={case.path('gate')}"), "readiness notify"),
                   settings=["start-timeout 600ms"])
    master = case.start(ready=False)
    pid = case.met("web")["pid"]
    master.send(signal.SIGSTOP)
    case.touch("gate")
    case.happens(pid, "ready")
    let_pass(0.8)
    master.send(signal.SIGCONT)
    master.ready()


@check("a control socket's file that somebody has removed: the master serves and stops; a reload or not, no crash")
def lost_socket(case: Case) -> None:
    case.configure(section("worker", "web"))
    master = case.start()
    os.unlink(case.control)
    master.send(signal.SIGUSR2)
    master.says("Loading success", 2)
    master.stop()


@check("a pid file that somebody has removed, or that is another's by now: the stop leaves the other's")
def lost_pid_file(case: Case) -> None:
    case.configure(section("worker", "web"))
    master = case.start()
    os.unlink(case.pid_file)
    case.write("pid", "1\n")
    master.reload()
    master.stop()
    expect(read(case.pid_file) == "1\n", "it removed a file that is not its own")
    os.unlink(case.pid_file)


# Changes of the configuration

@check("a listen section gets another name: its socket stays, and who waits in its queue is served")
def renamed_listener(case: Case) -> None:
    port = free_port()
    case.configure(f"listen old\n    bind 127.0.0.1:{port}\n", section("worker", "web", SLEEPER, "listen old"))
    master = case.start()
    with connect(("127.0.0.1", port)) as client:
        case.configure(f"listen new\n    bind 127.0.0.1:{port}\n",
                       section("worker", "web", case.worker("web"), "readiness notify", "listen new"))
        master.reload()
        expect(client.recv(100).split()[0] == b"2", "who waited is not served")
    expect(case.met("web")["environment"]["LISTEN_FDNAMES"] == "new", "the name is the old one")


@check("a Unix listener's mode follows the file at a reload")
def listener_mode(case: Case) -> None:
    path = case.path("socket")

    def configure(mode: str) -> None:
        case.configure(f"listen l\n    bind unix:{path} mode {mode}\n",
                       section("worker", "web", case.worker("web"), "readiness notify", "listen l"))
    configure("600")
    master = case.start()
    configure("666")
    master.reload()
    expect(os.stat(path).st_mode & 0o777 == 0o666, f"the mode is {os.stat(path).st_mode & 0o777:o}")
    expect(eventually(lambda: ask(path)[0] == 2), "somebody else answers")


@check("a worker becomes a program of the same name, and back")
def kinds(case: Case) -> None:
    case.configure(section("worker", "x", case.worker("x"), "readiness notify"))
    master = case.start()
    for number, kind in ((2, "program"), (3, "worker")):
        case.configure(section(kind, "x", case.worker("x"), "readiness notify"))
        master.reload()
        pid = case.met("x", number)["pid"]
        expect([row.pid for row in master.table()[f"{kind}s"]] == [pid], master.table().text)
        expect(eventually(lambda: master.offspring() == [pid]), f"children {master.offspring()}")


@check("instances grow and shrink with a reload")
def instances(case: Case) -> None:
    for count in (1, 4, 2):
        case.configure(section("worker", "web", SLEEPER, f"instances {count}"))
        if not case.running:
            case.start()
        else:
            case.running[0].reload()
        master = case.running[0]
        master.wait(lambda: len(master.current("web")) == len(master.offspring()) == count, f"{count} of them")


@check("a program's keep ends: on-reload replace in the file replaces it at this reload or at the next")
def unkept(case: Case) -> None:
    case.configure(section("worker", "web"), section("program", "p", SLEEPER, "on-reload keep"))
    master = case.start()
    pid = master.only("p")
    case.configure(section("worker", "web"), section("program", "p", SLEEPER))
    master.reload()
    master.reload()
    expect(eventually(lambda: not processes.alive(pid)), "it is still kept")


@check("a control socket that is new in the file is bound at a reload, one that is gone removed; or the log says not")
def control_sockets(case: Case) -> None:
    other = case.path("other-control")
    case.configure(section("worker", "web"))
    master = case.start()
    case.configure(section("worker", "web"), settings=[f"control-socket {other} level user"])
    log = master.reload() + master.log
    if not os.path.exists(other):
        expect(any("control-socket" in line or other in line for line in log.splitlines()), "neither bound nor told")
        return
    expect("Permission denied!" in master.ask("reload", path=other), "the level is not user")
    case.configure(section("worker", "web"))
    master.reload()
    expect(not os.path.exists(other), "it is left")


@check("a directory or a user that is gone at a reload is a mistake with its line")
def gone_directory(case: Case) -> None:
    os.mkdir(case.path("there"))
    case.configure(section("worker", "web", SLEEPER, f"chdir {case.path('there')}"))
    master = case.start()
    os.rmdir(case.path("there"))
    expect("m.cfg:6" in master.refuses(), "no line")
    expect(len(master.current("web")) == 1, f"{master.children()}")


@check("a stop of one service in the middle of a reload, and a scale: in the end everything is as it was told")
def commands_in_reload(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web"), "readiness notify"), section("program", "side"))
    master = case.start()
    case.configure(section("worker", "web", case.worker("new", f"gate={case.path('gate')}"), "readiness notify"),
                   section("program", "side"))
    with master.session() as one, master.session() as two:
        one.send("reload\n")
        case.met("new")
        two.send("stop side\nscale web 2\n")
        # Who asks later is answered later.
        expect(master.answers(), "no answer")
        case.touch("gate")
        expect(one.answer().startswith("Success=1\n"), "the reload has failed")
        master.wait(lambda: len(master.current("web")) == 2 and not master.current("side"), "what was told")


@check("200 programs start, reload and stop within 10 s each; every one is gone", slow=True)
def many_programs(case: Case) -> None:
    case.configure(*(section("program", f"p{number}") for number in range(200)))
    times = []
    begin = time.monotonic()
    master = case.start()
    times.append(time.monotonic() - begin)
    expect(len(master.offspring()) == 200, f"{len(master.offspring())} children")
    begin = time.monotonic()
    master.reload(seconds=20)
    times.append(time.monotonic() - begin)
    master.wait(lambda: len(master.offspring()) == 200, "the new ones alone")
    begin = time.monotonic()
    master.stop()
    times.append(time.monotonic() - begin)
    case.note(", ".join(f"{each:.2f} s" for each in times))
    expect(max(times) < 10, f"{times}")
    case.expect_nothing_left()
