"""A service manager: it takes the messages that a master sends to NOTIFY_SOCKET, and keeps the descriptors."""

import array
import os
import socket
import time
from typing import Dict, List, Tuple

from harness.checks import expect
from harness.processes import eventually


class Message:
    def __init__(self, text: str, descriptors: List[int]) -> None:
        self.text = text
        self.lines = text.split("\n")
        self.fields: Dict[str, str] = dict(line.split("=", 1) for line in self.lines if "=" in line)
        self.descriptors = descriptors
        self.moment = time.monotonic()

    def __repr__(self) -> str:
        return repr(self.text)


class Manager:
    def __init__(self, path: str) -> None:
        self.path = path
        self.messages: List[Message] = []
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.setblocking(False)
        self._sock.bind(path)

    @property
    def environment(self) -> Dict[str, str]:
        return {"NOTIFY_SOCKET": self.path}

    def take(self) -> List[Message]:
        """All messages so far."""
        while True:
            try:
                data, rights, _, _ = self._sock.recvmsg(65536, socket.CMSG_SPACE(64 * 4))
            except BlockingIOError:
                return self.messages
            numbers = array.array("i")
            for level, kind, content in rights:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    numbers.frombytes(content[:len(content) - len(content) % numbers.itemsize])
            self.messages.append(Message(data.decode(errors="replace"), list(numbers)))

    def hears(self, *lines: str, since: int = 0, seconds: float = 10) -> Tuple[int, Message]:
        """Waits for a message with all of these lines; its number and it."""
        def find():
            for number, message in enumerate(self.take()):
                if number >= since and all(any(each.startswith(line) for each in message.lines) for line in lines):
                    return number, message
            return None
        found = eventually(find, seconds)
        expect(found, f"no message with {lines} among {self.messages[since:]}")
        return found

    def stored(self) -> Dict[str, List[int]]:
        """The descriptors that the master has stored and not removed, by name."""
        found: Dict[str, List[int]] = {}
        for message in self.take():
            name = message.fields.get("FDNAME", "stored")
            if message.fields.get("FDSTORE") == "1":
                found.setdefault(name, []).extend(message.descriptors)
            elif message.fields.get("FDSTOREREMOVE") == "1":
                found.pop(name, None)
        return found

    def close(self) -> None:
        self._sock.close()
        for message in self.messages:
            for number in message.descriptors:
                os.close(number)
