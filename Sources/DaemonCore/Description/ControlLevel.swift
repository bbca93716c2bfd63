/// Who may do what on a control socket; whoever may more, may what the lower levels may.
public enum ControlLevel: Int, Comparable, CaseIterable, Sendable, CustomStringConvertible {
    /// May look.
    case user
    /// May also do what changes nothing for good: reload, reopen logs.
    case `operator`
    /// May do everything.
    case admin

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// `user`, `operator` or `admin`.
    public var description: String { ["user", "operator", "admin"][rawValue] }  // bounded: three cases
}
