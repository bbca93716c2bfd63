/// The options by name. Those of Server::Starter come first: an abbreviation that is clear among them stays so, however
/// many we add.
enum SettingsOption: String, CaseIterable {
    case port, path, interval, dir, backlog, envdir, daemonize, restart, stop, help, version
    case logFile = "log-file"
    case pidFile = "pid-file"
    case statusFile = "status-file"
    case signalOnHup = "signal-on-hup"
    case signalOnTerm = "signal-on-term"
    case enableAutoRestart = "enable-auto-restart"
    case autoRestartInterval = "auto-restart-interval"
    case killOldDelay = "kill-old-delay"

    case readiness, backoff, watchdog, upgrade, user, group, reuseport, syslog
    /// Not `signal`, which with the original is short for two others.
    case signal = "send-signal"
    case startTimeout = "start-timeout"
    case stopTimeout = "stop-timeout"
    case maxOldGenerations = "max-old-generations"
    case controlSocket = "control-socket"
    case syslogFacility = "syslog-facility"
    case syslogTag = "syslog-tag"
    case logMode = "log-mode"
    case logGroup = "log-group"

    static let originals = allCases.prefix { $0 != .readiness }

    /// It takes no value.
    var isSwitch: Bool {
        switch self {
        case .enableAutoRestart, .daemonize, .restart, .stop, .help, .version, .upgrade, .reuseport, .syslog: true
        default: false
        }
    }

    enum Match: Equatable {
        case one(SettingsOption)
        case several([SettingsOption])
        case none
    }

    /// The option of this name in any case, or the only one that begins so.
    static func find(_ name: String) -> Match {
        // lowercased() would take U+212A for a k.
        guard !name.isEmpty, name.utf8.allSatisfy({ $0 < 0x80 }) else { return .none }
        let name = name.lowercased()
        if let exact = SettingsOption(rawValue: name) { return .one(exact) }
        let candidates = allCases.filter { $0.rawValue.hasPrefix(name) }
        let originals = candidates.filter { Self.originals.contains($0) }
        if candidates.isEmpty { return .none }
        if originals.count == 1 { return .one(originals[0]) }
        return candidates.count == 1 ? .one(candidates[0]) : .several(candidates)
    }
}
