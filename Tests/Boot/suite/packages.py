"""Versions of the package: this build's, one whose programs have changed, and one whose masterd is broken."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import time
from typing import Callable, NamedTuple

from .report import Report
from .tools import require, run

OLD, BROKEN, NEW = "0.0.1", "0.0.2", "0.0.3"


class Packages(NamedTuple):
    old: str
    broken: str
    new: str


def build(repository: str, release: str, work: str, report: Report) -> Packages:
    began = time.monotonic()
    script = [os.path.join(repository, "etc/debian/build"), "--from", release, "--version", OLD, "--fast", "--to"]
    old, again = (run([*script, f"{work}/{directory}"], limit=180).stdout.split()[-1] for directory in ("deb", "again"))
    require(digest(old) == digest(again), "two builds of the package differ")
    report.ok("etc/debian/build, twice the same", f"{os.path.getsize(old) >> 20} MiB", time.monotonic() - began)
    began = time.monotonic()
    packages = Packages(old, changed(old, work, BROKEN, break_masterd),
                        changed(old, work, NEW, change_programs))
    report.ok("packages of other versions", f"{BROKEN} with a broken masterd, {NEW}", time.monotonic() - began)
    return packages


def digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def changed(old: str, work: str, version: str, change: Callable[[str], None]) -> str:
    directory = os.path.join(work, f"tree-{version}")
    run(["dpkg-deb", "--raw-extract", old, directory])
    change(directory)
    control = os.path.join(directory, "DEBIAN/control")
    with open(control, encoding="utf-8") as file:
        text = file.read()
    with open(control, "w", encoding="utf-8") as file:
        file.write(text.replace(f"Version: {OLD}\n", f"Version: {version}\n"))
    os.unlink(os.path.join(directory, "DEBIAN/md5sums"))
    new = os.path.join(work, f"daemonkit-{version}.deb")
    run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", directory, new], limit=120)
    shutil.rmtree(directory)
    return new


def change_programs(directory: str) -> None:
    """The same programs with a few bytes more at their end are other executables to whoever runs them."""
    for program in glob.glob(f"{directory}/usr/sbin/*") + glob.glob(f"{directory}/usr/bin/*"):
        with open(program, "ab") as file:
            file.write(b"\nanother version\n")


def break_masterd(directory: str) -> None:
    with open(f"{directory}/usr/sbin/masterd", "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nexit 1\n")


def install(repository: str, release: str, work: str, report: Report) -> None:
    """etc/install by itself, into a directory: what it puts there it takes away, but no setting that was changed."""
    began = time.monotonic()
    root = os.path.join(work, "installed")
    script = [os.path.join(repository, "etc/install"), "--destdir", root]
    run([*script, "--from", release])
    files = listing(root)
    run([*script, "--from", release])
    require(listing(root) == files, "a second installation makes other files")
    setting = os.path.join(root, "etc/default/masterd")
    with open(setting, "a", encoding="utf-8") as file:
        file.write("# mine\n")
    said = run([*script, "--from", release]).stdout
    require("kept: " in said and os.path.exists(setting + ".new"), f"a changed setting was not kept: {said}")
    run([*script, "--uninstall"])
    require(listing(root) == {"etc/default/masterd"}, f"left: {listing(root)}")
    name = "etc/install, again, with a changed setting, --uninstall"
    report.ok(name, f"{len(files)} files", time.monotonic() - began)


def listing(root: str) -> set:
    return {os.path.relpath(os.path.join(directory, name), root)
            for directory, _, names in os.walk(root) for name in names}
