"""Random commands, signals, deaths and files, one after the other: in the end everything is as it was last told."""

import os
import random
import signal
from typing import Callable, Dict, List

from harness import processes
from harness.checks import Failed, check, expect
from harness.clients import ask
from harness.moments import let_pass
from harness.processes import eventually
from ..case import Case, section
from ..clients import port_of
from ..control import Session
from .upgrade import installed, put

STEPS = int(os.environ.get("MASTER_WORKER_STEPS", "60"))
SEED = os.environ.get("MASTER_WORKER_SEED")
"""Given again, the same things are done, though not at the same moments."""


class Chaos:
    def __init__(self, case: Case, seed: int) -> None:
        self.case = case
        self.chance = random.Random(seed)
        self.done: List[str] = []
        self.sessions: List[Session] = []
        installed(case)
        self.configure()
        self.master = case.start()
        self.port = port_of(self.master)
        self.files = len(processes.open_files(self.master.pid))

    def configure(self, behaviour: str = "") -> None:
        restart = "restart always backoff 5ms 50ms"
        times = ("start-timeout 2s", "stop-timeout 400ms")
        web = self.case.worker("web", *([behaviour] if behaviour else []))
        self.case.configure(
            "listen l\n    bind 127.0.0.1:0\n",
            section("worker", "web", web, "readiness notify", "listen l", "instances 2", restart, *times),
            section("program", "kept", self.case.worker("kept"), "readiness notify", "on-reload keep", restart, *times),
            section("program", "side", "sleep 1000", restart, *times))

    def step(self) -> None:
        things: Dict[str, Callable[[], None]] = {
            "reload": lambda: self.ask("reload"),
            "hard-reload": lambda: self.ask("hard-reload"),
            "upgrade": self.upgrade,
            "a bad upgrade": self.bad_upgrade,
            "a bad file": self.bad_file,
            "a worker that fails": lambda: self.bad_worker("exit=3"),
            "a worker that is slow": lambda: self.bad_worker("ready=0.1"),
            "kill -9": self.kill,
            "TERM to a child": lambda: self.kill(signal.SIGTERM),
            "scale up": lambda: self.ask("scale web 3"),
            "scale down": lambda: self.ask("scale web 1"),
            "stop": lambda: self.ask(f"stop {self.chance.choice(['web', 'side', 'kept'])}"),
            "start": lambda: self.ask(f"start {self.chance.choice(['web', 'side', 'kept'])}"),
            "restart": lambda: self.ask(f"restart {self.chance.choice(['web', 'side', 'kept'])}"),
            "HUP": lambda: self.master.send(signal.SIGHUP),
            "USR2": lambda: self.master.send(signal.SIGUSR2),
            "TTOU": lambda: self.master.send(signal.SIGTTOU),
            "TTIN": lambda: self.master.send(signal.SIGTTIN),
            "asleep": self.sleep,
            "session": lambda: self.sessions.append(self.master.session()),
            "a client that goes": self.go,
            "show": lambda: [self.master.table(), self.master.children(), self.master.ask("show metrics")] and None,
            "pause": lambda: let_pass(self.chance.random() * 0.05),
        }
        name = self.chance.choice(list(things))
        self.done.append(name)
        things[name]()
        self.master.still_runs()

    def ask(self, command: str) -> None:
        """By a session that waits for its answer, or by one that does not: a service may be one that cannot start."""
        if self.chance.random() < 0.5 and command in ("reload", "hard-reload", "upgrade"):
            self.master.ask(command, seconds=30)
        else:
            session = self.master.session()
            session.send(f"{command}\n")
            self.sessions.append(session)

    def install(self) -> None:
        self.case.install(os.path.join(self.case.binaries, "masterd"), self.case.path("bin", "masterd"))

    def upgrade(self) -> None:
        self.install()
        self.ask("upgrade")

    def bad_upgrade(self) -> None:
        self.master.ask("reload", seconds=30)      # what runs has ended
        put(self.case.path("bin", "masterd"), self.chance.choice(["garbage", "#!/bin/sh\nexit 3\n"]))
        self.ask("upgrade")

    def bad_file(self) -> None:
        self.case.write("m.cfg", "nonsense\n")
        self.ask("reload")
        self.configure()

    def bad_worker(self, behaviour: str) -> None:
        self.configure(behaviour)
        self.ask("reload")
        self.configure()

    def kill(self, number: int = signal.SIGKILL) -> None:
        children = self.master.offspring()
        if children:
            processes.kill(self.chance.choice(children), number)

    def sleep(self) -> None:
        self.master.send(signal.SIGSTOP)
        let_pass(self.chance.random() * 0.1)
        self.master.send(signal.SIGCONT)

    def go(self) -> None:
        if self.sessions:
            self.sessions.pop(self.chance.randrange(len(self.sessions))).close()

    def settle(self) -> None:
        """Everything is told to run again, and has to."""
        for session in self.sessions:
            session.close()
        self.configure()
        self.install()
        self.master.send(signal.SIGTTIN)
        self.master.ask("upgrade", seconds=60)      # one that runs shares its result with ours: the next is for us
        self.master.reload("upgrade", 60)
        for name in ("web", "side", "kept"):
            self.master.ask(f"start {name}", seconds=30)
        self.master.ask("scale web 2", seconds=30)
        wanted = ["kept", "side", "web", "web"]
        eventually(lambda: sorted(each.service for each in self.master.children()) == wanted)
        table = self.master.children()
        expect(sorted(each.service for each in table) == wanted, f"{table}")
        expect(sorted(self.master.offspring()) == sorted(each.pid for each in table),
               f"children {self.master.offspring()}, shown {[each.pid for each in table]}")
        expect(ask(("127.0.0.1", self.port))[1] in self.master.current("web"), "nobody answers")
        few = eventually(lambda: len(processes.open_files(self.master.pid)) <= self.files + 2, 3)
        expect(few, f"{self.files} descriptors at first, then {processes.open_files(self.master.pid)}")
        expect(self.master.blocks_nothing(), "signals are blocked")


def random_things(number: int) -> None:
    @check(f"{STEPS} random things, lot {number}: in the end all that is told to run does, once; it stops", slow=True)
    def run(case: Case) -> None:
        seed = int(SEED) if SEED else random.randrange(1 << 32)
        case.note(f"seed {seed}")
        chaos = Chaos(case, seed)
        try:
            for _ in range(STEPS):
                chaos.step()
            chaos.settle()
            chaos.master.stop()
        except (Failed, OSError) as failure:
            raise Failed(f"seed {seed}, after {', '.join(chaos.done)}: {failure}") from None


for each in (1, 2):
    random_things(each)
