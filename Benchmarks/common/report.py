"""Statistics, Markdown tables and the section of RESULTS.md."""
import datetime
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

skipped = []


def skip(what, why):
    skipped.append(f"{what}: {why}")
    print(f"skipped: {what}: {why}", file=sys.stderr)


def milliseconds(nanoseconds):
    return f"{nanoseconds / 1e6:.2f}"


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def summary(values):
    """min, median, p90, as text in milliseconds."""
    return [milliseconds(min(values)), milliseconds(statistics.median(values)), milliseconds(percentile(values, 0.9))]


def ratio(values, base, statistic=statistics.median):
    return f"{statistic(values) / statistic(base):.2f}" if base else "–"


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" + " ---: |" * (len(heads) - 1)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def first_line(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return done.stdout.splitlines()[0].strip()
    except (OSError, IndexError):
        return f"no {command[0]}"


def machine():
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB memory, {platform.system()} {platform.release()}, "
            f"load average at the start {os.getloadavg()[0]:.2f}; {first_line('cc', '--version')}; "
            f"{first_line('swift', '--version')}")


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")


def write_section(results, name, text):
    """Replaces this benchmark's section, or adds it; what other benchmarks wrote stays."""
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    section = f"{begin}\n{text.rstrip()}\n{end}\n"
    old = results.read_text() if results.exists() else "# Results\n"
    if begin in old and end in old:
        head, rest = old.split(begin, 1)
        new = head + section.rstrip("\n") + rest.split(end, 1)[1]
    else:
        new = old.rstrip("\n") + "\n\n" + section
    results.write_text(new)
