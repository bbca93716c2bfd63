"""Starts a program as systemd does with stored sockets: activate.py NAME=DESCRIPTOR... -- PROGRAM [ARGUMENT]..."""

import fcntl
import os
import sys

end = sys.argv.index("--")
pairs = [word.rpartition("=")[::2] for word in sys.argv[1:end]]
high = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 100) for _, number in pairs]
for index, number in enumerate(high):
    os.dup2(number, 3 + index)
os.closerange(3 + len(high), 1000)
os.environ.update({
    "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(high)), "LISTEN_FDNAMES": ":".join(name for name, _ in pairs),
})
os.execv(sys.argv[end + 1], sys.argv[end + 1:])
