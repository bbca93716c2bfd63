import DaemonKit
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
        var socket = ControlSocket(path: try line.path(), place: line.place)
        guard socket.path.utf8.count <= SocketAddress.longestUnixPath else {
            throw Complaint("'control-socket': '\(socket.path)' is too long (\(SocketAddress.longestUnixPath) bytes).")
        }
        var options: Set<String> = []
        while let option = line.next() {
            guard options.insert(option).inserted else { throw Complaint("'\(option)' already specified.") }
            switch option {
            case "mode": socket.mode = try line.mode(option)
            case "level": socket.level = try line.choice(Level.self, of: option).level
            default: throw line.unknown(option, ["mode", "level"])
            }
        }
        configuration.global.controlSockets.append(socket)
    }

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
