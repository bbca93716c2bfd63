"""Builds and names what is measured."""
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from build import SCRATCH, STATIC_EXECUTABLE, quiet
from report import skip

HERE = Path(__file__).resolve().parent
MEASURE = SCRATCH / "measure"
LIMIT = 1024
C = "C, static"
NO_PIE = ["-Xlinker", "-no-pie"]
# A folder that offers the linker nothing but libstdc++.a; Swift names -lstdc++ itself, so -static-libstdc++ is no help.
STATIC_CXX = ["-Xswiftc", f"-L{SCRATCH}/static-c++", "-Xswiftc", "-Xclang-linker", "-Xswiftc", "-static-libgcc"]
# What is measured, and what --variants tries; each is added to build.py's RELEASE.
BUILDS = {"echod": [], "echod, static executable": STATIC_EXECUTABLE}
VARIANTS = {
    "--static-swift-stdlib": [],
    "gc-sections": ["-Xlinker", "--gc-sections"],
    "stripped": ["-Xlinker", "-s"],
    "-Osize": ["-Xswiftc", "-Osize"],
    "-no-pie": NO_PIE,
    "libstdc++.a": STATIC_CXX,
    "libstdc++.a, -no-pie": STATIC_CXX + NO_PIE,
    "-static-executable": STATIC_EXECUTABLE,
}


@dataclass
class Subject:
    name: str
    command: list
    every: int = 1           # takes part in every n-th round
    limit: int = LIMIT       # RLIMIT_NOFILE, both; 0: as it is
    folder: Path = None


def static_cxx_folder():
    folder = SCRATCH / "static-c++"
    folder.mkdir(exist_ok=True)
    archive = folder / "libstdc++.a"
    archive.unlink(missing_ok=True)
    archive.symlink_to(Path(quiet("cc", "-print-file-name=libstdc++.a").strip()).resolve())


def echod_subject(name, path):
    return Subject(name, [path, "-b", "unix:{folder}/sock", "--pid-file", "{folder}/pid", "--log-file", "{folder}/log"])


def peers(slow_every):
    own = ["-b", "{folder}/sock", "-p", "{folder}/pid", "-l", "{folder}/log"]
    positional = ["{folder}/sock", "{folder}/pid", "{folder}/log"]
    quiet("cc", "-O2", "-static", "-o", MEASURE, HERE / "measure.c")
    for output, flags in (("peer-static", ["-static"]), ("peer-dynamic", [])):
        quiet("cc", "-O2", *flags, "-o", SCRATCH / output, HERE / "peer.c")
    yield Subject(C, [SCRATCH / "peer-static", *own])
    yield Subject("C, dynamic", [SCRATCH / "peer-dynamic", *own])
    try:
        quiet("/usr/bin/perl", "-MProc::Daemon", "-e", "1")
        yield Subject("Perl, Proc::Daemon", ["/usr/bin/perl", HERE / "peer.pl", *positional], slow_every)
    except (RuntimeError, OSError):
        skip("Perl", "Proc::Daemon is missing (Debian: libproc-daemon-perl)")
    try:
        yield Subject("Python, python-daemon", [python_with_daemon(), HERE / "peer.py", *positional], slow_every)
    except (RuntimeError, OSError) as error:
        skip("Python", f"no virtual environment with python-daemon: {error}")


def python_with_daemon():
    """The distribution's Python where there is one, as Perl is the distribution's too."""
    venv = SCRATCH / "venv"
    python = venv / "bin" / "python"
    if not python.exists() or subprocess.run([python, "-c", "import daemon"], stderr=subprocess.DEVNULL).returncode:
        base = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable
        quiet(base, "-m", "venv", venv)
        quiet(python, "-m", "pip", "install", "--quiet", "python-daemon")
    return python
