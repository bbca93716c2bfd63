import DaemonCore
import Text

/// What daemonctl(1) must know of a daemon.
extension Deployment {
    var daemonctlFile: String {
        let files = ["--pid-file=\(pidFile)", "--log-file=\(logFile)"]
        let account = ["--user=\(user)"] + (group.map { ["--group=\($0)"] } ?? [])
        let words = [program] + files + account + givenLauncherOptions
        return joinedLines([
            "# daemonctl file of \(name), as `\(name) --print-service daemonctl` prints it: /etc/daemonkit/\(name).conf",
            "command \(words.map(Quoting.configuration).joined(separator: " "))",
            "# A restart or reload first asks the command, with --check behind it.",
            "check yes",
            "pid-file \(Quoting.configuration(pidFile))",
            keepsLogFile ? "log-file \(Quoting.configuration(logFile))" : nil,
            controlSocket.map { "control-socket \(Quoting.configuration($0))" },
            "# Whose the directories of these files are, where a start has to make them.",
            "user \(Quoting.configuration(user))",
            group.map { "group \(Quoting.configuration($0))" },
            "# Where systemd knows this unit, it is asked to start and stop.",
            "unit \(Quoting.configuration("\(name).service"))",
            "stop-timeout \(stopTimeout)s",
        ])
    }
}
