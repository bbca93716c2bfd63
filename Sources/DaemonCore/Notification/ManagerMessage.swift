import Unix

/// What a daemon or a master says to its service manager: `NAME=value` lines. sd_notify(3)
package struct ManagerMessage: Equatable, Sendable {
    package let text: String
    /// Goes along; borrowed.
    package var descriptor: Int32?
    /// How long it waits for room in the manager's queue: by most words the manager decides something, and some it
    /// waits for. A line of status comes again.
    package var patience: Duration = .milliseconds(500)

    /// Which version of a daemon serves, beside the fields that every manager knows.
    package static let versionField = "X_DAEMONKIT_VERSION"

    private init(_ text: String) { self.text = text }

    /// It serves, in which version: a master shows it.
    package static func ready(version: String? = nil, status: String = "Ready.") -> Self {
        let field = version.map { "\n\(versionField)=\($0)" } ?? ""
        var message = Self("READY=1\nMAINPID=\(CurrentProcess.id)\nSTATUS=\(status)\(field)")
        message.patience = .seconds(5)
        return message
    }

    package static var reloading: Self {
        Self("RELOADING=1\nSTATUS=Reloading.\nMONOTONIC_USEC=\(MonotonicTime.now.nanoseconds / 1000)")
    }

    package static let stopping = Self("STOPPING=1\nSTATUS=Stopping.")
    package static let beat = Self("WATCHDOG=1")

    /// One line of what the daemon is doing.
    package static func status(_ text: String) -> Self {
        let line = String(decoding: text.utf8.map { $0 < 0x20 ? UInt8(ascii: " ") : $0 }, as: UTF8.self)
        var message = Self("STATUS=\(line)")
        message.patience = .zero
        return message
    }

    /// What is under way may take so long from now on, before the manager gives up.
    package static func extendTimeout(_ time: Duration) -> Self {
        Self("EXTEND_TIMEOUT_USEC=\(time.inNanoseconds / 1000)")
    }

    /// Gives the manager a descriptor to keep for the next process of this service, under this name.
    package static func store(_ descriptor: Int32, name: String) -> Self {
        var message = Self("FDSTORE=1\nFDNAME=\(name)")
        message.descriptor = descriptor
        return message
    }

    /// The manager closes what it keeps under this name.
    package static func removeStored(_ name: String) -> Self { Self("FDSTOREREMOVE=1\nFDNAME=\(name)") }

    /// As an earlier image of this process made it.
    package init(text: String) { self.init(text) }
}
