import DaemonCore
import Text

/// logrotate(8) and newsyslog.conf(5)
extension Deployment {
    private var ownGroup: String { group ?? user }

    var logrotateFile: String {
        guard keepsLogFile else { return "# \(name) keeps no log file of its own.\n" }
        let account = user == "root" ? [] : ["--user=\(user)"]
        let running = (["--pid-file=\(pidFile)"] + account).map(Quoting.shell).joined(separator: " ")
        // As root, logrotate would trust a directory that somebody else may change.
        let isOwnFolder = split(path: logFile).directory == logFolder && user != "root"
        return joinedLines([
            "# logrotate file of \(name), as `\(name) --print-service logrotate` prints it.",
            "\(logFile.contains(where: \.isWhitespace) ? "\"\(logFile)\"" : logFile) {",
            "    weekly",
            "    rotate 8",
            "    missingok",
            "    notifempty",
            "    compress",
            "    # The daemon may still write to the old file for a moment.",
            "    delaycompress",
            "    sharedscripts",
            isOwnFolder ? "    su \(user) \(ownGroup)" : nil,
            "    create 0600 \(user) \(ownGroup)",
            "    postrotate",
            "        if \(program) --status \(running) >/dev/null 2>&1; then",
            "            \(program) --reopen-logs \(running) >/dev/null",
            "        fi",
            "    endscript",
            "}",
        ])
    }

    /// For macOS and the BSDs. The new file belongs to the daemon's user, who could not make it.
    var newsyslogFile: String {
        guard Self.isFile(darwinLogFile), keepsLogFile else { return "# \(name) keeps no log file of its own.\n" }
        return joinedLines([
            "# newsyslog file of \(name), as `\(name) --print-service newsyslog` prints it.",
            "# logfile  owner:group  mode  count  size  when  flags  pid_file  signal",
            "\(darwinLogFile)  \(user):\(ownGroup)  600  8  *  $W0D0  J  \(darwinPidFile)  1",
        ])
    }
}
