import DaemonCore
import Supervision
import Unix

/// What a master tells its service manager: in order, and without waiting for it, since children wait for the master.
/// What finds no room is sent again by the loop.
package final class ManagerReports {
    private let manager: ServiceManager
    private let complain: (String) -> Void
    private unowned let master: Master
    private var waiting: [(message: ManagerMessage, due: MonotonicTime)] = []
    private var isWaiting = false
    /// A manager that is not there is told of once.
    private var isUnreachable = false

    private static let patience = Duration.seconds(10)
    /// Beats of a master whose manager is stuck must not fill the memory.
    private static let most = 256

    package init(_ manager: ServiceManager, _ master: Master, complain: @escaping (String) -> Void) {
        self.manager = manager
        self.master = master
        self.complain = complain
    }

    package func tell(_ message: ManagerMessage) {
        guard waiting.count < Self.most else { return complain("\(ServiceManager.Failure.deaf)") }
        var message = message
        // It may be closed before its turn comes.
        if let number = message.descriptor {
            guard let copy = try? Descriptor.duplicate(number, above: [2]) else {
                return complain("cannot tell the service manager: no descriptor to be had")
            }
            message.descriptor = copy
        }
        waiting.append((message, .now + Self.patience))
        if waiting.count == 1 { send() }
    }

    /// Whoever has an eye on this master sees that its loop goes round.
    package func beat() {
        guard let interval = manager.beatInterval else { return }
        tell(.beat)
        master.after(interval) { [unowned self] in beat() }
    }

    private func send() {
        while let (message, due) = waiting.first {
            do throws(ServiceManager.Failure) {
                guard try manager.tryTell(message) || due <= .now else { return sendLater() }
                if due <= .now { complain("\(ServiceManager.Failure.deaf)") }
                isUnreachable = false
            } catch {
                if !isUnreachable { complain("\(error)") }
                isUnreachable = true
            }
            waiting.removeFirst()
            if let copy = message.descriptor { Descriptor.close(copy) }
        }
    }

    private func sendLater() {
        guard !isWaiting else { return }
        isWaiting = true
        master.after(.milliseconds(10)) { [unowned self] in
            isWaiting = false
            send()
        }
    }

    /// Before an exec, or the end: a last moment for what waits.
    package func finish() {
        let deadline = MonotonicTime.now + .milliseconds(200)
        while case _ = send(), !waiting.isEmpty, deadline > .now { Poll.pause(.milliseconds(5)) }
    }

    // MARK: Over an exec

    package var record: StateRecord {
        var record = StateRecord("manager")
        record[list: "waiting"] = waiting.filter { $0.message.descriptor == nil }.map(\.message.text)
        return record
    }

    package func restore(_ state: SavedState) {
        for text in state.first("manager")?[list: "waiting"] ?? [] { tell(ManagerMessage(text: text)) }
    }
}

/// Listeners that the service manager keeps, so that a crashed master's successor gets them from it.
struct StoredListeners {
    /// That it knows them by.
    private(set) var names: Set<String>

    init(names: Set<String> = []) { self.names = names }

    mutating func keep(_ listeners: [Listener], _ manager: ManagerReports) {
        let wanted = Dictionary(listeners.map { ($0.storeName, $0) }, uniquingKeysWith: { first, _ in first })
        for (name, listener) in wanted where !names.contains(name) {
            manager.tell(.store(listener.fileDescriptor, name: name))
        }
        for name in names.subtracting(wanted.keys) { manager.tell(.removeStored(name)) }
        names = Set(wanted.keys)
    }
}

extension Listener {
    /// As a service manager may name it: no colon, nothing that cannot be printed.
    fileprivate var storeName: String {
        let text = "\(kind.rawValue)-\(address)"
        let bytes = text.utf8.prefix(255).map { byte in
            byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: ":") ? byte : UInt8(ascii: "_")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
