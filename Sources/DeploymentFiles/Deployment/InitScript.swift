import DaemonCore
import Text

/// What the scripts of System V's init and of OpenRC share.
extension Deployment {
    /// NAME is the one word that another daemon's script changes.
    var scriptProgram: String {
        let (directory, file) = split(path: program)
        let path = file == name ? "\(Quoting.shell(directory == "/" ? "" : directory))/$NAME" : Quoting.shell(program)
        return "NAME=\(name)\nDAEMON=\(path)\n"
    }

    /// What /etc/default or conf.d may say otherwise.
    var scriptSettings: [(variable: String, value: String)] {
        [
            ("DAEMON_USER", user == name ? "$NAME" : Quoting.shell(user)),
            ("DAEMON_GROUP", group.map(Quoting.shell) ?? ""),
            ("PIDFILE", givenPidFile.map(Quoting.shell) ?? "/run/$NAME/$NAME.pid"),
            ("LOGFILE", givenLogFile.map(Quoting.shell) ?? "/var/log/$NAME/$NAME.log"),
            ("DAEMON_OPTS", ""),
        ]
    }

    /// The daemon knows best whether it runs: by the lock of its pid file, not by a pid or a name.
    var scriptFunctions: String {
        let given = ([""] + givenLauncherOptions.map(Quoting.shell)).joined(separator: " ")
        return #"""
            # The daemon with its options: DAEMON_OPTS wins over the script's own, and PIDFILE over both.
            call_daemon() {
                set -- "$@" "--log-file=$LOGFILE"\#(given)
                [ -z "$DAEMON_USER" ] || set -- "$@" "--user=$DAEMON_USER"
                [ -z "$DAEMON_GROUP" ] || set -- "$@" "--group=$DAEMON_GROUP"
                eval "set -- \"\$@\" $DAEMON_OPTS"
                "$DAEMON" "$@" "--pid-file=$PIDFILE"
            }

            # Acts on the running daemon, however wrong its options are by now.
            control() { "$DAEMON" "$1" "--pid-file=$PIDFILE" ${DAEMON_USER:+"--user=$DAEMON_USER"}; }

            """#
    }
}
