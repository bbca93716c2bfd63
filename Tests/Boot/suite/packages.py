"""Versions of the package: this build's, one whose programs have changed, and one whose masterd is broken."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
from typing import Callable, List, NamedTuple

from harness.checks import expect
from harness.commands import must
from harness.suites import REPOSITORY
from .report import Report

OLD, BROKEN, NEW = "0.0.1", "0.0.2", "0.0.3"


class Packages(NamedTuple):
    old: str
    broken: str
    new: str


def build(release: str, work: str, report: Report) -> Packages:
    script = [os.path.join(REPOSITORY, "etc/debian/build"), "--from", release, "--version", OLD, "--fast", "--to"]
    made: List[str] = []

    def twice_the_same() -> str:
        made.extend(must(*script, f"{work}/{name}", seconds=180).split()[-1] for name in ("deb", "again"))
        expect(digest(made[0]) == digest(made[1]), "two builds of the package differ")
        return f"{os.path.getsize(made[0]) >> 20} MiB"

    def other_versions() -> str:
        made.extend([changed(made[0], work, BROKEN, break_masterd), changed(made[0], work, NEW, change_programs)])
        return f"{BROKEN} with a broken masterd, {NEW}"
    are_made = report.step("packages", "etc/debian/build, twice the same", twice_the_same) \
        and report.step("packages", "other versions", other_versions)
    expect(are_made, "there is nothing to install")
    return Packages(made[0], *made[2:])


def digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def changed(old: str, work: str, version: str, change: Callable[[str], None]) -> str:
    directory = os.path.join(work, f"tree-{version}")
    must("dpkg-deb", "--raw-extract", old, directory)
    change(directory)
    control = os.path.join(directory, "DEBIAN/control")
    with open(control, encoding="utf-8") as file:
        text = file.read()
    with open(control, "w", encoding="utf-8") as file:
        file.write(text.replace(f"Version: {OLD}\n", f"Version: {version}\n"))
    os.unlink(os.path.join(directory, "DEBIAN/md5sums"))
    new = os.path.join(work, f"daemonkit-{version}.deb")
    must("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", directory, new, seconds=120)
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


def install(release: str, work: str) -> str:
    """etc/install by itself, into a directory: what it puts there it takes away, but no setting that was changed."""
    root = os.path.join(work, "installed")
    script = [os.path.join(REPOSITORY, "etc/install"), "--destdir", root]
    must(*script, "--from", release)
    files = listing(root)
    must(*script, "--from", release)
    expect(listing(root) == files, "a second installation makes other files")
    setting = os.path.join(root, "etc/default/masterd")
    with open(setting, "a", encoding="utf-8") as file:
        file.write("# mine\n")
    said = must(*script, "--from", release)
    expect("kept: " in said and os.path.exists(setting + ".new"), f"a changed setting was not kept: {said}")
    must(*script, "--uninstall")
    expect(listing(root) == {"etc/default/masterd"}, f"left: {listing(root)}")
    return f"{len(files)} files"


def listing(root: str) -> set:
    return {os.path.relpath(os.path.join(directory, name), root)
            for directory, _, names in os.walk(root) for name in names}
