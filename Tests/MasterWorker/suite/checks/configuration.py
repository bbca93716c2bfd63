"""What the configuration file may say, and how its mistakes are told."""

from harness import processes
from harness.checks import check, expect, read
from ..case import SLEEPER, Case, section

MISTAKES = [
    ("program\n", "'program' expects an <id> argument"),
    (section("program", "a") * 2, "'a' program section already exists in the configuration."),
    ("program a\n", "The program section 'a' lacks a command to launch."),
    ("program a\n    command\n", "'command' expects a command with optional arguments separated in words."),
    ("program a\n    command sleep 1\n    foo\n", "unknown keyword 'foo' in 'program' section"),
    ("program a\n    command sleep 1\n    option foo\n", "unknown option 'foo'."),
    ("program a\n    command sleep 1\n    user nouserlikethis\n", "cannot find user id for 'nouserlikethis'"),
    ("program a\n    command sleep 1\n    group nogrouplikethis\n", "cannot find group id for 'nogrouplikethis'"),
]


def mistake(text: str, said: str) -> None:
    @check(f"says: {said}")
    def run(case: Case) -> None:
        path = case.write("m.cfg", text)
        outcome = case.run("--check", "-c", path)
        expect(outcome.code == 1, str(outcome))
        lines = [line for line in outcome.err.splitlines() if said in line]
        expect(lines and all(line.startswith(f"{path}:") and line.split(":")[1].isdigit() for line in lines),
               f"{outcome.err!r}")


for each in MISTAKES:
    mistake(*each)


@check("a mistyped keyword, option and section get the nearest word")
def nearest(case: Case) -> None:
    for text, near in (("worker a\n    command sleep 1\n    instnces 2\n", "instances"), ("wroker a\n", "worker"),
                       ("program a\n    command sleep 1\n    option start-on-relaod\n", "start-on-reload")):
        outcome = case.run("--check", "-c", case.write("m.cfg", text))
        expect(outcome.code == 1 and f"'{near}'" in outcome.err, f"{text!r}: {outcome.err!r}")


@check("--check: all mistakes at once, each as FILE:LINE: text, in the order of the files")
def all_at_once(case: Case) -> None:
    first = case.write("a.cfg", "worker\nprogram a\n    comand x\nlisten l\n    bind nonsense\n")
    second = case.write("b.cfg", "# a comment\n\nglobal\n    start-timeout soon\n")
    outcome = case.run("--check", "-c", first, "-c", second)
    places = [line.split(": ")[0] for line in outcome.err.splitlines()]
    wanted = [f"{first}:1", f"{first}:3", f"{first}:5", f"{second}:4"]
    expect(outcome.code == 1 and [each for each in places if each in wanted] == wanted, f"{outcome.err}")


@check("words: quotes, escapes, comments and ${VAR} in double quotes reach the command")
def words(case: Case) -> None:
    script = case.script("words", f'for each; do echo "<$each>"; done >{case.path("said")}.new\n'
                                  f'mv {case.path("said")}.new {case.path("said")}\nexec sleep 1000')
    words = rf"""one\ word 'two words' "${{COLOUR}} three" '${{COLOUR}}' # four"""
    case.configure(section("program", "a", f"{script} {words}"))
    master = case.start(env={"COLOUR": "blue"})
    said = master.wait(lambda: read(case.path("said")), "the words").splitlines()
    expect(said == ["<one word>", "<two words>", "<blue three>", "<${COLOUR}>"], f"{said}")


@check("setenv, presetenv, unsetenv and resetenv reach the children")
def environment(case: Case) -> None:
    case.configure(section("program", "a", case.worker("a")), settings=[
        "setenv SET new", "presetenv KEPT other", "presetenv FRESH yes", "unsetenv GONE"])
    case.start(env={"SET": "old", "KEPT": "mine", "GONE": "x"})
    found = case.met("a")["environment"]
    wanted = {"SET": "new", "KEPT": "mine", "FRESH": "yes"}
    expect({name: found.get(name) for name in wanted} == wanted and "GONE" not in found, f"{found}")


@check("resetenv leaves only what it names")
def resetenv(case: Case) -> None:
    case.configure(section("program", "a", case.worker("a")), settings=[f"resetenv PATH {processes.TAG}"])
    case.start(env={"SECRET": "x"})
    found = case.met("a")["environment"]
    expect("SECRET" not in found and "PATH" in found, f"{found}")


@check("mworker-max-reloads is another name of max-old-generations")
def other_name(case: Case) -> None:
    case.configure(section("worker", "a"), settings=["mworker-max-reloads 3"])
    expect(case.run("--check", "-c", case.configuration).code == 0, str(case.outcomes[-1]))


@check("every keyword of the specification is known")
def keywords(case: Case) -> None:
    case.write("m.cfg", f"""global
    control-socket {case.control} mode 600 level admin
    max-old-generations 50
    hard-stop-after 30s
    start-timeout 60s
    no-exit-on-failure
    setenv NAME value
listen web
    bind 127.0.0.1:8080 backlog 100 reuseport
    bind [::1]:8081
    bind unix:{case.path('web.sock')} mode 660
worker web
    command {SLEEPER}
    instances 4
    listen web
    readiness notify
    restart on-failure backoff 100ms 30s limit 5/60s
    watchdog 10s
    umask 027
    on-master-death drain
    chdir /
    setenv A b
    channel no
program api
    command {SLEEPER}
    user nobody
    group nogroup
    no option start-on-reload
    stop-signal TERM
    stop-timeout 10s
    after web
    critical no
    log file {case.path('api.log')}
program other
    command {SLEEPER}
    reload-signal USR1
    log prefix
program third
    command {SLEEPER}
    on-reload restart
    log inherit
program fourth
    command {SLEEPER}
    on-reload signal HUP
program fifth
    command {SLEEPER}
    on-reload keep
program sixth
    command {SLEEPER}
    on-reload replace
""")
    outcome = case.run("--check", "-c", case.configuration)
    expect(outcome.code == 0, str(outcome))


def odd_name(name: str) -> None:
    @check(f"HAProxy's: names with `;` or `|` corrupt the state: a service named {name!r} is refused or survives")
    def run(case: Case) -> None:
        case.masterd = case.install(case.masterd, case.path("bin", "masterd"))
        case.configure(section("worker", f'"{name}"'), section("program", "plain"))
        if case.run("--check", "-c", case.configuration).code != 0:
            expect(f"{case.configuration}:" in case.outcomes[-1].err, str(case.outcomes[-1]))
            return
        master = case.start()
        master.reload()
        case.install(case.path("bin", "masterd"), case.path("bin", "masterd"))
        master.reload("upgrade", seconds=20)
        master.reload()
        master.wait(lambda: {each.service for each in master.children()} == {name, "plain"}, f"{name!r} in the state")


for each in ("a;b", "a|b", "a b", "a=b", 'a\\"b', "a:b", "#", "ä€"):
    odd_name(each)
