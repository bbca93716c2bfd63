import DaemonKit
import Text
import Unix

/// The values of the options. A wrong number is a wrong option, a wrong text is wrong use, as with the original.
extension SettingsParser {
    mutating func set(_ option: SettingsOption, _ value: String) {
        switch option {
        case .port: addPort(value)
        case .path: addPath(value)
        case .logFile: settings.log = logTarget(value)
        case .pidFile: settings.pidFile = text(option, value)
        case .statusFile: settings.statusFile = text(option, value)
        case .dir: settings.dir = text(option, value)
        case .envdir: settings.envdir = text(option, value)
        case .controlSocket: settings.controlSocket = controlAddress(value)
        case .user: settings.user = text(option, value)
        case .group: settings.group = text(option, value)
        case .logGroup: settings.logGroup = text(option, value)
        case .logMode: settings.logMode = standard(option, value, StandardOption.logMode) ?? nil
        case .syslogFacility: settings.syslogFacility = standard(option, value, StandardOption.syslogFacility)
        case .syslogTag: settings.syslogTag = standard(option, value, StandardOption.syslogTag) ?? nil
        // kill(2): 0 only asks whether there is somebody.
        case .signal: settings.signal = value == "0" ? Signal(rawValue: 0) : signal(option, value)
        case .signalOnHup: settings.signalOnHup = signal(option, value)
        case .signalOnTerm: settings.signalOnTerm = signal(option, value)
        case .interval: settings.interval = seconds(option, value) ?? .zero
        case .autoRestartInterval: settings.autoRestartInterval = seconds(option, value)
        case .killOldDelay: settings.killOldDelay = seconds(option, value)
        case .startTimeout: settings.startTimeout = moreThanZero(option, value, "leaves no time to start")
        case .watchdog: settings.watchdog = moreThanZero(option, value, "leaves no time between two beats")
        case .stopTimeout: settings.stopTimeout = seconds(option, value)
        case .backlog: settings.backlog = backlog(value)
        case .maxOldGenerations: settings.maxOldGenerations = oldGenerations(value)
        case .readiness: settings.readiness = readiness(value)
        case .backoff: settings.backoff = backoff(value)
        default: break  // The switches have no value.
        }
    }

    private mutating func refuse(_ kind: Mistake, _ option: SettingsOption, _ value: String, _ reason: String) {
        add(kind, "option '--\(option.rawValue)': '\(value)' \(reason)")
    }

    // MARK: Texts

    private mutating func text(_ option: SettingsOption, _ value: String) -> String? {
        if value.isEmpty { refuse(.wrongUse, option, value, "is empty") }
        // A file would get another name. A worker's directory is passed on as the bytes that it is.
        if option != .dir, value.systemBytes != Array(value.utf8) { refuse(.wrongUse, option, value, "is not UTF-8") }
        return value.isEmpty ? nil : value
    }

    /// As daemons read the same option.
    private mutating func standard<Value>(
        _ option: SettingsOption, _ value: String, _ same: Option<Value>
    ) -> Value? {
        do throws(OptionMistake) {
            return try same.definition.parse(value) as? Value
        } catch {
            refuse(.wrongUse, option, value, error.reason)
            return nil
        }
    }

    private mutating func addPort(_ value: String) {
        do {
            settings.ports.append(try PortSpec(parsing: value))
        } catch {
            refuse(.wrongUse, .port, value, error.reason)
        }
    }

    private mutating func addPath(_ value: String) {
        if value.utf8.contains(UInt8(ascii: ";")) {
            refuse(.wrongUse, .path, value, "has a ';', which separates the sockets in SERVER_STARTER_PORT")
        } else if let path = text(.path, value) {
            do {
                settings.paths.append(try SocketPath.parse(path))
            } catch {
                refuse(.wrongUse, .path, value, error.reason(in: value))
            }
        }
    }

    private mutating func controlAddress(_ value: String) -> ControlAddress? {
        guard let text = text(.controlSocket, value) else { return nil }
        do throws(OptionMistake) {
            return try ControlAddress(parsing: text)
        } catch {
            refuse(.wrongUse, .controlSocket, value, error.reason)
            return nil
        }
    }

    private mutating func logTarget(_ value: String) -> Settings.LogChoice? {
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        let word = value.utf8.drop(while: isBlank)
        guard word.first == UInt8(ascii: "|") else { return text(.logFile, value).map { .file($0) } }
        let command = Substring(word.dropFirst().drop(while: isBlank))
        if command.isEmpty { refuse(.wrongUse, .logFile, value, "names no command") }
        return .command(String(command))
    }

    private mutating func signal(_ option: SettingsOption, _ value: String) -> Signal {
        if let signal = Signal(parsing: value) { return signal }
        refuse(.wrongUse, option, value, "is not a signal")
        return .terminate
    }

    // MARK: Numbers and choices

    private mutating func seconds(_ option: SettingsOption, _ value: String) -> Duration? {
        let duration = DurationText.parseSeconds(value)
        if duration == nil { refuse(.wrongOption, option, value, "is not a number of seconds (0 to 1000000000)") }
        return duration
    }

    private mutating func moreThanZero(_ option: SettingsOption, _ value: String, _ reason: String) -> Duration? {
        let duration = seconds(option, value)
        if duration == .zero { refuse(.wrongOption, option, value, reason) }
        return duration
    }

    /// 0 and less are the longest queue, and so is more than the system allows.
    private mutating func backlog(_ value: String) -> Int32? {
        guard Self.isWhole(value) else {
            refuse(.wrongOption, .backlog, value, "is not a whole number")
            return nil
        }
        let isNegative = value.utf8.first == UInt8(ascii: "-")
        let number = isNegative ? 0 : Int(value) ?? .max  // bounded: clamped or compared at once
        return number == 0 ? nil : Int32(clamping: number)
    }

    private mutating func oldGenerations(_ value: String) -> Int? {
        let number = Self.isWhole(value) ? Int(value) : nil  // bounded: clamped or compared at once
        if let number, (1...1_000_000).contains(number) { return number }
        refuse(.wrongOption, .maxOldGenerations, value, "is not a number of generations (1 to 1000000)")
        return nil
    }

    private mutating func readiness(_ value: String) -> Settings.Readiness {
        if let readiness = Settings.Readiness(rawValue: value) { return readiness }
        refuse(.wrongOption, .readiness, value, "is neither 'interval' nor 'notify'")
        return .interval
    }

    private mutating func backoff(_ value: String) -> Settings.Backoff? {
        let parts = value.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        let times = parts.compactMap { DurationText.parseSeconds(String(Substring($0))) }
        guard parts.count == 2, times.count == 2, times[0] > .zero, times[0] <= times[1] else {
            refuse(.wrongOption, .backoff, value, "is not BASE,MAX (seconds, BASE more than 0, MAX not less than BASE)")
            return nil
        }
        return .init(base: times[0], maximum: times[1])
    }

    /// ASCII digits, with or without a sign.
    private static func isWhole(_ text: String) -> Bool {
        let hasSign = text.utf8.first == UInt8(ascii: "+") || text.utf8.first == UInt8(ascii: "-")
        let digits = text.utf8.dropFirst(hasSign ? 1 : 0)
        return !digits.isEmpty && digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}
