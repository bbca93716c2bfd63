"""Sections 1 and 2: the envdir, and the settings that may come from the environment."""

import os

from harness.checks import check, expect
from harness.processes import eventually
from ..case import Case


def variables(case: Case, generation: int, *names: str):
    worker = case.generation(generation, case.running[-1])
    return [worker.environment.get(name) for name in names]


@check("a file is a variable, its first line the value")
def one_file(case: Case) -> None:
    case.write("env/ONE", "first\nsecond\n")
    case.write("env/BARE", "no newline")
    case.write("env/BLANKS", "  a = b  \n")
    case.start("--port=0", "--envdir=env")
    seen = variables(case, 1, "ONE", "BARE", "BLANKS")
    expect(seen == ["first", "no newline", "  a = b  "], f"{seen}")


@check("dot files and directories are skipped, an empty file sets nothing")
def skipped(case: Case) -> None:
    case.write("env/.HIDDEN", "x\n")
    case.write("env/EMPTY", "")
    case.write("env/DIRECTORY/X", "x\n")
    case.start("--port=0", "--envdir=env", env={"EMPTY": "kept"})
    seen = variables(case, 1, ".HIDDEN", "DIRECTORY", "EMPTY", "X")
    expect(seen == [None, None, "kept", None], f"{seen}")


@check("a missing directory is ignored, and read when it comes")
def missing(case: Case) -> None:
    daemon = case.start("--port=0", "--envdir=env")
    expect(variables(case, 1, "LATE") == [None], "LATE is set")
    case.write("env/LATE", "x\n")
    daemon.reload()
    expect(variables(case, 2, "LATE") == ["x"], "LATE is not set")


@check("ENVDIR names the directory too, and --envdir wins")
def variable(case: Case) -> None:
    case.write("one/WHICH", "one\n")
    case.write("two/WHICH", "two\n")
    case.start("--port=0", env={"ENVDIR": "one"})
    expect(variables(case, 1, "WHICH") == ["one"], "ENVDIR is not read")
    case.running[-1].stop()
    case.start("--port=0", "--envdir=two", env={"ENVDIR": "one"}, worker=["second"])
    found = eventually(lambda: [each for each in case.workers() if each["argv"] == ["second"]])
    expect(found and found[0].environment.get("WHICH") == "two", f"{found and found[0].environment}")


@check("it lies in the directory of the start, whatever --dir")
def relative(case: Case) -> None:
    os.mkdir(case.path("below"))
    case.write("env/A", "above\n")
    case.write("below/env/A", "below\n")
    daemon = case.start("--port=0", "--envdir=env", "--dir=below")
    expect(variables(case, 1, "A") == ["above"], f"{variables(case, 1, 'A')}")
    daemon.reload()
    expect(variables(case, 2, "A") == ["above"], f"{variables(case, 2, 'A')}")


@check("it is read again at a reload, and when a worker has died")
def read_again(case: Case) -> None:
    case.write("env/A", "1\n")
    daemon = case.start("--port=0", "--envdir=env")
    expect(variables(case, 1, "A", "B") == ["1", None], f"{variables(case, 1, 'A', 'B')}")
    case.write("env/A", "2\n")
    case.write("env/B", "new\n")
    daemon.reload()
    worker = case.generation(2, daemon)
    expect(variables(case, 2, "A", "B") == ["2", "new"], f"{variables(case, 2, 'A', 'B')}")
    case.write("env/A", "3\n")
    os.kill(worker.pid, 9)
    expect(variables(case, 3, "A", "B") == ["3", "new"], f"{variables(case, 3, 'A', 'B')}")


@check("it is read again for each new attempt of a failing start", slow=True,
       known="an attempt inherits what its round began with")
def read_again_failing(case: Case) -> None:
    case.write("env/WORD", "bad\n")
    daemon = case.start("--port=0", "--envdir=env", interval="1",
                        program=["sh", "-c", 'test "$WORD" = good && exec sleep 1000; exit 3'])
    daemon.line(r"new worker \d+ seems to have failed to start, exit status:768")
    case.write("env/WORD", "good\n")
    begun = len(daemon.matches(r"starting new worker \d+"))
    daemon.line(r"starting new worker \d+", begun + 1)
    failed = len(daemon.matches(r"new worker \d+ seems .*"))
    quiet = not eventually(lambda: len(daemon.matches(r"new worker \d+ seems .*")) > max(failed, begun), 3)
    expect(quiet, "the attempts still see the old value")


