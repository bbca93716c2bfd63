import DaemonCore
import Supervision
import Unix

/// The NOTIFY_SOCKET of one child: whose it is never depends on who sends, or on whether he is still there. sd_notify(3)
final class NotifySocket {
    let child: Supervision.Child.ID
    /// Its directory's.
    let number: Int
    let descriptor: Int32
    /// Whose messages are taken, besides root's and our own user's.
    let user: UserID
    /// nil: everybody's but heartbeats, which are the main process's to give.
    let access: NotifyAccess?
    /// Nothing is read for now.
    var isHeld = false
    /// A process took long to receive what it sent.
    var isSlow = false
    /// A process has the first datagram in hand, or its descriptors.
    var isBusy = false

    init(child: Supervision.Child.ID, number: Int, descriptor: Int32, user: UserID, access: NotifyAccess?) {
        self.child = child
        self.number = number
        self.descriptor = descriptor
        self.user = user
        self.access = access
    }

    func admits(_ datagram: Datagram, isMain: Bool) -> Bool { !datagram.isCut && (access != .main || isMain) }

    /// The directory lets these in. Where the system does not say who it was, that must do.
    func isForWhom(_ datagram: Datagram) -> Bool {
        datagram.user.map { [user, 0, CurrentProcess.userID].contains($0) } ?? true
    }

    // MARK: Over an exec

    var record: StateRecord {
        var record = StateRecord("notify")
        record[number: "child"] = child
        record[number: "number"] = number
        record[number: "descriptor"] = Int(descriptor)
        record[number: "user"] = Int(user)
        record["access"] = access?.rawValue
        return record
    }

    init?(_ record: StateRecord) {
        guard let child = record[number: "child"], let number = record[number: "number"], number > 0,
            let descriptor = record[descriptor: "descriptor"],
            let user = record[number: "user"].flatMap({ UserID(exactly: $0) })
        else { return nil }
        self.child = child
        self.number = number
        self.descriptor = descriptor
        self.user = user
        access = record["access"].flatMap(NotifyAccess.init)
    }
}
