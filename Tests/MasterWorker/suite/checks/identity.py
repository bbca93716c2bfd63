"""Who a child is and what the kernel grants it: its user's variables, limits, niceness, env-file, its PATH."""

import os
import re

from harness import processes
from harness.checks import Unavailable, check, expect, expect_in, needs, needs_root, read
from harness.processes import eventually
from ..case import Case, section
from .upgrade import installed, upgraded


def limits(pid: int) -> dict:
    """Soft and hard limits by their names in proc(5)."""
    lines = [re.split(r" {2,}", line) for line in read(f"/proc/{pid}/limits").splitlines()[1:]]
    return {line[0]: tuple(line[1:3]) for line in lines}


def niceness(pid: int) -> int:
    return int(read(f"/proc/{pid}/stat").rpartition(")")[2].split()[16])


def score(pid: int) -> int:
    return int(read(f"/proc/{pid}/oom_score_adj"))


def needs_right(number: int) -> None:
    """A capability of capabilities(7), which containers may lack."""
    held = int(re.search(r"CapEff:\t(\w+)", read("/proc/self/status"))[1], 16)
    if not held >> number & 1:
        raise Unavailable(f"needs capability {number}")


@check("user: HOME, USER, LOGNAME and SHELL are that user's, whatever masterd's are; setenv of the section goes before")
def variables(case: Case) -> None:
    needs_root()
    facts = [case.path("records", name) for name in ("a", "b")]
    case.configure(section("program", "a", case.fixture("facts.sh", facts[0]), "user nobody"),
                   section("program", "b", case.fixture("facts.sh", facts[1]), "user nobody", "setenv HOME /data"))
    ours = {"HOME": "/root", "USER": "root", "LOGNAME": "root", "SHELL": "/bin/odd", "SUDO_USER": "me"}
    master = case.start(env=ours)
    text = master.wait(lambda: read(facts[0]), "the child's facts")
    found = dict(re.findall(r"^env (\w+)=(.*)$", text, re.MULTILINE))
    names = [found.get(name) for name in ("USER", "LOGNAME", "HOME")]
    expect(names == ["nobody", "nobody", os.path.expanduser("~nobody")], f"{names}")
    expect(found.get("SHELL") not in (None, "/bin/odd") and "SUDO_USER" not in found, f"{found}")
    text = master.wait(lambda: read(facts[1]), "the other child's facts")
    expect_in("\nenv HOME=/data\n", text)


@check("limit: soft and hard ones by the names of setrlimit(2); what is not named stays the master's")
def limit(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web"), "readiness notify", "limit nofile 200:300",
                           "limit core 0", "limit stack 4194304:infinity", "limit cpu 7000"))
    master = case.start()
    found, ours = limits(case.met("web")["pid"]), limits(master.pid)
    expect(found["Max open files"] == ("200", "300"), f"{found}")
    expect(found["Max core file size"] == ("0", "0") and found["Max cpu time"] == ("7000", "7000"), f"{found}")
    expect(found["Max stack size"] == ("4194304", "unlimited"), f"{found}")
    expect(found["Max processes"] == ours["Max processes"], f"{found}")


@check("limit, nice and oom-score-adjust are set with the master's rights, before the child becomes its user")
def rights(case: Case) -> None:
    needs_root()
    needs_right(23)     # CAP_SYS_NICE
    case.configure(section("program", "p", "sleep 1000", "user nobody", "limit nofile 300", "nice -5",
                           "oom-score-adjust 400"))
    master = case.start()
    pid = master.only("p")
    expect(limits(pid)["Max open files"] == ("300", "300"), f"{limits(pid)}")
    expect((niceness(pid), score(pid)) == (-5, 400), f"nice {niceness(pid)}, oom {score(pid)}")
    expect((niceness(master.pid), score(master.pid)) != (-5, 400), "the master has it too")
    expect_in("\nUid:\t65534\t", read(f"/proc/{pid}/status"))


@check("limit, nice and oom-score-adjust hold for restarts, after an upgrade too, and a reload changes them")
def kept(case: Case) -> None:
    installed(case)

    def configure(nice: int) -> None:
        case.configure(section("worker", "web", case.worker("web"), "readiness notify", "limit nofile 200:300",
                               f"nice {nice}", "oom-score-adjust 300", "restart on-failure backoff 50ms 1s"))

    def expect_granted(number: int, nice: int) -> int:
        pid = case.met("web", number)["pid"]
        found = (limits(pid)["Max open files"], niceness(pid), score(pid))
        expect(found == (("200", "300"), nice, 300), f"process {number} has {found}")
        return pid
    configure(3)
    master = case.start()
    processes.kill(expect_granted(1, 3))
    expect_granted(2, 3)
    upgraded(case, master)
    processes.kill(expect_granted(3, 3))
    expect_granted(4, 3)
    configure(4)
    master.reload()
    expect_granted(5, 4)


