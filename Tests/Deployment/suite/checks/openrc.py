"""The OpenRC script, run by a stand-in for openrc-run."""

from __future__ import annotations

import os

from harness.checks import expect_equal, expect_in, read
from harness.processes import wait_for
from ..case import Case, listed
from ..staging import LOG, PID_FILE, Staging

# Sources conf.d and the script, then calls the verb's functions in openrc-run's order.
STAND_IN = """#!/bin/sh
ebegin() { echo " * $1 ..."; }
eend() { return "$1"; }
checkpath() {
    if [ "$4" != --owner ]; then
        install --directory --mode="$3" "$4"
        return
    fi
    group=${5#*:}
    install --directory --mode="$3" --owner="${5%:*}" --group="${group:-${5%:*}}" "$6"
}
use() { :; }
after() { :; }
eerror() { echo "$*" >&2; }
RC_SVCNAME=${1##*/}
[ ! -r "/etc/conf.d/$RC_SVCNAME" ] || . "/etc/conf.d/$RC_SVCNAME"
. "$1"
depend
RC_CMD=$2
case $2 in
start) start_pre && start ;;
stop) stop_pre && stop ;;
restart) stop_pre && stop && start_pre && start ;;
*) "$2" ;;
esac
"""


def whole_life(case: Case) -> None:
    with Staging(case) as stage:
        stage.install()
        stage.write("/sbin/openrc-run", STAND_IN)
        os.chmod(stage.path("/sbin/openrc-run"), 0o755)
        stage.copy(case.etc("openrc/echod"), "/etc/init.d/echod", 0o755)
        stage.copy(case.etc("default/echod"), "/etc/conf.d/echod")
        expect_equal("status", stage.service("status").code, 3)
        result = stage.service("start")
        expect_equal(f"start ({result.output})", result.code, 0)
        expect_equal("bytes back", stage.echo("over tcp"), "over tcp")
        expect_equal("status", stage.service("status").code, 0)
        old = stage.pid()
        for word in ("reload", "rotate"):
            expect_equal(word, stage.service(word).code, 0)
            wait_for("the log was reopened", lambda: "Reopening log files" in read(stage.path(LOG)))
        expect_equal("the daemon", stage.pid(), old)
        expect_equal("restart", stage.service("restart").code, 0)
        assert stage.pid() != old
        stage.write("/etc/conf.d/echod", 'DAEMON_OPTS="--port=70000"\n')
        result = stage.service("restart")
        assert result.code != 0 and stage.is_alive(stage.pid()), "a wrong option ended the running daemon"
        expect_in("--port", result.output)
        stage.copy(case.etc("default/echod"), "/etc/conf.d/echod")
        expect_equal("stop", stage.service("stop").code, 0)
        assert not os.path.exists(stage.path(PID_FILE))


CHECKS = [listed("OpenRC script, by a stand-in for openrc-run: every verb", whole_life)]
