import Text
import Unix

/// What the envdir may change while the superdaemon runs, as of now: a file goes before the option, and the option
/// before the environment.
struct EffectiveSettings: Equatable, Sendable {
    let enableAutoRestart: Bool
    /// Never zero.
    let autoRestartInterval: Duration
    let killOldDelay: Duration
    /// Values that are no number, a line each.
    let mistakes: [String]

    /// The directory to read, by option or environment; the environment is that with which the superdaemon was started.
    static func envdir(_ settings: Settings, inherited: (String) -> String?) -> String? {
        let path = settings.envdir ?? inherited("ENVDIR")
        return path == "" ? nil : path
    }

    init(_ settings: Settings, envdir: EnvDir, inherited: (String) -> String?) {
        var mistakes: [String] = []
        func seconds(_ name: String, _ option: Duration?) -> Duration? {
            if envdir[name] == nil, let option { return option }
            guard let text = (envdir[name] ?? inherited(name)).map(Self.trimmed) else { return nil }
            // Set and empty is 0, unlike unset; so is what is no number, as with the original.
            if let duration = DurationText.parseSeconds(text.isEmpty ? "0" : text) { return duration }
            mistakes.append("\(name)='\(text)' is not a number of seconds: taken as 0")
            return .zero
        }
        let isOn =
            envdir["ENABLE_AUTO_RESTART"] ?? (settings.enableAutoRestart ? "1" : inherited("ENABLE_AUTO_RESTART")) ?? ""
        enableAutoRestart = isOn != "" && isOn != "0"
        let interval = seconds("AUTO_RESTART_INTERVAL", settings.autoRestartInterval) ?? .zero
        autoRestartInterval = interval == .zero ? .seconds(360) : interval
        killOldDelay = seconds("KILL_OLD_DELAY", settings.killOldDelay) ?? (enableAutoRestart ? .seconds(5) : .zero)
        self.mistakes = mistakes
    }

    /// As a file written by hand may need it.
    private static func trimmed(_ text: String) -> String {
        var bytes = Array(text.utf8)[...]
        while let last = bytes.last, last <= 0x20 { bytes.removeLast() }
        return String(decoding: bytes.drop { $0 <= 0x20 }, as: UTF8.self)
    }
}
