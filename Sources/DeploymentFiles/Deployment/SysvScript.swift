import DaemonCore

/// An init script with the verbs and exit codes of the Linux Standard Base, chapter 22.
extension Deployment {
    var sysvScript: String {
        let settings = joinedLines(scriptSettings.map { "\($0.variable)=\($0.value)" })
        return #"""
            #!/bin/sh
            ### BEGIN INIT INFO
            # Provides:          \#(name)
            # Required-Start:    $remote_fs $syslog $network
            # Required-Stop:     $remote_fs $syslog $network
            # Default-Start:     2 3 4 5
            # Default-Stop:      0 1 6
            # Short-Description: \#(summary)
            ### END INIT INFO

            # Init script of \#(name), as `\#(name) --print-service sysv` prints it. To adapt it to another daemon
            # change NAME, and Provides above. Settings for this machine go to /etc/default/NAME.

            \#(scriptProgram)\#(settings)
            PATH=/usr/sbin:/usr/bin:/sbin:/bin
            export PATH

            if [ -r "/etc/default/$NAME" ]; then
                # Root does what it says: so nobody else may have written it.
                if [ -n "$(find -H "/etc/default/$NAME" -prune \( ! -user 0 -o -perm -020 -o -perm -002 \))" ]; then
                    echo "/etc/default/$NAME can be changed by others than root, and is not read: chown root, chmod go-w" >&2
                    [ "$1" = stop ] || exit 6
                else
                    # shellcheck source=/dev/null
                    . "/etc/default/$NAME"
                fi
            fi

            if [ -r /lib/lsb/init-functions ]; then
                # shellcheck source=/dev/null
                . /lib/lsb/init-functions
            else
                log_success_msg() { echo "$*"; }
                log_failure_msg() { echo "$*" >&2; }
            fi

            \#(scriptFunctions)
            is_running() { control --status >/dev/null 2>&1; }

            # Says how the last command ended, and passes its exit code on.
            outcome() {
                code=$?
                if [ "$code" -eq 0 ]; then
                    log_success_msg "$1: done"
                else
                    log_failure_msg "$1: failed"
                fi
                return "$code"
            }

            # LSB: 6, the program is not configured. At a boot /run is empty, and a socket may lie in a directory there.
            check() {
                make_directories && call_daemon --check && return
                log_failure_msg "$NAME cannot run with these options"
                return 6
            }

            # Only in directories of its own can the daemon, no longer root, remove its pid file and reopen its log.
            make_directory() {
                [ -d "$2" ] && return
                mkdir -m "$1" "$2" || return
                chown -h "${DAEMON_USER:-root}:$DAEMON_GROUP" "$2" && return
                rmdir "$2"
                return 1
            }

            make_directories() {
                make_directory 0755 "${PIDFILE%/*}" || return
                case $LOGFILE in
                /*) make_directory 0750 "${LOGFILE%/*}" ;;
                esac
            }

            start() {
                if is_running; then
                    log_success_msg "$NAME is already running"
                    return 0
                fi
                check || return
                call_daemon
                outcome "Starting $NAME"
            }

            stop() {
                control --stop
                outcome "Stopping $NAME"
            }

            # A mistake in the options is found while the old daemon still serves.
            restart() {
                check || return
                stop || return
                start
            }

            try_restart() {
                if is_running; then
                    restart
                else
                    log_success_msg "$NAME is not running, and is not started"
                fi
            }

            reload() {
                check || return
                control --reload
                outcome "Reloading $NAME"
            }

            rotate() {
                control --reopen-logs
                outcome "Reopening the log of $NAME"
            }

            usage() {
                echo "Usage: $0 {start|stop|restart|try-restart|reload|force-reload|status|rotate}" >&2
                exit 2
            }

            [ $# -eq 1 ] || usage
            case $1 in
            start | stop | restart | try-restart | reload | force-reload | rotate) ;;
            status)
                [ -x "$DAEMON" ] || exit 4
                control --status
                exit
                ;;
            *) usage ;;
            esac

            if [ "$(id -u)" -ne 0 ]; then
                log_failure_msg "$1 of $NAME: only root may"
                exit 4
            fi
            if [ ! -x "$DAEMON" ]; then
                # What was removed without its configuration is stopped already.
                [ "$1" != stop ] || exit 0
                log_failure_msg "$DAEMON is not installed"
                exit 5
            fi

            case $1 in
            try-restart) try_restart ;;
            force-reload) reload ;;
            *) "$1" ;;
            esac

            """#
    }
}
