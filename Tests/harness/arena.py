"""What one check works in: a directory of its own, the processes that come of it, and what became of them."""

import itertools
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from typing import Dict, List, Optional, Sequence, Tuple

from . import disks, processes
from .checks import read, write
from .commands import Outcome
from .processes import PATIENCE, TAG
from .running import Running


class Arena:
    accounts = 3
    """Of how many commands and of how many programs a failed check shows what they said."""

    def __init__(self, prefix: str) -> None:
        self.tag = uuid.uuid4().hex
        self.directory = tempfile.mkdtemp(prefix=prefix)
        os.chmod(self.directory, 0o755)      # workers may run as another user
        self.running: List[Running] = []
        self.outcomes: List[Outcome] = []
        self.notes: List[str] = []
        self._numbers = itertools.count()
        self._disks: List[str] = []

    # Directories and files

    def path(self, *names: str) -> str:
        return os.path.join(self.directory, *names)

    def write(self, name: str, content: str, mode: int = 0o644) -> str:
        """Writes a file of the directory in one step; its path."""
        path = self.path(name)
        with processes.forking:
            write(path + "~", content, mode)
        os.rename(path + "~", path)
        return path

    def script(self, name: str, text: str) -> str:
        return self.write(name, f"#!/bin/sh\n{text}\n", 0o755)

    def install(self, source: str, target: str) -> str:
        """Puts a copy of an executable in the place of another, as an installation does."""
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with processes.forking:
            shutil.copy2(source, target + ".new")
        os.utime(target + ".new")
        os.rename(target + ".new", target)
        return target

    def disk(self, name: str, options: str, read_only: bool = False) -> str:
        """A disk of the check's own, as mount(8) takes its options; its path. Needs root."""
        path = self.path(name)
        os.mkdir(path)
        disks.mount(path, options, read_only)
        self._disks.append(path)
        return path

    # Processes

    def environment(self, more: Optional[Dict[str, str]] = None) -> Dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {**kept, TAG: self.tag, **(more or {})}

    def spawn(self, words: Sequence[str], name: str, env: Optional[Dict[str, str]] = None,
              **popen) -> Tuple[subprocess.Popen, str, str]:
        """A child in a session of its own, and the files with what it says: standard output and error."""
        out, err = self.path(f"{name}.out"), self.path(f"{name}.err")
        popen = {"cwd": self.directory, "umask": 0o022, "stdin": subprocess.DEVNULL, "start_new_session": True, **popen}
        with open(out, "wb") as first, open(err, "wb") as second:
            popen = {"stdout": first, "stderr": second, **popen}
            return processes.spawn(list(words), env=self.environment(env), **popen), out, err

    def finished(self, words: Sequence[str], seconds: float = PATIENCE, env: Optional[Dict[str, str]] = None,
                 **popen) -> Outcome:
        """Runs a command to its end."""
        begin = time.monotonic()
        child, out, err = self.spawn(words, f"run-{next(self._numbers)}", env, **popen)
        try:
            code: Optional[int] = child.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        self.outcomes.append(Outcome(code, read(out), read(err), time.monotonic() - begin))
        return self.outcomes[-1]

    def living(self) -> List[int]:
        return processes.tagged(self.tag)

    def left(self) -> str:
        return ", ".join(f"{pid} ({processes.command(pid)})" for pid in self.living())

    def note(self, text: str) -> None:
        """A figure that is worth showing beside the verdict."""
        self.notes.append(text)

    # The end

    def finish(self) -> None:
        """What has to hold at the end of a check that passed so far."""

    def clear(self) -> None:
        """Ends everything by pid and removes the directory."""
        processes.end_all(self.tag)
        for each in self.running:
            each.reap()
        for disk in self._disks:
            disks.unmount(disk)
        shutil.rmtree(self.directory, ignore_errors=True)

    def account(self) -> str:
        """What the subject said, for a failed check."""
        parts = [each.account() for each in self.running[-self.accounts:]]
        return "\n".join(parts + [f"command {outcome}" for outcome in self.outcomes[-self.accounts:]])
