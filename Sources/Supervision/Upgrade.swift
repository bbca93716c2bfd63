/// What is known of an upgrade.
enum Upgrade: Equatable, Sendable {
    case none
    /// The new executable proves itself.
    case proving(RequesterQueue)
    /// It is good: the exec comes as soon as no spawn and no load is under way.
    case due(RequesterQueue)
    /// The answer is the exec's failure, or the next image.
    case executing(RequesterQueue)

    var requesters: RequesterQueue? {
        get {
            switch self {
            case .none: nil
            case .proving(let requesters), .due(let requesters), .executing(let requesters): requesters
            }
        }
        set {
            guard let newValue else { return }
            switch self {
            case .none: break
            case .proving: self = .proving(newValue)
            case .due: self = .due(newValue)
            case .executing: self = .executing(newValue)
            }
        }
    }

    var isDue: Bool { if case .due = self { true } else { false } }
}
