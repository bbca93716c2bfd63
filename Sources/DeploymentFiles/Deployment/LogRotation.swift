import DaemonCore
import Text

/// logrotate(8) and newsyslog.conf(5)
extension Deployment {
    private var ownGroup: String { group ?? user }

    var logrotateFile: String {
        guard keepsLogFile else { return "# \(name) keeps no log file of its own.\n" }
        let account = user == "root" ? [] : ["--user=\(user)"]
        let running = ((isTemplate ? [] : ["--pid-file=\(pidFile)"]) + account).map(Quoting.shell).joined(
            separator: " ")
        let program = Quoting.shell(program)
        // As root, logrotate would trust a directory that somebody else may change.
        let log = anyInstance(logFile) { $0 }
        let isOwnDirectory = split(path: logFile).directory == logDirectory && user != "root"
        return joinedLines(
            [
                "# logrotate file of \(name), as `\(name) --print-service \(isTemplate ? "logrotate@" : "logrotate")` prints it.",
                isTemplate ? "# For it and its instances, instead of the file of `--print-service logrotate`." : nil,
                "\(log.contains(where: \.isWhitespace) ? "\"\(log)\"" : log) {",
                "    weekly",
                "    rotate 8",
                "    missingok",
                "    notifempty",
                "    compress",
                "    # The daemon may still write to the old file for a moment.",
                "    delaycompress",
                "    sharedscripts",
                isOwnDirectory ? "    su \(user) \(ownGroup)" : nil,
                "    create 0600 \(user) \(ownGroup)",
                "    postrotate",
            ]
                + (isTemplate
                    ? reopenAll(program, running)
                    : [
                        "        if \(program) --status \(running) >/dev/null 2>&1; then",
                        "            \(program) --reopen-logs \(running) >/dev/null",
                        "        fi",
                    ]) + [
                    "    endscript",
                    "}",
                ])
    }

    /// Each instance has a pid file of its own.
    private func reopenAll(_ program: String, _ running: String) -> [String?] {
        // The pattern of the usual logs takes in the one of the daemon that is no instance.
        let own = givenPidFile == nil && givenLogFile == nil ? "\(Quoting.shell("\(runDirectory)/\(name).pid")) " : ""
        return [
            "        for pid_file in \(own)\(anyInstance(pidFile, Quoting.shell)); do",
            "            if \(program) --status \(running) --pid-file=\"$pid_file\" >/dev/null 2>&1; then",
            "                \(program) --reopen-logs \(running) --pid-file=\"$pid_file\" >/dev/null",
            "            fi",
            "        done",
        ]
    }

    /// A pattern for a template's path.
    private func anyInstance(_ path: String, _ quoted: (String) -> String) -> String {
        guard isTemplate else { return path }
        return path.split(separator: "%i", omittingEmptySubsequences: false).map { quoted(String($0)) }.joined(
            separator: "*")
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
