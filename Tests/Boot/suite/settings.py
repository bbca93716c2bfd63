"""What the test's administrator writes: a worker and two programs under masterd, and their helpers."""

ECHOD, MASTERD, START_SERVER = "/usr/sbin/echod", "/usr/sbin/masterd", "/usr/bin/start_server"
ECHOD_PORT, MASTERD_PORT, START_SERVER_PORT = 7, 7007, 7008
INSTANCE_PORTS = {"web": 7009, "mail": 7010}

MASTERD_CFG = f"""\
global
    control-socket /run/masterd/control
    control-socket /run/masterd.sock
listen echo
    bind 127.0.0.1:{MASTERD_PORT}
worker echo
    command {ECHOD} --foreground --log-file -
    listen echo
    instances 2
    user nobody
    readiness notify
    restart on-failure backoff 100ms 1s
program prefixed
    command /usr/local/bin/lines prefixed
    critical no
    on-reload keep
program filed
    command /usr/local/bin/lines filed
    critical no
    on-reload keep
    log file /var/log/masterd/filed.log
"""

# Writes numbered lines while /run/lines.on is there. The count is written when the lines are, and the last one when
# that file is gone.
LINES = """\
#!/bin/sh
n=0
while sleep 0.1; do
    [ -e /run/lines.on ] || continue
    rm -f "/run/lines.$1.last"
    while [ -e /run/lines.on ]; do
        for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
            n=$((n + 1))
            echo "$1 line $n end"
        done
        echo "$n" >"/run/lines.$1"
        sleep 0.01
    done
    echo "$n" >"/run/lines.$1.last"
done
"""

START_SERVER_CONF = f"""\
START_SERVER_OPTS="--port=127.0.0.1:{START_SERVER_PORT} --user=echod --group=echod --readiness=notify"
PROGRAM="{ECHOD} --foreground --log-file=-"
"""

# A program that takes its time to become one: what a reload must wait for.
SLOW = """\
#!/bin/sh
sleep 4
exec "$@"
"""
SLOW_SECONDS = 4
SLOW_MASTERD_CFG = MASTERD_CFG.replace(f"command {ECHOD}", f"command /usr/local/bin/slow {ECHOD}")
SLOW_START_SERVER_CONF = START_SERVER_CONF.replace(f'PROGRAM="{ECHOD}', f'PROGRAM="/usr/local/bin/slow {ECHOD}')

WORKERS = 'DAEMON_OPTS="--workers=2"\n'
PLAIN = 'DAEMON_OPTS=""\n'
