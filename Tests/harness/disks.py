"""Disks in memory, small or not to be written to, in mounts of this process's own, which end with it."""

import ctypes
import os

from .checks import Unavailable

CLONE_NEWNS = 0x00020000
MS_RDONLY, MS_REC, MS_PRIVATE = 1, 0x4000, 0x40000
MNT_DETACH = 2

libc = ctypes.CDLL(None, use_errno=True)


def mount(directory: str, options: str, read_only: bool = False) -> None:
    """Mounts a tmpfs there, for this process and those that come of it. Raises Unavailable."""
    try:
        _succeed(libc.unshare(CLONE_NEWNS), "unshare")
        _succeed(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount /")
        _succeed(libc.mount(b"tmpfs", os.fsencode(directory), b"tmpfs", MS_RDONLY if read_only else 0,
                            options.encode()), f"mount {directory}")
    except OSError as error:
        raise Unavailable(f"needs root to mount a disk ({error})") from error


def unmount(directory: str) -> None:
    _succeed(libc.umount2(os.fsencode(directory), MNT_DETACH), f"umount {directory}")


def _succeed(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
