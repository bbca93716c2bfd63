"""The image and the manifest: kubernetes-validate takes the one, and the other's command runs as process 1 of nobody."""

from __future__ import annotations

import json
import os
import re
from typing import List

from harness.checks import expect_equal, expect_in, needs, read
from harness.commands import run
from harness.processes import wait_for
from ..case import Case, listed
from ..printed import FILES, service_file
from ..staging import Staging

USER = "65532"
VARIANTS = {
    "plain": [],
    "port": ["--port=8080", "--workers=2", "--control-socket=/run/echod/control"],
    "socket": ["--bind=/run/echod/socket/s"],
    "loopback": ["--bind=127.0.0.1:8080"],
    "account": ["--user=1000", "--group=100", "--chroot=/srv"],
    "awkward": ["--chdir=/srv/a b'c$(d)%e\"f\\g", "--pid-file=/run/other directory/pid", "--port=8080"],
}


def kubernetes_validate_is_content(case: Case) -> str:
    validate = needs("kubernetes-validate")
    paths = [case.write(f"{name}.yaml", service_file(case.echod, "kubernetes", *options))
             for name, options in VARIANTS.items()]
    for path in [case.etc(FILES["kubernetes"]), *paths]:
        result = run(validate, "--strict", path)
        expect_equal(f"{os.path.basename(path)}: {result.output}", result.code, 0)
        expect_in("deployment/echod", result.output)
    return result.output.strip().splitlines()[-1].split(" ", 2)[-1]


def command(manifest: str) -> List[str]:
    """The container's command, as Kubernetes hands it over."""
    lines = manifest.split("\n          command:\n", 1)[1].splitlines()
    words = []
    for line in lines:
        if not line.startswith("            - "):
            break
        words.append(json.loads(line.strip()[2:]).replace("$$", "$"))
    return words


def entrypoint(text: str, instruction: str = "ENTRYPOINT") -> List[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"{instruction} "))
    return json.loads(line[line.index("["):])


def both_call_the_daemon_alike(case: Case) -> None:
    for name, options in VARIANTS.items():
        manifest = service_file(case.echod, "kubernetes", *options)
        image = service_file(case.echod, "containerfile", *options)
        expect_equal(f"command of {name}", command(manifest), entrypoint(image))
        words = entrypoint(image)
        expect_equal("head", words[:2], ["/usr/sbin/echod", "--foreground"])
        expected = [word for word in options if not re.match("--(user|group|chroot|pid-file)=", word)]
        expect_equal(f"options of {name}", sorted(words[4:]), sorted(expected))
        # What it makes is in a directory that it may write to.
        for word in words:
            path = re.fullmatch("--(?:pid-file|control-socket|bind)=(/.*)", word)
            if path:
                expect_in(f'mountPath: {json.dumps(os.path.dirname(path[1]))}\n', manifest)
        if words[-1].startswith("--chdir"):
            continue
        result = run(case.echod, "--check", *words[1:])
        expect_equal(f"--check of {name}", (result.code, result.output), (0, ""))


def manifest_follows_the_options(case: Case) -> None:
    port = service_file(case.echod, "kubernetes", *VARIANTS["port"])
    for part in ("kind: Service\n", "port: 8080\n", "tcpSocket:\n", "sleep:\n", "readOnlyRootFilesystem: true\n",
                 "runAsNonRoot: true\n", "terminationGracePeriodSeconds: 40\n"):
        expect_in(part, port)
    assert "sysctls" not in port, "8080 needs no privilege"
    for name in ("socket", "loopback"):
        text = service_file(case.echod, "kubernetes", *VARIANTS[name])
        for part in ('- "--status"\n', "terminationGracePeriodSeconds: 35\n", "# No Service: "):
            expect_in(part, text)
        assert "kind: Service\n" not in text and "preStop" not in text, text
    for part in ("runAsUser: 1000\n", "runAsGroup: 100\n", "# --chroot is left out"):
        expect_in(part, service_file(case.echod, "kubernetes", *VARIANTS["account"]))


