"""The worker of the load proof: one request per connection, answered with its generation and pid.

On TERM it accepts nothing more, has finished what it accepted, and ends. The queue of the listener is not its own: the
superdaemon holds the same socket, so whoever waits there is served by the next generation.
"""

import os
import select
import signal
import socket

ANSWER = f"HTTP/1.0 200 OK\r\n\r\n{os.environ['SERVER_STARTER_GENERATION']} {os.getpid()}\n".encode()


def main():
    wakeup, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    listener = socket.socket(fileno=int(os.environ["SERVER_STARTER_PORT"].rpartition("=")[2]))
    listener.setblocking(False)
    poll = select.poll()
    poll.register(wakeup, select.POLLIN)
    poll.register(listener, select.POLLIN)
    say_ready()
    while not any(number == wakeup for number, _ in poll.poll()):
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            continue
        answer(connection)


def answer(connection):
    with connection:
        connection.settimeout(10)
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            chunk = connection.recv(4096)
            if not chunk:
                return
            request += chunk
        connection.sendall(ANSWER)


def say_ready():
    target = os.environ.get("NOTIFY_SOCKET")
    if target:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.connect("\0" + target[1:] if target.startswith("@") else target)
            sock.send(b"READY=1")


main()
