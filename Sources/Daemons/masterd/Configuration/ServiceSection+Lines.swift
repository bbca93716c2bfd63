import DaemonKit
import MasterRuntime
import Supervision
import Text
import Unix

/// The lines of workers and programs.
extension ServiceSection {
    /// One line, which is read up to what nobody expects.
    mutating func read(_ keyword: ServiceKeyword, _ line: inout Line) throws(Complaint) {
        switch keyword {
        case .command: command = try line.command()
        case .instances: instances = try line.number(1...1000)
        case .listen: try line.references("the name of a listen section", to: &listen)
        case .after: try line.references("the name of a worker or program", to: &after)
        case .requires: try line.references("the name of a worker or program", to: &requires)
        case .readiness: readiness = try line.readiness()
        case .restart: restart = try line.restart()
        case .type: type = try line.choice(ServiceSection.ServiceType.self)
        case .successStatus: successStatus = try line.statuses()
        case .finalStatus: finalStatus = try line.statuses()
        case .startTimeout: startTimeout = try line.time()
        case .stopSignal: stopSignal = try line.signal()
        case .stopTimeout: stopTimeout = try line.stopTimeout()
        case .user: user = try line.value(nil, "a user name") { $0.isEmpty ? nil : $0 }
        case .group: group = try line.value(nil, "a group name") { $0.isEmpty ? nil : $0 }
        case .chdir, .directory: directory = try line.path()
        case .umask: umask = try line.mode()
        case .channel: hasChannel = try line.choice(YesNo.self) == .yes
        case .limit: resources.limits.append(try line.limit(besides: resources.limits))
        case .nice: resources.niceness = Int32(clamping: try line.number(-20...19))
        case .oomScoreAdjust: resources.oomScore = try line.number(-1000...1000)
        case .cgroup: resources.controlGroup = try line.controlGroup(besides: resources.controlGroup)
        case .envFile: environmentFiles.append(Reference(name: try line.path(), place: line.place))
        case .setenv: environment.append(try line.variable())
        case .critical: isCritical = try line.choice(YesNo.self) == .yes
        case .log: log = try line.log()
        case .notifyAccess: notifyAccess = try line.choice(NotifyAccess.self)
        case .watchdog: watchdog = try line.time()
        case .onMasterDeath: onMasterDeath = try line.choice(ServiceSection.OnMasterDeath.self)
        case .option: onReload = try line.startsOnReload() ? .replace : .keep
        case .reloadSignal: onReload = .signal(try line.signal().rawValue)
        case .onReload: onReload = try line.onReload()
        }
    }
}

extension Line {
    fileprivate mutating func command() throws(Complaint) -> [String] {
        let words = all()
        guard words.first?.isEmpty == false else {
            throw Complaint("'command' expects a command with optional arguments separated in words.")
        }
        return words
    }

    fileprivate mutating func references(_ what: String, to list: inout [Reference]) throws(Complaint) {
        list.append(Reference(name: try next(what), place: place))
        while let name = next() { list.append(Reference(name: name, place: place)) }
    }

    private enum ReadinessWord: String, CaseIterable { case notify, after, none }

    fileprivate mutating func readiness() throws(Complaint) -> Readiness {
        switch try choice(ReadinessWord.self) {
        case .notify: .notified
        case .after: .alive(try time("after"))
        case .none: .none
        }
    }

    fileprivate mutating func stopTimeout() throws(Complaint) -> StopTimeout {
        let expected = "a time with its unit (us, ms, s, m, h or d) or 'none'"
        return try value(nil, expected) { $0 == "none" ? StopTimeout.none : DurationText.parse($0).map { .after($0) } }
    }

    /// As a shell tells them: of a signal 128 and its number.
    fileprivate mutating func statuses() throws(Complaint) -> Set<Int32> {
        let expected = "exit codes from 0 to 255 and names of signals"
        let words = all()
        guard !words.isEmpty else { throw Complaint("'\(keyword)' expects \(expected).") }
        var statuses: Set<Int32> = []
        for word in words {
            guard let status = Self.status(word) else {
                throw Complaint("'\(keyword)' expects \(expected), not '\(word)'.")
            }
            guard statuses.insert(status).inserted else {
                throw Complaint("'\(keyword)' names '\(word)' twice.")
            }
        }
        return statuses
    }

    private static func status(_ word: String) -> Int32? {
        guard DecimalText.isDigits(word[...]) else { return Signal(parsing: word).map { 128 &+ $0.rawValue } }
        return DecimalText.parse(word, in: 0...255).flatMap { Int32(exactly: $0) }
    }

