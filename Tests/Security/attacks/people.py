"""The two accounts from which is attacked, made for the run and removed at its end."""

import os
import pwd
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    name: str

    @property
    def uid(self) -> int:
        return pwd.getpwnam(self.name).pw_uid

    @property
    def gid(self) -> int:
        return pwd.getpwnam(self.name).pw_gid


# Names of at most 32 characters that no other run has.
SERVICE = Person(f"dksec-svc-{os.getpid()}")
"""The account of the service that is supervised: what an attacker has who has taken the service."""
STRANGER = Person(f"dksec-any-{os.getpid()}")
"""Some other account of the machine."""


class Accounts:
    def __enter__(self) -> "Accounts":
        try:
            for person in (SERVICE, STRANGER):
                subprocess.run(["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/bin/sh",
                                person.name], check=True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        for person in (SERVICE, STRANGER):
            # Fails where the account was never made, and then there is nothing to remove.
            subprocess.run(["userdel", person.name], stderr=subprocess.DEVNULL, check=False)
