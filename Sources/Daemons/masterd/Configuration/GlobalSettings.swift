import DaemonKit
import Unix

/// The `global` sections, taken together.
struct GlobalSettings: Equatable, Sendable {
    var controlSockets: [ControlSocket] = []
    /// HAProxy's mworker-max-reloads.
    var maxOldGenerations = 50
    /// The longest life of an old generation after its stop signal; nil: as long as it likes.
    var hardStopAfter: Duration?
    /// For every service without one of its own.
    var startTimeout = Duration.seconds(60)
    var noExitOnFailure = false
    /// In their order, which matters.
    var environment: [EnvironmentChange] = []
}

/// `control-socket PATH [mode OCTAL] [user USER] [group GROUP] [level user|operator|admin]`
struct ControlSocket: Equatable, Sendable {
    var path: String
    var mode: FileMode = 0o600
    var level = ControlLevel.admin
    var user: String?
    var group: String?
    var place = Place.nowhere
}

/// `setenv`, `presetenv`, `unsetenv` and `resetenv`, as HAProxy has them.
enum EnvironmentChange: Equatable, Sendable {
    case set(Variable)
    /// Only where it is not set yet.
    case preset(Variable)
    case unset([String])
    /// Everything but these.
    case reset(keeping: [String])

    func apply(to environment: inout [String: String]) {
        switch self {
        case .set(let variable): environment[variable.name] = variable.value
        case .preset(let variable): environment[variable.name] = environment[variable.name] ?? variable.value
        case .unset(let names): for name in names { environment[name] = nil }
        case .reset(let names): environment = environment.filter { names.contains($0.key) }
        }
    }

    /// The names of variables that are as they are because of a change, which no other rule undoes.
    func note(in changed: inout Set<String>, before environment: [String: String]) {
        switch self {
        case .set(let variable): changed.insert(variable.name)
        case .preset(let variable): if environment[variable.name] == nil { changed.insert(variable.name) }
        case .unset(let names): changed.formUnion(names)
        case .reset(let names): changed.formIntersection(names)
        }
    }
}

/// A variable of an environment.
struct Variable: Equatable, Sendable {
    var name: String
    var value: String
}
