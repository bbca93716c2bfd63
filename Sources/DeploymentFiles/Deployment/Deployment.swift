import DaemonCore
import Text
import Unix

/// How a daemon is installed: what all deployment files have in common.
struct Deployment {
    let daemon: Daemon
    let values: OptionValues
    let installed: InstalledProgram
    /// For a unit of which there are many instances: `%i` is the instance's name, in options too.
    let isTemplate: Bool

    init(_ daemon: Daemon, _ values: OptionValues, program: InstalledProgram? = nil, isTemplate: Bool = false) {
        self.daemon = daemon
        self.values = values
        self.isTemplate = isTemplate
        installed = program ?? InstalledProgram(named: daemon.name)
    }

    var name: String { daemon.name }
    /// On this machine.
    var program: String { installed.path }
    /// In an image of its own.
    var containerProgram: String { "/usr/sbin/\(name)" }

    /// One line, without the full stop.
    var summary: String {
        let words = daemon.summary.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let sentence = words.hasSuffix(".") ? String(words.dropLast()) : words
        return sentence.isEmpty ? "\(name) daemon" : sentence
    }

    // MARK: Account

    /// The account: the one asked for, the daemon's, or a system user named as the daemon.
    var user: String { values[StandardOption.user] ?? daemon.user ?? name }
    /// nil for the user's own group.
    var group: String? { values[StandardOption.group] ?? daemon.group }

    // MARK: Files

    /// Directories of the daemon's own, because only in these can it remove and make files when it is no longer root.
    var runDirectory: String { "/run/\(name)" }
    var logDirectory: String { "/var/log/\(name)" }

    /// Where the options put it; nil for the usual place.
    var givenPidFile: String? { values[StandardOption.pidFile] }
    /// Where the options put it; nil for the usual place. `-` for standard error only.
    var givenLogFile: String? { values[StandardOption.logFile] }

    var pidFile: String { givenPidFile ?? "\(runDirectory)/\(isTemplate ? "%i/" : "")\(name).pid" }
    var logFile: String { givenLogFile ?? "\(logDirectory)/\(isTemplate ? "%i" : name).log" }
    var keepsLogFile: Bool { Self.isFile(logFile) && values[StandardOption.syslog] != "only" }

    static func isFile(_ logFile: String) -> Bool {
        logFile != "-" && StandardOption.logCommand(logFile) == nil
    }

    /// Where the daemon makes files.
    var directories: [String] {
        var files = [pidFile]
        if keepsLogFile { files.append(logFile) }
        if let socketFile { files.append(socketFile) }
        if let controlSocket { files.append(controlSocket) }
        var seen: Set<String> = []
        return files.map { split(path: $0).directory }.filter { seen.insert($0).inserted }
    }

    /// Of the master of `--workers`.
    var controlSocket: String? {
        values[StandardOption.controlSocket].flatMap { try? ControlAddress(parsing: $0) }?.path
    }

    // MARK: Times

    var startTimeout: Duration { values[StandardOption.startTimeout] }
    /// What a manager allows before it kills: a little more than the daemon allows itself, in whole seconds.
    var stopTimeout: Int64 { daemon.gracePeriod.wholeSeconds.addingSaturated(5) }

    // MARK: Network

    var port: UInt16? { values[StandardOption.port] ?? daemon.port }
    var bindAddresses: [BindAddress] { values[StandardOption.bind] }
    var bindAddress: BindAddress? { bindAddresses.first }
    /// Of the first Unix socket that has one.
    var socketFile: String? { bindAddresses.lazy.compactMap(\.file).first }

    /// Whether only root, or who has CAP_NET_BIND_SERVICE, may bind. ip(7)
    var needsPrivilegedPort: Bool {
        guard !daemon.listens.isEmpty else { return false }
        if bindAddresses.isEmpty { return (1..<1024).contains(port ?? 0) }
        return bindAddresses.contains { address in
            guard address.path == nil else { return false }
            return (1..<1024).contains((address.namesPort ? address.address.port : nil) ?? port ?? 0)
        }
    }

    var changesRoot: Bool { values[StandardOption.chroot] != nil }

    // MARK: Command line

    /// The options given that go to the daemon as they are, whoever starts it. Its files and its account come by ways
    /// that differ from one manager to the next.
    var givenOptions: [String] {
        var words = [StandardOption.debug, StandardOption.noUserChecks, StandardOption.coreDumps].compactMap { option in
            values[option] ? "--\(option.definition.name)" : nil
        }
        words += [word(StandardOption.port) { $0.map { String($0) } }].compactMap(\.self)
        words += bindAddresses.map { "--bind=\($0.located)" }
        words += [
            word(StandardOption.syslog) { $0 },
            word(StandardOption.syslogFacility) { $0 },
            word(StandardOption.syslogTag) { $0 },
            word(StandardOption.logFormat) { $0 },
            word(StandardOption.logMode) { $0.map { "0" + String($0, radix: 8) } },
            word(StandardOption.logGroup) { $0 },
            word(StandardOption.chroot) { $0 },
            word(StandardOption.umask) { $0.map { "0" + String($0, radix: 8) } },
            word(StandardOption.chdir) { $0 },
            word(StandardOption.workers) { "\($0)" },
            word(StandardOption.controlSocket) { $0 },
        ].compactMap(\.self)
        return words + ownOptions
    }

    /// The author's, as they were written.
    private var ownOptions: [String] {
        let standard = Set((StandardOption.all + StandardOption.always).map(\.name))
        return values.words.filter { !standard.contains($0.name) }.map { name, text in
            "--\(name)" + (text.map { "=\($0)" } ?? "")
        } + (values.operands.isEmpty ? [] : ["--"]) + values.operands
    }

    /// For a daemon that goes to the background by itself.
    var givenLauncherOptions: [String] {
        givenOptions + [word(StandardOption.startTimeout) { DurationText.text($0) }].compactMap(\.self)
    }

    private func word<Value>(_ option: Option<Value>, _ text: (Value) -> String?) -> String? {
        guard values.isGiven(option), let text = text(values[option]) else { return nil }
        return "--\(option.definition.name)=\(text)"
    }
}

extension Duration {
    /// Rounded up.
    var wholeSeconds: Int64 {
        let nanoseconds = inNanoseconds
        return (nanoseconds / 1_000_000_000).addingSaturated(nanoseconds % 1_000_000_000 > 0 ? 1 : 0)
    }
}

/// The lines that are there, each with its end.
func joinedLines(_ lines: [String?]) -> String {
    lines.compactMap(\.self).map { $0 + "\n" }.joined()
}
