import DaemonCore
import Supervision
import Unix

/// What children say of themselves, over their notification sockets or their channels, and what they give to be kept.
final class ChildMessages {
    private unowned let master: Master
    private let manager: ManagerReports
    private let notes: ChildNotes
    private let log: any SessionLog
    private var store = DescriptorStore()
    private lazy var sockets = NotifySockets(
        master, room: { [unowned self] in store.room(for: $0.service) },
        complain: { [log] in log.write(.warning, $0) }, take: { [unowned self] in take($0) })
    /// The service manager waits for our start or stop: what a child asks for, we ask for.
    var isAwaited: () -> Bool = { false }

    init(_ master: Master, _ manager: ManagerReports, _ notes: ChildNotes, _ log: any SessionLog) {
        self.master = master
        self.manager = manager
        self.notes = notes
        self.log = log
        _ = sockets
    }

    // MARK: Sockets

    /// What the child finds in NOTIFY_SOCKET; nil where it gets none.
    func open(for child: Supervision.Child, _ program: Program) throws(Errno) -> String? {
        guard program.hasNotifySocket else { return nil }
        do {
            return try sockets.open(for: child.id, account: program.account, access: program.notifyAccess)
        } catch {
            log.write(.error, "cannot make the notification socket of \(child.service): \(error)")
            throw error
        }
    }

    /// The child was never there.
    func close(_ child: Supervision.Child.ID) { sockets.close(child) }

    /// At the end of the master.
    func removeAll() { sockets.removeAll() }

    // MARK: The store

    func stored(for service: String) -> [DescriptorStore.Entry] { store[service] }

    /// Services that are gone need nothing any more.
    func keep(_ services: Set<String>) { close(store.keep(services)) }

    private func close(_ numbers: [Int32]) {
        for number in numbers { master.unwatch(number) }
        SentDescriptors.close(numbers, in: master)
    }

    private func store(_ number: Int32, of child: Supervision.Child, _ message: NotifyMessage) {
        let isPolled = !message.keepsDeadDescriptors
        switch store.add(number, name: message.descriptorName, isPolled: isPolled, for: child.service) {
        case .kept(let copy): if isPolled { poll(copy, of: child.service) }
        case .duplicate: break
        case .noRoom: log.write(.warning, "\(child.service) \(child.pid): no room to keep a descriptor")
        }
    }

    /// It goes when nobody is behind it any more. Files have nobody, and cannot be polled.
    private func poll(_ number: Int32, of service: String) {
        do {
            try master.watch(number) { [unowned self] in
                guard Poll.isHungUp(number) else { return }
                store.remove(number, for: service)
                close([number])
            }
            try master.watch(number, reading: false, writing: false)
        } catch {
            master.unwatch(number)
        }
    }

    // MARK: Messages

    func take(_ notification: NotifySockets.Notification) {
        let (message, child) = (notification.message, notification.child)
        notes.take(message, from: child.id)
        if message.storesDescriptors {
            for number in notification.descriptors { store(number, of: child, message) }
        }
        if message.removesDescriptors, let name = message.descriptorName {
            close(store.remove(name: name, for: child.service))
        }
        let pid = mainProcess(notification)
        if let time = message.extendedTimeout {
            master.send(.extend(pid: pid, time))
            if isAwaited() { manager.tell(.extendTimeout(time)) }
        }
        if message.isReady { master.send(.ready(pid: pid)) }
        if let time = message.watchdog, notification.speaksForWatchdog { master.send(.watchdog(pid: pid, time)) }
        if notification.givesBeat { master.send(.heartbeat(pid: pid)) }
        if message.triggersWatchdog { master.send(.heartbeatMissed(pid: pid)) }
    }

    private func mainProcess(_ notification: NotifySockets.Notification) -> ProcessID {
        let child = notification.child
        guard let pid = notification.message.mainProcess, pid != child.pid else { return child.pid }
        if let user = notification.user, master.mains.take(pid, for: child, by: notification.sender, of: user) {
            return pid
        }
        log.write(.warning, "\(child.service) \(child.pid): MAINPID \(pid) is refused: it is no process of its own")
        return child.pid
    }

    // MARK: Over an exec

    var descriptors: [Int32] { sockets.descriptors + store.descriptors }
    var records: [StateRecord] { sockets.records + store.records }

    func restore(_ state: SavedState) {
        store.restore(state)
        for (service, number) in store.polled { poll(number, of: service) }
        sockets.restore(state)
    }
}