@check("a variable whose file came later and goes away is unset")
def gone_again(case: Case) -> None:
    daemon = case.start("--port=0", "--envdir=env", env={"OWN": "own"})
    case.generation(1, daemon)
    case.write("env/LATE", "x\n")
    case.write("env/OWN", "over\n")
    daemon.reload()
    expect(variables(case, 2, "LATE", "OWN") == ["x", "over"], f"{variables(case, 2, 'LATE', 'OWN')}")
    os.unlink(case.path("env/LATE"))
    os.unlink(case.path("env/OWN"))
    daemon.reload()
    expect(variables(case, 3, "LATE", "OWN") == [None, "own"], f"{variables(case, 3, 'LATE', 'OWN')}")


@check("a variable whose file was there at the start and goes away is unset or the superdaemon's own",
       known="stale values come back")
def gone(case: Case) -> None:
    case.write("env/OLD", "x\n")
    case.write("env/OWN", "over\n")
    daemon = case.start("--port=0", "--envdir=env", env={"OWN": "own"})
    expect(variables(case, 1, "OLD", "OWN") == ["x", "over"], f"{variables(case, 1, 'OLD', 'OWN')}")
    os.unlink(case.path("env/OLD"))
    os.unlink(case.path("env/OWN"))
    for generation in (2, 3):
        daemon.reload()
        seen = variables(case, generation, "OLD", "OWN")
        expect(seen == [None, "own"], f"{seen}")


@check("given options are exported under the names of their variables")
def exported(case: Case) -> None:
    names = ["ENVDIR", "ENABLE_AUTO_RESTART", "AUTO_RESTART_INTERVAL", "KILL_OLD_DELAY"]
    case.start("--port=0", "--envdir=env", "--enable-auto-restart", "--auto-restart-interval=77", "--kill-old-delay=3")
    expect(variables(case, 1, *names) == ["env", "1", "77", "3"], f"{variables(case, 1, *names)}")


@check("what was not given is not exported")
def not_exported(case: Case) -> None:
    case.start("--port=0")
    names = ["ENVDIR", "ENABLE_AUTO_RESTART", "AUTO_RESTART_INTERVAL", "KILL_OLD_DELAY"]
    expect(variables(case, 1, *names) == [None] * 4, f"{variables(case, 1, *names)}")


@check("KILL_OLD_DELAY sets the delay, and the option wins")
def delay_variable(case: Case) -> None:
    daemon = case.serving("--port=0", env={"KILL_OLD_DELAY": "1"})
    daemon.hup()
    daemon.line("sleeping 1 secs before killing old workers")
    daemon.line("killing old workers")
    daemon.stop()
    daemon = case.start("--port=0", "--kill-old-delay=0", env={"KILL_OLD_DELAY": "60"})
    daemon.line(r"starting new worker \d+")
    daemon.reload()
    expect(not daemon.matches("sleeping.*"), "the variable wins")


@check("a KILL_OLD_DELAY in the envdir counts from the next event on", slow=True)
def delay_file(case: Case) -> None:
    daemon = case.serving("--port=0", "--envdir=env")
    daemon.reload()
    expect(not daemon.matches("sleeping.*"), "it sleeps without a delay")
    case.write("env/KILL_OLD_DELAY", "1\n")
    daemon.line(r"old worker \d+ died, status:0")
    daemon.reload()
    daemon.line("sleeping 1 secs before killing old workers")
    os.unlink(case.path("env/KILL_OLD_DELAY"))
    daemon.line(r"old worker \d+ died, status:0", 2)
    case.generation(3, daemon)
    daemon.reload()
    expect(len(daemon.matches("sleeping.*")) == 1, "it sleeps although the file is gone")


@check("an AUTO_RESTART_INTERVAL in the envdir is read again", slow=True)
def interval_file(case: Case) -> None:
    case.write("env/AUTO_RESTART_INTERVAL", "600\n")
    daemon = case.serving("--port=0", "--envdir=env", "--enable-auto-restart", "--kill-old-delay=0")
    case.write("env/AUTO_RESTART_INTERVAL", "1\n")
    daemon.reload()
    daemon.line(r"autorestart triggered \(interval=1\)")
    daemon.line("killing old workers", 2)
