import DaemonCore
import Text

/// launchd.plist(5)
extension Deployment {
    /// macOS keeps /usr/sbin for itself.
    var darwinProgram: String {
        #if os(macOS)
        return program == InstalledProgram(named: name).path ? "/usr/local/sbin/\(name)" : program
        #else
        return "/usr/local/sbin/\(name)"
        #endif
    }
    /// Not in a directory of the daemon's own: /var/run is emptied at each boot, and launchd makes no directories.
    var darwinPidFile: String { givenPidFile ?? "/var/run/\(name).pid" }
    var darwinLogFile: String { givenLogFile ?? "/var/log/\(name).log" }

    /// Started as root, so that the daemon can bind and make its files; it gives root up itself.
    var launchdPropertyList: String {
        let words =
            [darwinProgram, "--foreground", "--pid-file=\(darwinPidFile)", "--log-file=\(darwinLogFile)"]
            + ["--user=\(user)"] + (group.map { ["--group=\($0)"] } ?? []) + givenOptions
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
            <!-- launchd job of \(name), printed by its option print-service. -->
            <plist version="1.0">
            <dict>
                <key>Label</key>
                <string>local.\(name)</string>
                <key>ProgramArguments</key>
                <array>
            \(joinedLines(words.map { "        <string>\(Quoting.xml($0))</string>" }))\
                </array>
                <key>RunAtLoad</key>
                <true/>
                <key>KeepAlive</key>
                <dict>
                    <key>SuccessfulExit</key>
                    <false/>
                </dict>
                <key>ExitTimeOut</key>
                <integer>\(stopTimeout)</integer>
                <key>Umask</key>
                <integer>63</integer>
                <key>WorkingDirectory</key>
                <string>/</string>
            </dict>
            </plist>

            """
    }
}