@check("a limit that the kernel refuses is a failed start, which names what was refused")
def refused_limit(case: Case) -> None:
    needs_root()
    most = int(read("/proc/sys/fs/nr_open"))
    case.configure(section("worker", "web", case.worker("web"), "readiness notify", f"limit nofile {most + 1}"))
    expect_in("cannot set its limits: Operation not permitted", case.refused().err)


def hierarchy() -> str:
    """The directory of this process's group in the hierarchy of version 2."""
    mounts = [line.split() for line in read("/proc/self/mountinfo").splitlines()]
    places = [words[4] for words in mounts if words[words.index("-") + 1] == "cgroup2"]
    own = [line[3:] for line in read("/proc/self/cgroup").splitlines() if line.startswith("0::")]
    path = f"{places[0]}{own[0].rstrip('/')}" if places and own else ""
    if not path or not os.access(path, os.W_OK) or os.statvfs(path).f_flag & os.ST_RDONLY:
        raise Unavailable("needs a hierarchy of control groups that may be written")
    return path


def group_of(pid: int) -> str:
    return next(line[3:] for line in read(f"/proc/{pid}/cgroup").splitlines() if line.startswith("0::"))


def groups(base: str, name: str) -> list:
    return [each for each in os.listdir(base) if each.startswith(f"{name}.")]


@check("cgroup: each process begins in a group of its own; what it leaves there is killed, even in another session")
def own_group(case: Case) -> None:
    needs_root()
    base, name = hierarchy(), f"grp{os.getpid()}{id(case) % 1000}"
    installed(case)
    # It says where it is when its program begins.
    place = os.path.join(case.records, "place")
    command = f"sh -c 'cat /proc/self/cgroup >{place}.$$; setsid sleep 1000 & exec sleep 1000'"
    case.configure(section("program", name, command, "instances 2", "user nobody", "cgroup", "stop-timeout 1s"))
    master = case.start()
    first = master.current(name)
    expect(eventually(lambda: len(case.living()) == 5), f"two, and two of theirs: {case.left()}")
    expect(len({group_of(pid) for pid in [master.pid, *first]}) == 3, "they share a group")
    for pid in first:
        expect(eventually(lambda pid=pid: f"0::{group_of(pid)}\n" in read(f"{place}.{pid}")), "it came there later")
    expect(len(groups(base, name)) == 2, f"{groups(base, name)}")
    upgraded(case, master)
    second = master.current(name)
    expect(not set(first) & set(second), f"{first} {second}")
    expect(eventually(lambda: len(groups(base, name)) == 2, 10), f"the old ones are left: {groups(base, name)}")
    expect(eventually(lambda: len(case.living()) == 5), f"something is left: {case.left()}")
    master.stop()
    expect(not groups(base, name), f"{groups(base, name)}")
    case.expect_nothing_left()


@check("cgroup: a limit holds for the process and what it starts; a controller that is missing is named; so is a value")
def group_limits(case: Case) -> None:
    needs_root()
    base, name = hierarchy(), f"lim{os.getpid()}{id(case) % 1000}"
    available = read(f"{base}/cgroup.controllers").split()
    missing = next(each for each in ("memory", "pids", "rdma", "misc", "hugetlb") if each not in available)
    case.configure(section("program", name, "sleep 1000", f"cgroup {missing}.max 1"))
    expect_in(f"the controller '{missing}' is not available here", case.refused().err)
    tried = next((each for each in ("pids.max", "hugetlb.2MB.max", "memory.max") if each.split(".")[0] in available),
                 None)
    if tried is None:
        raise Unavailable("needs a controller in the hierarchy of control groups")
    case.configure(section("program", name, "sleep 1000", f"cgroup {tried} lots"))
    refused = case.refused().err
    expect_in(f"{name}: cannot write 'lots' to ", refused)
    expect_in(f"/{tried}: Invalid argument", refused)
    value = "2097152"
    case.configure(section("program", name, "sleep 1000", f"cgroup {tried} {value}"))
    master = case.start()
    expect(read(f"{base}/{groups(base, name)[0]}/{tried}") == f"{value}\n", "the limit is not set")
    before = master.current(name)
    case.configure(section("program", name, "sleep 1000", f"cgroup {tried} lots"))
    master.refuses()
    expect(master.current(name) == before, "the running one was touched")
    master.stop()
    expect(not groups(base, name), f"{groups(base, name)}")


@check("values that mean nothing are refused with file, line and value")
def mistakes(case: Case) -> None:
    lines = {"limit nofile many": "'many'", "limit nofiles 1": "'nofiles'", "limit nofile 2:1": "'2:1'",
             "nice 20": "'20'", "oom-score-adjust 1001": "'1001'", "env-file here": "'here'"}
    case.configure(section("worker", "web", "true", *lines))
    outcome = case.run("--check", "-c", case.configuration)
    expect(outcome.code == 1, str(outcome))
    text = read(case.configuration).splitlines()
    for line, value in lines.items():
        number = text.index(f"    {line}") + 1
        found = [each for each in outcome.err.splitlines() if f"m.cfg:{number}: " in each]
        expect(len(found) == 1 and value in found[0], f"{line!r}: {outcome.err}")


