import DaemonCore
import Supervision
import Unix

/// The notification sockets of a master's children: one for each that is given one, from its spawn to its end.
package final class NotifySockets {
    /// What came, for which child, and by whom.
    package struct Notification {
        package let message: NotifyMessage
        package let child: Supervision.Child
        /// The child's main process said it.
        package let isMain: Bool
        package let access: NotifyAccess?
        /// Who sent it; 0 where the system does not say.
        package var sender: ProcessID = 0
        /// Whose processes the child may name as its main one; nil: nobody's.
        package var user: UserID?
        /// Borrowed.
        package var descriptors: [Int32] = []

        /// Whether a heartbeat in it counts: another process's would hide that the main one hangs.
        package var givesBeat: Bool { message.beats && speaksForWatchdog }

        /// Nor may another process put its watchdog off.
        package var speaksForWatchdog: Bool { isMain || access == .all }
    }

    private unowned let master: Master
    /// How many descriptors may be kept for a child's service.
    private let room: (Supervision.Child) -> Int
    private let complain: (String) -> Void
    private let take: (Notification) -> Void
    private var directory: NotifyDirectory?
    private var lastNumber = 0
    private var sockets: [Supervision.Child.ID: NotifySocket] = [:]
    private var buffer = [UInt8](repeating: 0, count: NotifyMessage.longest)
    /// Processes that have descriptors in hand, of all sockets.
    private var helpers = 0

    /// So many messages of one child in one turn of the loop. A child that says more is listened to again a little
    /// later: meanwhile its own queue is full, and the loop turns for others.
    private static let budget = 32
    private static let pause = Duration.milliseconds(5)
    private static let mostHelpers = 64
    /// What is stored is there for whoever is started next, by an order that comes right behind it: so the loop gives the
    /// helper this moment, once for each child that needs it all.
    private static let moment = Duration.milliseconds(100)

    package init(
        _ master: Master, room: @escaping (Supervision.Child) -> Int = { _ in 0 },
        complain: @escaping (String) -> Void, take: @escaping (Notification) -> Void
    ) {
        self.master = master
        self.room = room
        self.complain = complain
        self.take = take
        master.beforeEnd = { [unowned self] in hear($0) }
        master.afterEnd = { [unowned self] in close($0.id) }
    }

    // MARK: Making and closing

    /// What the child finds in NOTIFY_SOCKET.
    package func open(
        for child: Supervision.Child.ID, account: SpawnAccount?, access: NotifyAccess? = nil
    ) throws(Errno) -> String {
        do {
            return try make(for: child, account, access)
        } catch .noSuchFile {
            // Somebody has cleared the place.
            directory.map { Descriptor.close($0.descriptor) }
            directory = nil
            return try make(for: child, account, access)
        }
    }

    private func make(
        for child: Supervision.Child.ID, _ account: SpawnAccount?, _ access: NotifyAccess?
    ) throws(Errno) -> String {
        let directory = if let there = self.directory { there } else { try makeDirectory() }
        lastNumber += 1
        let number = lastNumber
        let descriptor = try directory.bind(number, user: account?.user, group: account?.group).release()
        let socket = NotifySocket(
            child: child, number: number, descriptor: descriptor, user: account?.user ?? CurrentProcess.userID,
            access: access)
        sockets[child] = socket
        do {
            try watch(socket)
        } catch {
            close(child)
            throw error
        }
        return directory.address(number)
    }

    private func makeDirectory() throws(Errno) -> NotifyDirectory {
        let made = try NotifyDirectory()
        directory = made
        if !made.abandoned.isEmpty {
            let helper = try? HelperProcess.start(keeping: []) { NotifyDirectory.clear(made.abandoned) }
            if let helper { master.adopt(helper: helper) { _ in } }
        }
        return made
    }

    /// The child is gone, or was never there.
    package func close(_ child: Supervision.Child.ID) {
        guard let socket = sockets.removeValue(forKey: child) else { return }
        if let directory, !directory.remove(socket.number) { clear(directory, socket.number) }
        if !socket.isHeld { master.unwatch(socket.descriptor) }
        Socket.shutdownReading(socket.descriptor)
        while !socket.isBusy, let datagram = try? Socket.peek(socket.descriptor, into: &buffer) {
            guard !datagram.leavesDescriptors else {
                return SentDescriptors.close([socket.descriptor], in: master)
            }
            Socket.discard(socket.descriptor)
        }
        Descriptor.close(socket.descriptor)
    }

    private func clear(_ directory: NotifyDirectory, _ number: Int) {
        let helper = try? HelperProcess.start(keeping: []) {
            if !directory.clear(number) { CurrentProcess.exitNow(1) }
        }
        guard let helper else { return }
        master.adopt(helper: helper) { [complain] ending in
            if ending != .exited(0) { complain("a child has left directories in \(directory.path)/\(number)") }
        }
    }

    /// At the end of the master.
    package func removeAll() { directory?.removeAll() }

    package func address(of child: Supervision.Child.ID) -> String? {
        sockets[child].flatMap { directory?.address($0.number) }
    }

    // MARK: Reading

    private func watch(_ socket: NotifySocket) throws(Errno) {
        try master.watch(socket.descriptor) { [unowned self] in
            if !read(socket, atMost: Self.budget) { hold(socket, for: Self.pause) }
        }
    }

    /// Others come before it.
    private func hold(_ socket: NotifySocket, for time: Duration) {
        guard stop(socket) else { return }
        master.after(time) { [unowned self] in release(socket) }
    }

    private func stop(_ socket: NotifySocket) -> Bool {
        guard sockets[socket.child] === socket, !socket.isHeld else { return false }
        socket.isHeld = true
        master.unwatch(socket.descriptor)
        return true
    }

    private func release(_ socket: NotifySocket) {
        guard sockets[socket.child] === socket, socket.isHeld, !socket.isBusy else { return }
        socket.isHeld = false
        do {
            try watch(socket)
        } catch {
            socket.isHeld = true
            master.after(.seconds(1)) { [unowned self] in release(socket) }
        }
    }

    /// What a child said before its end counts.
    private func hear(_ child: Supervision.Child) {
        // As many as any queue holds.
        if let socket = sockets[child.id] { _ = read(socket, atMost: 1024) }
    }

    /// False when there may be more.
    private func read(_ socket: NotifySocket, atMost most: Int) -> Bool {
        for _ in 0..<most {  // bounded: a constant
            guard !socket.isBusy, sockets[socket.child] === socket,
                let datagram = try? Socket.peek(socket.descriptor, into: &buffer)
            else { return true }
            if datagram.leavesDescriptors { return receive(datagram, socket) }
            Socket.discard(socket.descriptor)
            if let notification = notification(datagram, socket) { take(notification) }
        }
        return false
    }

    private func notification(
        _ datagram: Datagram, _ socket: NotifySocket, _ descriptors: [Int32] = []
    ) -> Notification? {
        guard let child = master.supervisor.children[socket.child] else { return nil }
        let isUnknown = datagram.user == nil
        let isMain = isUnknown || datagram.sender != 0 && datagram.sender == child.pid
        guard socket.admits(datagram, isMain: isMain), isMain || isOfItsOwn(datagram, socket, child) else { return nil }
        return Notification(
            message: NotifyMessage(buffer[..<datagram.count]), child: child, isMain: isMain, access: socket.access,
            sender: datagram.sender, user: socket.user, descriptors: descriptors)
    }

    /// The address says whose message it is, and the directory who can have sent it: its user, also when the sender has
    /// ended by now. One that still runs and has nothing to do with the child is some other process of that user; one
    /// of another user is a descendant that has dropped its privileges, or nobody.
    private func isOfItsOwn(_ datagram: Datagram, _ socket: NotifySocket, _ child: Supervision.Child) -> Bool {
        let sender = datagram.sender
        let kinship = sender > 0 ? master.kinship(of: sender, to: child) : .unseen
        let isInGroup = sender > 0 && child.group > 1 && CurrentProcess.group(of: sender) == child.group
        switch kinship {
        case .descendant: return true
        case .orphan: return socket.isForWhom(datagram) || isInGroup
        case .unseen: return socket.isForWhom(datagram)
        case .stranger: return socket.isForWhom(datagram) && isInGroup
        }
    }

    /// The first datagram has brought descriptors: another process takes it from the queue.
    private func receive(_ datagram: Datagram, _ socket: NotifySocket) -> Bool {
        guard helpers < Self.mostHelpers else { return false }
        let notification = notification(datagram, socket)
        let isStoring = notification?.message.storesDescriptors == true
        let most = isStoring ? notification.map { room($0.child) } ?? 0 : 0
        let receipt: DescriptorReceipt
        do {
            receipt = try DescriptorReceipt(from: socket.descriptor, most: most, in: master) { [unowned self] in
                // Told in their turn, though what was sent with them did not come.
                received($0, notification, socket)
            } ended: { [unowned self] in
                helpers -= 1
                socket.isBusy = false
                release(socket)
            }
        } catch {
            complain("cannot receive a descriptor: \(error)")
            hold(socket, for: .seconds(1))
            return true
        }
        helpers += 1
        socket.isBusy = true
        _ = stop(socket)
        if most > 0, !socket.isSlow { socket.isSlow = !receipt.wait(Self.moment) }
        return true
    }

    private func received(_ descriptors: [Int32]?, _ notification: Notification?, _ socket: NotifySocket) {
        guard let notification, let child = master.supervisor.children[socket.child] else { return }
        if descriptors == nil || notification.message.storesDescriptors && descriptors?.isEmpty == true {
            complain("\(child.service) \(child.pid): a descriptor is refused, since its closing may take its time")
        }
        take(
            Notification(
                message: notification.message, child: child, isMain: notification.isMain, access: notification.access,
                sender: notification.sender, user: notification.user, descriptors: descriptors ?? []))
    }

    // MARK: Over an exec

    package var descriptors: [Int32] { (directory.map { [$0.descriptor] } ?? []) + sockets.values.map(\.descriptor) }

    package var records: [StateRecord] {
        guard let directory else { return [] }
        var head = StateRecord("notifyDirectory")
        head["path"] = directory.path
        head[number: "descriptor"] = Int(directory.descriptor)
        head[number: "last"] = lastNumber
        return [head] + sockets.values.map(\.record)
    }

    package func restore(_ state: SavedState) {
        guard let head = state.first("notifyDirectory"), let path = head["path"], path.hasPrefix("/"),
            let descriptor = head[descriptor: "descriptor"]
        else { return }
        directory = NotifyDirectory(path: path, descriptor: descriptor)
        lastNumber = min(max(0, head[number: "last"] ?? 0), Int.max / 2)
        for record in state.all("notify") {
            guard let socket = NotifySocket(record), sockets[socket.child] == nil else { continue }
            lastNumber = max(lastNumber, min(socket.number, Int.max / 2))
            sockets[socket.child] = socket
            if master.supervisor.children[socket.child] == nil || (try? watch(socket)) == nil { close(socket.child) }
        }
    }
}