def image_holds_nothing_else(case: Case) -> None:
    text = read(case.etc(FILES["containerfile"]))
    stages = [line for line in text.splitlines() if line.startswith("FROM ")]
    expect_equal("last stage", stages[-1], "FROM scratch")
    last = text.split("FROM scratch\n")[1]
    assert not re.search("^(RUN|SHELL|ADD)", last, re.M), last
    for part in ("-static-executable", "\nUSER 65532:65532\n", "\nEXPOSE 7/tcp 7/udp\n"):
        expect_in(part, text)
    for word in (entrypoint(text), entrypoint(text, "HEALTHCHECK")):
        expect_equal("program", word[0], "/usr/sbin/echod")


def runs_as_process_1(case: Case) -> None:
    """As the engine does it: the image's command as process 1, nobody's account, a read-only root, a /run of its own."""
    needs("setpriv")
    manifest = read(case.etc(FILES["kubernetes"]))
    with Staging(case) as stage:
        stage.copy(case.echod, "/usr/sbin/echod", 0o755)
        stage.must("install", "-d", "-o", USER, "-g", USER, "/run/echod")
        expect_in("net.ipv4.ip_unprivileged_port_start\n            value: \"0\"", manifest)
        inner = ("mount -t proc none /proc; echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start; "
                 "mount -o remount,ro,bind / 2>/dev/null || true; "
                 f'exec setpriv --reuid={USER} --regid={USER} --clear-groups --no-new-privs --bounding-set=-all "$@"')
        process = case.start(*stage.command("unshare", "--pid", "--mount", "--fork", "sh", "-c", inner, "sh",
                                            *command(manifest)))
        status = entrypoint(read(case.etc(FILES["containerfile"])), "HEALTHCHECK")
        pid = "/run/echod/echod.pid"
        wait_for("it runs", lambda: process.poll() is not None or read(stage.path(pid)).strip())
        assert process.poll() is None, read(case.path("output"))
        wait_for("it serves", lambda: "daemon startup" in read(case.path("output")))
        expect_equal("echo", wait_for("an answer", lambda: stage.echo("hello")), "hello")
        first = first_of(process.pid)
        expect_equal("process 1", read(f"/proc/{first}/comm"), "echod\n")
        owner = re.search(r"^Uid:\s+(\d+)", read(f"/proc/{first}/status"), re.M)
        assert owner and owner[1] == USER, owner
        probe = run("nsenter", "--target", str(first), "--pid", "--mount", "--root", "--wd", "setpriv",
                    f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *status)
        expect_equal("health check", (probe.code, probe.output[:17]), (0, "echod is running "))
        os.kill(first, 15)
        expect_equal("exit code", process.wait(timeout=30), 0)
        expect_equal("pid file", os.path.exists(stage.path(pid)), False)
        expect_in("daemon shutdown", read(case.path("output")))


def first_of(outer: int) -> int:
    """Process 1 of the innermost namespace: nsenter forks, and so does unshare."""
    pid = outer
    while True:
        children = read(f"/proc/{pid}/task/{pid}/children").split()
        numbers = re.search(r"^NSpid:\s+(.*)$", read(f"/proc/{pid}/status"), re.M)
        if numbers and len(numbers[1].split()) > 2 and numbers[1].split()[-1] == "1":
            return pid
        assert children, f"no child of {pid}"
        pid = int(children[0])


CHECKS = [
    listed("kubernetes-validate takes the manifests", kubernetes_validate_is_content),
    listed("image and manifest call the daemon alike", both_call_the_daemon_alike),
    listed("the manifest follows the options", manifest_follows_the_options),
    listed("the image holds the executable and nothing else", image_holds_nothing_else),
    listed("the image's command serves as process 1 of nobody", runs_as_process_1),
]
