import DaemonKit
import Text
import Unix

enum GlobalKeyword: String, CaseIterable {
    case controlSocket = "control-socket"
    case maxOldGenerations = "max-old-generations"
    case mworkerMaxReloads = "mworker-max-reloads"
    case hardStopAfter = "hard-stop-after"
    case startTimeout = "start-timeout"
    case noExitOnFailure = "no-exit-on-failure"
    case setenv, presetenv, unsetenv, resetenv
}

extension ConfigurationParser {
    mutating func readGlobal(_ line: inout Line) throws(Complaint) {
        guard let keyword = GlobalKeyword(rawValue: line.keyword) else {
            throw unknownKeyword(line, GlobalKeyword.allCases.map(\.rawValue))
        }
        switch keyword {
        case .controlSocket: return try readControlSocket(&line)
        case .setenv: try change(.set(line.variable()))
        case .presetenv: try change(.preset(line.variable()))
        case .unsetenv:
            let names = try line.variableNames()
            if names.isEmpty { throw Complaint("'unsetenv' expects at least one variable name.") }
            change(.unset(names))
        case .resetenv: try change(.reset(keeping: line.variableNames()))
        case .maxOldGenerations, .mworkerMaxReloads:
            try once(line, as: GlobalKeyword.maxOldGenerations.rawValue)
            configuration.global.maxOldGenerations = try line.number(1...1_000_000)
        case .hardStopAfter:
            try once(line)
            configuration.global.hardStopAfter = try line.time()
        case .startTimeout:
            try once(line)
            configuration.global.startTimeout = try line.time()
        case .noExitOnFailure:
            try once(line)
            configuration.global.noExitOnFailure = true
        }
        try line.finish()
    }

    /// It holds for the rest of the files.
    private mutating func change(_ change: EnvironmentChange) {
        configuration.global.environment.append(change)
        change.note(in: &configuration.variablesOfFiles, before: configuration.environment)
        change.apply(to: &configuration.environment)
    }

    private mutating func readControlSocket(_ line: inout Line) throws(Complaint) {
        let optioned = try line.optioned(try line.path())
        var socket = ControlSocket(path: optioned.text, place: line.place)
        var options = optioned.options
        for (word, _) in options.words where ![.mode, .user, .group].contains(word) {
            throw line.unknown(word.rawValue, Self.controlOptions)
        }
        guard socket.path.utf8.count <= SocketAddress.longestUnixPath else {
            throw Complaint("'control-socket': '\(socket.path)' is too long (\(SocketAddress.longestUnixPath) bytes).")
        }
        var hasLevel = false
        while let option = line.next() {
            switch AddressOptions.Word(rawValue: option) {
            case let word? where [.mode, .user, .group].contains(word): try line.add(word, to: &options)
            case nil where option == "level":
                if hasLevel { throw Complaint("'level' already specified.") }
                hasLevel = true
                socket.level = try line.choice(Level.self, of: option).level
            default: throw line.unknown(option, Self.controlOptions)
            }
        }
        socket.mode = options.mode.map { FileMode($0) } ?? socket.mode  // bounded: 0o777 at the most
        (socket.user, socket.group) = (options.user, options.group)
        configuration.global.controlSockets.append(socket)
    }

    private static let controlOptions = ["mode", "user", "group", "level"]

    private enum Level: String, CaseIterable {
        case user, `operator`, admin

        var level: ControlLevel {
            switch self {
            case .user: .user
            case .operator: .operator
            case .admin: .admin
            }
        }
    }
}
