"""Builds what is measured, in Benchmarks/.build-bench."""
import os
import re
import subprocess
import sys
from pathlib import Path

from report import skip

BENCHMARKS = Path(__file__).resolve().parent.parent
PACKAGE = BENCHMARKS.parent
SCRATCH = BENCHMARKS / ".build-bench"
RELEASE = ["-c", "release", "--static-swift-stdlib"]
STATIC_EXECUTABLE = ["-Xswiftc", "-static-executable"]


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


def builds(product, named_flags):
    """Pairs of name and executable; what cannot be built is skipped with its reason."""
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


def shown(path):
    """A path that says nothing about this machine."""
    path = Path(path).resolve()
    return str(path.relative_to(PACKAGE)) if path.is_relative_to(PACKAGE) else path.name
