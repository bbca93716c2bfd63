"""Builds and names what is measured."""
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from report import skip

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent.parent
SCRATCH = HERE / ".build-bench"
MEASURE = SCRATCH / "measure"
LIMIT = 1024
C = "C, static"
RELEASE = ["-c", "release", "--static-swift-stdlib"]
NO_PIE = ["-Xlinker", "-no-pie"]
STATIC_EXECUTABLE = ["-Xswiftc", "-static-executable"]
# A folder that offers the linker nothing but libstdc++.a; Swift names -lstdc++ itself, so -static-libstdc++ is no help.
STATIC_CXX = ["-Xswiftc", f"-L{SCRATCH}/static-c++", "-Xswiftc", "-Xclang-linker", "-Xswiftc", "-static-libgcc"]
# What is measured, and what --variants tries; each is added to RELEASE.
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


def quiet(*command, **options):
    """Runs a build step; its output is shown only when it fails."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, text=True, **options)
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        errors = re.findall(r"\berror: .*", done.stdout) or ["see its output"]
        raise RuntimeError(f"{Path(command[0]).name} {command[1]} failed, {errors[0][:200]}".replace(f"{PACKAGE}/", ""))
    return done.stdout


def build_swift(product, flags):
    """A release build of its own for each list of flags; raises RuntimeError."""
    name = re.sub(r"[^\w]+", "-", " ".join(flags).replace(str(SCRATCH), "").replace("-X", "")).strip("-")
    scratch = SCRATCH / f"swift-{name}".rstrip("-")
    print(f"building {product} in {scratch.name}", file=sys.stderr)
    command = ["swift", "build", "--package-path", PACKAGE, "--scratch-path", scratch, *RELEASE, *flags]
    quiet(*command, "--product", product)
    return Path(quiet(*command, "--show-bin-path").splitlines()[-1]) / product


def static_cxx_folder():
    folder = SCRATCH / "static-c++"
    folder.mkdir(exist_ok=True)
    archive = folder / "libstdc++.a"
    archive.unlink(missing_ok=True)
    archive.symlink_to(Path(quiet("cc", "-print-file-name=libstdc++.a").strip()).resolve())


def builds(product, named_flags):
    """Pairs of name and executable; what cannot be built is skipped with its reason."""
    static_cxx_folder()
    for name, flags in named_flags.items():
        try:
            yield name, build_swift(product, flags)
        except (RuntimeError, OSError) as error:
            skip(name, str(error))


def executables(product, given, named_flags):
    """The executable given, else fresh release builds."""
    if not given:
        return list(builds(product, named_flags))
    if os.access(given, os.X_OK) and Path(given).is_file():
        return [(product, Path(given).resolve())]
    skip(product, "the path given is no executable")
    return []


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