@check("env-file: its lines become variables, bytes stay bytes, setenv goes before; it is read again at each reload")
def env_file(case: Case) -> None:
    path = case.path("env")

    def write(content: bytes) -> None:
        with open(path, "wb") as file:
            file.write(content)
    write(b"# a comment\n; another\n\nA=1\n"
          b"  B=two words \nC=\"in quotes\"\nD=\nE=a=b\"\nF=\xff\xe4\xf4\nX=file\nA=last\r\n")
    case.configure(section("worker", "web", case.worker("web"), "readiness notify", f"env-file {path}", "setenv X set"))
    master = case.start()
    found = case.met("web")["environment"]
    wanted = {"A": "last", "B": "two words ", "C": "in quotes", "D": "", "E": "a=b\"",
              "F": b"\xff\xe4\xf4".decode(errors="surrogateescape"), "X": "set"}
    expect({name: found.get(name) for name in wanted} == wanted, f"{found}")
    write(b"A=new\n")
    master.reload()
    second = case.met("web", 2)["environment"]
    expect(second["A"] == "new" and "C" not in second, f"{second}")


@check("env-file: a mistake is named with file and line and without the secret; a reload with one changes nothing")
def env_file_mistakes(case: Case) -> None:
    path = case.write("env", "A=1\n")
    case.configure(section("worker", "web", case.worker("web"), "readiness notify", f"env-file {path}"))
    master = case.start()
    pid = case.met("web")["pid"]
    case.write("env", "A=2\nhush\nexport B=hush\n=hush\n")
    outcome = case.run("--check", "-c", case.configuration)
    for line in (2, 3, 4):
        expect_in(f"{path}:{line}: expects NAME=VALUE", outcome.err)
    expect(outcome.code == 1 and "hush" not in outcome.err, str(outcome))
    master.ask("reload")
    master.says(f"{path}:2: expects NAME=VALUE")
    expect(master.only("web") == pid, f"{master.children()}")
    os.remove(path)
    expect_in(f"m.cfg:6: 'env-file': cannot read {path}", case.run("--check", "-c", case.configuration).err)


@check("PATH in an env-file finds the command")
def env_file_path(case: Case) -> None:
    case.script("bin/mine", f"echo here >{case.path('said')}; exec sleep 1000")
    file = case.write("env", f"PATH={case.path('bin')}:{os.environ['PATH']}\n")
    case.configure(section("program", "a", "mine", f"env-file {file}"))
    case.start().wait(lambda: read(case.path("said")), "the command")


def two_places(case: Case) -> str:
    """A PATH whose first program is root's alone, and whose second one is nobody's alone."""
    for name, user in (("first", 0), ("second", 65534)):
        script = case.script(f"{name}/mine", f"echo {name} >{case.path('records', 'said')}; exec sleep 1000")
        for each in (script, os.path.dirname(script)):
            os.chown(each, user, user)
            os.chmod(each, 0o700)
    return f"{case.path('first')}:{case.path('second')}:{os.environ['PATH']}"


@check("a command is looked up in PATH as the other user: what only root may execute is passed over, as execvp(3) does")
def other_path(case: Case) -> None:
    needs_root()
    path = two_places(case)
    case.configure(section("program", "a", "mine", "user nobody"))
    master = case.start(env={"PATH": path})
    said = master.wait(lambda: read(case.path("records", "said")), "the command")
    expect(said == "second\n", f"{said!r} was started")


@check("a program that only its user may execute starts, where the master has no right over other users' files")
def own_program(case: Case) -> None:
    needs_root()
    tool = needs("setpriv")
    path = two_places(case)
    case.configure(section("program", "a", "mine", "user nobody"),
                   section("program", "b", f"{case.path('second')}/mine", "user nobody"))
    rights = "-dac_override,-dac_read_search"
    wrapper = [tool, f"--bounding-set={rights}", f"--inh-caps={rights}"]
    master = case.start(env={"PATH": path}, wrapper=wrapper)
    said = master.wait(lambda: read(case.path("records", "said")), "the command")
    expect(said == "second\n" and master.only("b") > 1, f"{said!r} was started")


@check("a command that its user finds nowhere, or may execute nowhere, is a failed start that names it")
def no_program(case: Case) -> None:
    needs_root()
    two_places(case)
    os.chown(case.path("second"), 0, 0)
    path = f"{case.path('first')}:{case.path('second')}"
    case.configure(section("program", "a", "mine", "user nobody", f"setenv PATH {path}"))
    expect_in("cannot execute mine: Permission denied", case.refused().err)
    case.configure(section("program", "a", "nowhere", "user nobody", f"setenv PATH {path}"))
    expect_in("m.cfg:4: Cannot execute nowhere: No such file or directory", case.refused().err)
