"""A worker that means ill with its master's channel: hostile.py MODE."""

import os
import sys
import time

channel = int(os.environ["DAEMONKIT_WORKER"].split()[1])
mode = sys.argv[1]


def write(data: bytes) -> None:
    while data:
        data = data[os.write(channel, data):]


if mode == "flood":
    while True:
        write(b"A 99999 0\n" * 1000)
wanted = b""
while True:
    wanted += os.read(channel, 65536)
    while b"\n" in wanted:
        head, _, rest = wanted.partition(b"\n")
        number, length = int(head.split()[1]), int(head.split()[3])
        if len(rest) < length:
            break
        wanted = rest[length:]
        if mode == "half":
            # As much as it may announce, and not the end of it.
            write(b"A %d %d\n" % (number, 4 << 20))
            write(b"x" * (3 << 20))
        elif mode == "long":
            write(b"A %d %d\n" % (number, 1 << 60))
        elif mode == "silent":
            time.sleep(1000)
