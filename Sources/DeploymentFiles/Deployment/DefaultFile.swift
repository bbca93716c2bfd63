import DaemonCore
import Text

/// What an administrator sets for one machine.
extension Deployment {
    var defaultFile: String {
        let options = givenLauncherOptions.map(Quoting.shell).joined(separator: " ")
        return joinedLines([
            "# Settings of \(name), as `\(name) --print-service default` prints them: read by its init script and its",
            "# systemd unit from /etc/default/\(name), by OpenRC from /etc/conf.d/\(name).",
            "",
            "# More options, after the script's or the unit's: the last one wins. `\(name) --help` lists them.",
            "DAEMON_OPTS=\(Quoting.doubleQuoted(options))",
            "",
            "# The account and the files, for the init scripts only: systemd's stand in the unit.",
            setting("DAEMON_USER", user, isGiven: user != name),
            setting("DAEMON_GROUP", group ?? user, isGiven: group != nil),
            setting("PIDFILE", pidFile, isGiven: givenPidFile != nil),
            setting("LOGFILE", logFile, isGiven: givenLogFile != nil),
        ])
    }

    private func setting(_ variable: String, _ value: String, isGiven: Bool) -> String {
        (isGiven ? "" : "#") + "\(variable)=\(Quoting.shell(value))"
    }
}
