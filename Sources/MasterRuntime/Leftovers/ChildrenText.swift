import DaemonCore
import Text
import Unix

/// The text of a master's children file: which sessions its children began, and which sockets it held. A line an event,
/// so that an event costs one write, whatever the number of children.
///
///     daemonkit children 1 BOOT NAMESPACE PLACE INVOCATION
///     *PID TIME            the master's own session, which it leads: what has come into it since then is its own
///     +PID USER TIME       this child of this user has begun, and its session where it leads one
///     -PID TIME            nobody of it is left
///     =TIME INODE …        the sockets from now on
package struct ChildrenText: Sendable {
    package let epoch: ProcessEpoch
    /// Beside which pid file, its path in hexadecimal digits: who may rename files of root's in a directory of his own
    /// could give one master the record of another.
    package let place: String
    /// DAEMONKIT_INVOCATION of its children: a word that no other master has.
    package let invocation: String
    /// By the pid that began the session: the user of the child.
    package private(set) var sessions: [ProcessID: UserID] = [:]
    package private(set) var ownSession: (pid: ProcessID, since: Int64)?
    package private(set) var sockets: Set<UInt64> = []
    /// The last moment at which the file was written: each of its sessions existed then. `ProcessEpoch.now`
    package private(set) var lastWritten: Int64 = 0

    private static let head = "daemonkit children 1"
    /// More than a master of 10,000 children writes until it begins anew.
    package static let longest = 1 << 23

    package init(_ epoch: ProcessEpoch, beside pidFile: String, invocation: String) {
        (self.epoch, self.invocation) = (epoch, invocation)
        place = Self.place(pidFile)
    }

    package static func place(_ pidFile: String) -> String {
        pidFile.systemBytes.map { String(0x100 | UInt16($0), radix: 16).dropFirst() }.joined()  // bounded: a byte
    }

    /// nil where it is no such text. A line that is cut off, or wrong, says nothing.
    package init?(_ bytes: [UInt8]) {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard lines.popLast() != nil, let first = lines.first, first.starts(with: Self.head.utf8) else { return nil }
        let words = Self.words(first.dropFirst(Self.head.utf8.count))
        guard words.count == 4, let namespace: UInt64 = DecimalText.parse(words[1], in: 0...UInt64.max) else {
            return nil
        }
        epoch = ProcessEpoch(boot: words[0], namespace: namespace)
        (place, invocation) = (words[2], words[3])
        for line in lines.dropFirst() { take(line) }
    }

    private static func words(_ line: ArraySlice<UInt8>) -> [String] {
        line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
    }

    private mutating func take(_ line: ArraySlice<UInt8>) {
        let words = Self.words(line.dropFirst())
        switch line.first {
        case UInt8(ascii: "+"):
            guard words.count == 3, let pid = Self.pid(words[0]),
                let user: UserID = DecimalText.parse(words[1], in: 0...UserID.max), note(words[2])
            else { return }
            sessions[pid] = user
        case UInt8(ascii: "*"):
            guard words.count == 2, let pid = Self.pid(words[0]), note(words[1]) else { return }
            ownSession = DecimalText.parse(words[1], in: 0...Int64.max).map { (pid, $0) }
        case UInt8(ascii: "-"):
            guard words.count == 2, let pid = Self.pid(words[0]), note(words[1]) else { return }
            sessions[pid] = nil
        case UInt8(ascii: "="):
            guard let time = words.first, note(time) else { return }
            sockets = Set(words.dropFirst().compactMap { DecimalText.parse($0, in: 0...UInt64.max) })
        default: return
        }
    }

    private static func pid(_ word: String) -> ProcessID? { DecimalText.parse(word, in: 2...ProcessID.max) }

    private mutating func note(_ word: String) -> Bool {
        guard let time: Int64 = DecimalText.parse(word, in: 0...Int64.max) else { return false }
        lastWritten = max(lastWritten, time)
        return true
    }

    /// Whose the session is; the master's own is of who wrote the file.
    func user(of session: ProcessID) -> UserID? {
        sessions[session] ?? (session == ownSession?.pid ? CurrentProcess.userID : nil)
    }

    // MARK: Changes, each with its line

    package mutating func begin(_ session: ProcessID, of user: UserID, at now: Int64) -> String {
        sessions[session] = user
        return "+\(session) \(user) \(now)\n"
    }

    /// `time`: before the first child began.
    package mutating func lead(_ session: ProcessID, since time: Int64) -> String {
        ownSession = (session, time)
        return "*\(session) \(time)\n"
    }

    package mutating func end(_ session: ProcessID, at now: Int64) -> String {
        sessions[session] = nil
        return "-\(session) \(now)\n"
    }

    package mutating func hold(_ sockets: Set<UInt64>, at now: Int64) -> String {
        self.sockets = sockets
        return "=\(([now.description] + sockets.sorted().map(\.description)).joined(separator: " "))\n"
    }

    /// All of it.
    package func text(at now: Int64) -> String {
        var text = "\(Self.head) \(epoch.boot) \(epoch.namespace) \(place) \(invocation)\n"
        if let ownSession { text += "*\(ownSession.pid) \(ownSession.since)\n" }
        for (pid, user) in sessions.sorted(by: { $0.key < $1.key }) { text += "+\(pid) \(user) \(now)\n" }
        text += "=\(([now.description] + sockets.sorted().map(\.description)).joined(separator: " "))\n"
        return text
    }
}
