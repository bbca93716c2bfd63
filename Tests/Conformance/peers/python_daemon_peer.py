"""A daemon that does nothing, on PyPI's python-daemon with the library's own defaults: a peer of echod in the suite.

python_daemon_peer.py PIDFILE LOGFILE
"""

import signal
import sys

import daemon
from daemon.pidfile import TimeoutPIDLockFile


def main(pid_file, log_file):
    with open(log_file, "a", encoding="utf-8") as log:
        with daemon.DaemonContext(pidfile=TimeoutPIDLockFile(pid_file, 0), stdout=log, stderr=log):
            while True:
                signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
