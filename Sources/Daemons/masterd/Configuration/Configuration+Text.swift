import DaemonKit
import Supervision
import Text
import Unix

/// The configuration as a file, in one way only: what is not the default, with the variables put in.
extension Configuration {
    var text: String {
        let sections =
            [["global"] + global.lines] + listeners.map { ["listen \(word($0.name))"] + $0.binds.map(\.line) }
            + services.map { ["\($0.kind.rawValue) \(word($0.name))"] + $0.lines }
        return sections.map { $0.joined(separator: "\n    ") + "\n" }.joined()
    }
}

extension GlobalSettings {
    fileprivate var lines: [String] {
        let usual = GlobalSettings()
        var lines = environment.map(\.line)
        for socket in controlSockets {
            let path = word(OptionedAddress(socket.path).description)
            var line = "control-socket \(path) mode \(octal(socket.mode)) level \(socket.level)"
            if let user = socket.user { line += " user \(word(user))" }
            if let group = socket.group { line += " group \(word(group))" }
            lines.append(line)
        }
        if maxOldGenerations != usual.maxOldGenerations { lines.append("max-old-generations \(maxOldGenerations)") }
        if let time = hardStopAfter { lines.append("hard-stop-after \(DurationText.text(time))") }
        if startTimeout != usual.startTimeout { lines.append("start-timeout \(DurationText.text(startTimeout))") }
        if noExitOnFailure { lines.append("no-exit-on-failure") }
        return lines
    }
}

extension EnvironmentChange {
    fileprivate var line: String {
        switch self {
        case .set(let variable): "setenv \(variable.words)"
        case .preset(let variable): "presetenv \(variable.words)"
        case .unset(let names): "unsetenv \(words(names))"
        case .reset(let names): names.isEmpty ? "resetenv" : "resetenv \(words(names))"
        }
    }
}

extension Variable {
    fileprivate var words: String { "\(word(name)) \(word(value))" }
}

extension Bind {
    fileprivate var line: String {
        "bind \(word(OptionedAddress(address.text).description))"
            + options.words.map { " \($0.word)" + ($0.value.isEmpty ? "" : " \(word($0.value))") }.joined()
    }
}

extension ServiceSection {
    fileprivate var lines: [String] {
        let usual = ServiceSection(kind, name)
        var lines = ["command \(words(command))"]
        func add<Value: Equatable>(_ keyword: String, _ field: KeyPath<ServiceSection, Value>, _ text: String) {
            if self[keyPath: field] != usual[keyPath: field] { lines.append("\(keyword) \(text)") }
        }
        add("instances", \.instances, "\(instances)")
        add("listen", \.listen, words(listen.map(\.name)))
        add("type", \.type, type.rawValue)
        add("readiness", \.readiness, readiness.words)
        add("restart", \.restart, restart.words)
        add("success-status", \.successStatus, statuses(successStatus))
        add("final-status", \.finalStatus, statuses(finalStatus))
        add("start-timeout", \.startTimeout, startTimeout.map(DurationText.text) ?? "")
        add("stop-signal", \.stopSignal, stopSignal.shortName)
        add("stop-timeout", \.stopTimeout, stopTimeout.words)
        add("on-reload", \.onReload, onReload.words)
        add("user", \.user, word(user ?? ""))
        add("group", \.group, word(group ?? ""))
        add("chdir", \.directory, word(directory ?? ""))
        add("umask", \.umask, octal(umask ?? 0))
        add("channel", \.hasChannel, hasChannel ? "yes" : "no")
        for limit in resources.limits { lines.append("limit \(limit.words)") }
        add("nice", \.resources.niceness, "\(resources.niceness ?? 0)")
        add("oom-score-adjust", \.resources.oomScore, "\(resources.oomScore ?? 0)")
        if resources.controlGroup == [] { lines.append("cgroup") }
        for setting in resources.controlGroup ?? [] { lines.append("cgroup \(setting.words)") }
        for file in environmentFiles { lines.append("env-file \(word(file.name))") }
        for variable in environment { lines.append("setenv \(variable.words)") }
        add("after", \.after, words(after.map(\.name)))
        add("requires", \.requires, words(requires.map(\.name)))
        add("critical", \.isCritical, isCritical ? "yes" : "no")
        add("log", \.log, log.words)
        add("on-master-death", \.onMasterDeath, onMasterDeath.rawValue)
        add("notify-access", \.notifyAccess, notifyAccess?.rawValue ?? "")
        add("watchdog", \.watchdog, watchdog.map(DurationText.text) ?? "")
        return lines
    }
}

extension ServiceSection.Log {
    fileprivate var words: String {
        switch self {
        case .prefix: "prefix"
        case .inherit: "inherit"
        case .file(let path): "file \(word(path))"
        case .command(let text): "command \(word(text))"
        }
    }
}

extension StopTimeout {
    fileprivate var words: String {
        switch self {
        case .usual, .none: "none"
        case .after(let time): DurationText.text(time)
        }
    }
}

extension Readiness {
    fileprivate var words: String {
        switch self {
        case .notified: "notify"
        case .alive(let time): "after \(DurationText.text(time))"
        // A one-shot's is that of its type, which is written instead.
        case .none, .completed: "none"
        }
    }
}

extension OnReload {
    fileprivate var words: String {
        switch self {
        case .replace: "replace"
        case .keep: "keep"
        case .signal(let number): "signal \(Signal(rawValue: number).shortName)"
        case .restart: "restart"
        }
    }
}

extension Restart {
    fileprivate var words: String {
        guard when != .never else { return "never" }
        var words = when == .always ? "always" : "on-failure"
        words += " backoff \(DurationText.text(backoff.base)) \(DurationText.text(backoff.maximum))"
        if backoff.jitter != 0 { words += " jitter \(backoff.jitter)" }
        if let limit { words += " limit \(limit.count)/\(DurationText.text(limit.window))" }
        return words
    }
}

// MARK: Words

private func octal(_ mode: FileMode) -> String { String(mode, radix: 8) }

private func statuses(_ codes: Set<Int32>) -> String { codes.sorted().map { "\($0)" }.joined(separator: " ") }

private func words(_ words: [String]) -> String { words.map(word).joined(separator: " ") }

/// As WordReader reads it: bare where no byte is special, else in double quotes.
func word(_ text: String) -> String {
    let isBare = { (byte: UInt8) in byte > 0x20 && byte != 0x7F && !"#\"'\\".utf8.contains(byte) }
    if !text.isEmpty && text.utf8.allSatisfy(isBare) { return text }
    let escaped = text.unicodeScalars.map { scalar in
        switch scalar {
        case "\"", "\\", "$": "\\\(scalar)"
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        case "\u{01}"..."\u{0F}": "\\x0" + String(scalar.value, radix: 16)
        case "\u{10}"..."\u{1F}", "\u{7F}": "\\x" + String(scalar.value, radix: 16)
        default: String(scalar)
        }
    }
    return "\"\(escaped.joined())\""
}
