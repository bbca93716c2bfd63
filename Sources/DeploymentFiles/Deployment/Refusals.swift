import DaemonCore

/// What a deployment file cannot hold. Quoted or not it would mean something else to whoever reads the file, a directive
/// of its own at the worst: so the file is not printed at all.
extension ServiceFile {
    /// A line for each; the values themselves are not said, for they may steer a terminal.
    package func mistakes(_ daemon: Daemon, _ values: OptionValues, program: InstalledProgram? = nil) -> [String] {
        let controls = values.words.filter { $0.text.map(Self.hasControls) ?? false }.map { name, _ in
            "option '--\(name)': has a control character, which no deployment file can hold"
        }
        let deployment = Deployment(daemon, values, program: program, isTemplate: isTemplate)
        let names = [("user", deployment.user), ("group", deployment.group ?? "")].filter { !Self.isName($1) }
        let pidFile =
            values[StandardOption.pidFile] == StandardOption.noPidFile
            ? ["option '--pid-file': '\(rawValue)' needs a pid file"] : []
        let executable = canCall(deployment.program) ? [] : ["'\(rawValue)' cannot hold the path of the executable"]
        return controls + pidFile + executable
            + names.map { option, _ in "option '--\(option)': is no name that a deployment file can hold" }
            + refusedPaths(deployment).map { "'\(rawValue)' cannot hold the path of the \($0)" }
    }

    private func refusedPaths(_ deployment: Deployment) -> [String] {
        let files: [(name: String, path: String)] =
            [("pid file", deployment.pidFile), ("log file", deployment.logFile)]
            + [("socket", deployment.socketFile), ("control socket", deployment.controlSocket)].compactMap {
                name, path in path.map { (name, $0) }
            }
        let forbidden: String
        var refused = files
        switch self {
        // The directories stand in lists, where a colon names a link beside and a backslash is read twice.
        case .systemd, .systemdTemplate: forbidden = ":\\"
        // A setting that ends in a backslash goes on in the next line; no quotes are read.
        case .systemdSocket, .systemdSocketTemplate:
            forbidden = "\\"
            refused = files.filter { $0.name == "socket" }
        // Patterns, and the end of a quoted name.
        case .logrotate, .logrotateTemplate:
            forbidden = "\\\"*?[]{}"
            refused = files.filter { $0.name == "log file" && deployment.keepsLogFile }
        // Fields with blanks between, patterns, comments.
        case .newsyslog:
            forbidden = " \\\"'#*?[]{}"
            refused = files.filter { $0.name.hasSuffix("file") }
        case .systemdNotifyReload, .sysv, .openrc, .launchd, .daemonctl, .kubernetes, .containerfile, .defaults:
            return []
        }
        return refused.filter { _, path in path.contains(where: forbidden.contains) || path.hasSuffix(" ") }.map(\.name)
    }

    /// The first word of a unit's command is a path as it stands: systemd puts in specifiers, and no more.
    private func canCall(_ program: String) -> Bool {
        let isUnit = self == .systemd || self == .systemdTemplate
        return !Self.hasControls(program) && !(isUnit && program.contains(where: "\\\"'$".contains))
    }

    /// Control characters, ends of lines and paragraphs, what turns the direction of a text, and what no XML may have.
    private static func hasControls(_ text: String) -> Bool {
        text.unicodeScalars.contains { scalar in
            switch scalar.value {
            case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069, 0xFFFE, 0xFFFF: true
            default: false
            }
        }
    }

    /// As useradd(8) takes it, and numbers; what a directory service may add to it.
    private static func isName(_ text: String) -> Bool {
        text.first != "-"
            && text.allSatisfy { ($0.isASCII && ($0.isLetter || $0.isNumber)) || "-_.@+".contains($0) }
    }
}
