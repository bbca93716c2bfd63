"""The usual Python daemon: python-daemon's DaemonContext with its PIDLockFile.

    peer.py SOCKET PIDFILE LOGFILE

Its launcher exits at the first fork, so whoever wants to know whether it runs has to wait for the pid file. The socket
is bound before the context is opened: a complete pid file then means ready.
"""
import signal
import socket
import sys
import time
from os import getpid, unlink

from daemon import DaemonContext
from daemon.pidfile import PIDLockFile

socket_path, pid_path, log_path = sys.argv[1:]


def log_line(level, message):
    stamp = time.strftime("%Y-%m-%d %H:%M:%S %Z")
    print(f"{stamp}: peer.py pid={getpid()} {level} {message}", file=sys.stderr, flush=True)


listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(socket_path)
listener.listen()
log = open(log_path, "a")
context = DaemonContext(
    pidfile=PIDLockFile(pid_path), files_preserve=[listener], stdout=log, stderr=log, umask=0o077,
    # The default action for SIGTERM: raise SystemExit in the main thread.
    signal_map={signal.SIGTERM: "terminate", signal.SIGPIPE: None},
)
with context:
    log_line("NOTICE", "daemon startup")
    try:
        while True:
            listener.accept()[0].close()
    finally:
        unlink(socket_path)
        log_line("NOTICE", "daemon shutdown")
