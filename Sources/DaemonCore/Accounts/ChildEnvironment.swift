import Unix

/// What of an environment is for a child: the one place that knows which variables were meant for its parent alone, and
/// which follow from the user. Entries are bytes, since a variable need not be UTF-8.
package enum ChildEnvironment {
    /// Without what was meant for this process alone. LISTEN_ADDRESS and the like are the child's own.
    package static func cleaned(_ entries: [[UInt8]]) -> [[UInt8]] { entries.filter { !isInternal(name(of: $0)) } }

    /// As after a log-in of the user: HOME, USER, LOGNAME and SHELL are his, and nothing is left of the session of whoever
    /// started us. Variables in `kept` were set on purpose, and stay.
    package static func entries(_ entries: [[UInt8]], of user: User, keeping kept: Set<[UInt8]> = []) -> [[UInt8]] {
        entries.filter { entry in
            let name = name(of: entry)
            return kept.contains(Array(name)) || !isOfSession(name)
        } + identity(of: user).filter { !kept.contains(Array(name(of: $0))) }
    }

    /// The same for this process, which has become the user; while there is one thread.
    package static func become(_ user: User) {
        let wanted = entries(Environment.entries, of: user)
        let names = Set(wanted.map { name(of: $0) })
        for entry in Environment.entries where !names.contains(name(of: entry)) { Environment.remove(name(of: entry)) }
        // bounded: a length in memory
        for entry in identity(of: user) { Environment.set(name(of: entry), entry.dropFirst(name(of: entry).count + 1)) }
    }

    /// A number without an entry in the user database has no name, no shell, and the root directory for a home.
    private static func identity(of user: User) -> [[UInt8]] {
        let home = user.home.isEmpty ? Array("/".utf8) : user.home
        let name = Array(user.name.utf8)
        let values = [("HOME", home), ("USER", name), ("LOGNAME", name), ("SHELL", user.shell)]
        return values.filter { !$1.isEmpty }.map { Array("\($0)=".utf8) + $1 }
    }

    // MARK: Names

    package static func name(of entry: [UInt8]) -> ArraySlice<UInt8> { entry.prefix { $0 != UInt8(ascii: "=") } }

    package static func isInternal(_ name: ArraySlice<UInt8>) -> Bool {
        internalNames.contains(name) || internalPrefixes.contains { name.starts(with: $0) }
    }

    private static func isOfSession(_ name: ArraySlice<UInt8>) -> Bool {
        sessionNames.contains(name) || sessionPrefixes.contains { name.starts(with: $0) }
    }

    private static func names(_ names: [String]) -> Set<ArraySlice<UInt8>> { Set(names.map { Array($0.utf8)[...] }) }

    private static let internalNames = names([
        "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
        "LISTEN_PIDFDID", "FDSTORE",
    ])

    private static let internalPrefixes = ["SERVER_STARTER_", "EINHORN_", "DAEMONKIT_"].map { Array($0.utf8) }

    private static let sessionNames = names([
        "HOME", "USER", "LOGNAME", "SHELL", "USERNAME", "MAIL", "PWD", "OLDPWD", "DISPLAY", "WAYLAND_DISPLAY",
        "XAUTHORITY", "ICEAUTHORITY", "SESSION_MANAGER", "DBUS_SESSION_BUS_ADDRESS", "GPG_AGENT_INFO", "KRB5CCNAME",
        "DOAS_USER", "PKEXEC_UID", "HISTFILE", "CREDENTIALS_DIRECTORY",
    ])

    private static let sessionPrefixes = ["SUDO_", "XDG_", "SSH_"].map { Array($0.utf8) }
}