    fileprivate mutating func limit(besides limits: [ResourceLimit]) throws(Complaint) -> ResourceLimit {
        let resource = try choice(ResourceLimit.Resource.self)
        let expected = "SOFT[:HARD], each a number or 'infinity', the first no more than the second"
        let limit = try value("limit \(resource.rawValue)", expected) { ResourceLimit(resource, $0) }
        guard !limits.contains(where: { $0.resource == resource }) else {
            throw Complaint("'limit \(resource.rawValue)' already specified.")
        }
        return limit
    }

    /// Alone: a group without settings.
    fileprivate mutating func controlGroup(
        besides settings: [ControlGroup.Setting]?
    ) throws(Complaint) -> [ControlGroup.Setting] {
        var settings = settings ?? []
        guard let file = next() else { return settings }
        guard let setting = ControlGroup.Setting(file, all().joined(separator: " ")) else {
            throw Complaint(
                "'cgroup' expects a file of a control group and its value, such as 'memory.max 512M', not '\(file)'.")
        }
        guard !settings.contains(where: { $0.file == file }) else {
            throw Complaint("'cgroup \(file)' already specified.")
        }
        settings.append(setting)
        return settings
    }

    private enum LogWord: String, CaseIterable { case prefix, inherit, file, command }

    fileprivate mutating func log() throws(Complaint) -> ServiceSection.Log {
        switch try choice(LogWord.self) {
        case .prefix: .prefix
        case .inherit: .inherit
        case .file: .file(try path("file"))
        case .command: .command(try shellCommand())
        }
    }

    /// One word: the shell reads its own quotes, which those of the file would have taken away.
    private mutating func shellCommand() throws(Complaint) -> String {
        let text = try value("command", "a command of the shell, in quotes") {
            $0.allSatisfy(\.isWhitespace) ? nil : $0
        }
        if let more = next() {
            throw Complaint("'log command' expects one text, in quotes: '\(more)' is outside of them.")
        }
        return text
    }

    fileprivate mutating func startsOnReload() throws(Complaint) -> Bool {
        let option = try next("an option name")
        guard option == "start-on-reload" else {
            throw Complaint("unknown option '\(option)'\(suggestion(option, ["start-on-reload"]) ?? ".")")
        }
        return !isNegated
    }

    private enum OnReloadWord: String, CaseIterable { case keep, signal, restart, replace }

    fileprivate mutating func onReload() throws(Complaint) -> OnReload {
        switch try choice(OnReloadWord.self) {
        case .keep: .keep
        case .signal: .signal(try signal("signal").rawValue)
        case .restart: .restart
        case .replace: .replace
        }
    }

    // MARK: restart never|on-failure|always [backoff BASE MAX] [jitter PERCENT] [limit N/TIME]

    private enum RestartWord: String, CaseIterable {
        case never, always
        case onFailure = "on-failure"
    }

    fileprivate mutating func restart() throws(Complaint) -> Restart {
        var restart = Restart.masterd
        switch try choice(RestartWord.self) {
        case .never: restart.when = .never
        case .onFailure: restart.when = .onFailure
        case .always: restart.when = .always
        }
        var options: Set<String> = []
        while let option = next() {
            guard restart.when != .never else {
                throw Complaint("'restart never' cannot handle unexpected argument '\(option)'.")
            }
            guard options.insert(option).inserted else { throw Complaint("'\(option)' already specified.") }
            switch option {
            case "backoff": try readBackoff(&restart.backoff)
            case "jitter":
                restart.backoff.jitter = try value(option, "a percentage from 0 to 100") { word in
                    DecimalText.parse(word.hasSuffix("%") ? String(word.dropLast()) : word, in: 0...100)
                }
            case "limit": restart.limit = try value(option, "N/TIME, such as 5/60s", Self.limit)
            default: throw unknown(option, ["backoff", "jitter", "limit"])
            }
        }
        return restart
    }

    private mutating func readBackoff(_ backoff: inout Backoff) throws(Complaint) {
        backoff.base = try time("backoff")
        backoff.maximum = try time("backoff")
        guard backoff.base <= backoff.maximum else {
            throw Complaint("'backoff' expects a base and a maximum that is not less.")
        }
    }

    private static func limit(_ text: String) -> Restart.Limit? {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let count = DecimalText.parse(String(parts[0]), in: 1...1_000_000),
            let window = DurationText.parse(String(parts[1])), window > .zero
        else { return nil }
        return Restart.Limit(count: count, window: window)
    }
}
