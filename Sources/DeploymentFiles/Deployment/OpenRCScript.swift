import DaemonCore
import Text

/// openrc-run(8)
extension Deployment {
    var openrcScript: String {
        let settings = joinedLines(
            scriptSettings.map { variable, value in
                let file = variable == "PIDFILE" ? runFile : variable == "LOGFILE" ? openrcLog : value
                return "\(variable)=${\(variable)-\(file)}"
            })
        return #"""
            #!/sbin/openrc-run
            # OpenRC script of \#(name), as `\#(name) --print-service openrc` prints it. To adapt it to another
            # daemon change NAME. Settings for this machine go to /etc/conf.d/NAME: the file for /etc/default will do.
            # A link NAME.INSTANCE to this script is a service of its own, with settings in /etc/conf.d/NAME.INSTANCE.
            # shellcheck shell=sh disable=SC2034 # openrc-run reads these variables.

            \#(scriptProgram)INSTANCE=
            case $RC_SVCNAME in
            "$NAME".*) INSTANCE=${RC_SVCNAME#"$NAME".} ;;
            esac
            \#(settings)
            name=$NAME${INSTANCE:+.$INSTANCE}
            description=\#(Quoting.shell(summary))
            extra_commands="check"
            extra_started_commands="reload rotate"
            description_check="Check options and configuration"
            description_reload="Reload the configuration and reopen the log"
            description_rotate="Reopen the log"

            depend() {
                use net logger
                after firewall
            }

            \#(scriptFunctions)
            check() { call_daemon --check; }

            # Only in directories of its own can the daemon, no longer root, remove its pid file and reopen its log.
            # Before the check: at a boot /run is empty, and a socket may lie in such a directory.
            start_pre() {
                make_directory 0755 "${PIDFILE%/*}" || return
                case $LOGFILE in
                /*) make_directory 0750 "${LOGFILE%/*}" || return ;;
                esac
                check
            }

            make_directory() {
                [ -d "${2%/*}" ] || checkpath --directory --mode 0755 "${2%/*}" || return
                [ -d "$2" ] || checkpath --directory --mode "$1" --owner "${DAEMON_USER:-root}:$DAEMON_GROUP" "$2"
            }

            start() {
                ebegin "Starting $name"
                call_daemon
                eend $?
            }

            stop_pre() {
                # A restart finds a mistake in the options while the old daemon still serves.
                [ "$RC_CMD" != restart ] || check
            }

            stop() {
                ebegin "Stopping $name"
                control --stop
                eend $?
            }

            status() { control --status; }

            reload() {
                check || return
                ebegin "Reloading $name"
                control --reload
                eend $?
            }

            rotate() {
                ebegin "Reopening the log of $name"
                control --reopen-logs
                eend $?
            }

            """#
    }

    /// Of an instance in a directory of its own, as in systemd's template.
    private var runFile: String {
        givenPidFile.map(Quoting.shell) ?? "/run/$NAME${INSTANCE:+/$INSTANCE}/$NAME.pid"
    }
    private var openrcLog: String { givenLogFile.map(Quoting.shell) ?? "/var/log/$NAME/${INSTANCE:-$NAME}.log" }
}
