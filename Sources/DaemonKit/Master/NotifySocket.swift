import Supervision
import Unix

/// The NOTIFY_SOCKET of all children of a master: one for all, since the kernel tells who speaks. sd_notify(3)
package final class NotifySocket {
    /// What children find in NOTIFY_SOCKET.
    package let address: String
    package let descriptor: Int32
    private var buffer = [UInt8](repeating: 0, count: 4096)

    /// Where the system has no names without files, `folder` holds the socket.
    package init(folder: String = "/tmp") throws(DaemonError) {
        let unique = "daemonkit-\(CurrentProcess.id)-\(MonotonicTime.now.nanoseconds)"
        #if os(Linux)
        let name = "@\(unique)/notify"
        #else
        let name = "\(folder)/\(unique).notify"
        #endif
        address = name
        descriptor = try attempt(.process, "cannot make the notification socket \(name)") { () throws(Errno) in
            let socket = try Socket.open(SocketAddress.unix(name).family, .datagram)
            try Socket.bind(socket.number, to: .unix(name))
            try Socket.askForCredentials(socket.number)
            return socket.release()
        }
    }

    /// Kept over an exec.
    package init(address: String, descriptor: Int32) {
        self.address = address
        self.descriptor = descriptor
    }

    /// Reads what has come, and tells the master which of its children are ready.
    package func read(for master: Master) {
        read(for: master, mostDescriptors: 0) { message, child, _, _ in
            if message.isReady { master.send(.ready(pid: child)) }
        }
    }

    /// Reads what has come, and hands on what each child said, with the process that spoke and the descriptors that it
    /// sent, which are closed behind `take`.
    func read(
        for master: Master, mostDescriptors: Int,
        _ take: (NotifyMessage, _ child: ProcessID, _ sender: ProcessID, _ descriptors: [Int32]) -> Void
    ) {
        // Bounded, so that a child that never stops talking does not stop the loop.
        for _ in 0..<256 {
            guard
                let (count, sender, descriptors) = try? Socket.receive(
                    descriptor, into: &buffer, mostDescriptors: mostDescriptors)
            else { return }
            defer { for number in descriptors { Descriptor.close(number) } }
            guard let child = child(of: master, behind: sender) else { continue }
            take(NotifyMessage(buffer[..<count]), child, sender, descriptors)
        }
    }

    /// The child that sent it, or whose descendant did: a shell's systemd-notify(1).
    private func child(of master: Master, behind sender: ProcessID) -> ProcessID? {
        var pid = sender
        for _ in 0..<16 where pid > 1 {
            if master.supervisor.child(withPID: pid) != nil { return pid }
            guard let parent = CurrentProcess.parent(of: pid), parent != CurrentProcess.id else { break }
            pid = parent
        }
        // Darwin does not say who: then it can only be one that is starting.
        let starting = master.supervisor.children.values.filter { $0.phase == .starting }
        return sender == 0 && starting.count == 1 ? starting[0].pid : nil
    }
}
