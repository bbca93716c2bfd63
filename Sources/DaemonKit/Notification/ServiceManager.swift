import Supervision
import Unix

/// The service manager at the other end of NOTIFY_SOCKET. sd_notify(3); silent where there is none.
package struct ServiceManager: Sendable {
    /// Connected, because a chroot would hide the path; -1 where there is no manager.
    private let socket: Int32
    /// How often a beat is expected at least; nil for no watchdog. sd_watchdog_enabled(3)
    let watchdogInterval: Duration?

    package static let none = ServiceManager(socket: -1, watchdogInterval: nil)

    /// Takes the variables out of the environment.
    package static func take() -> ServiceManager {
        let path = Environment.take("NOTIFY_SOCKET")
        let interval = Environment.take("WATCHDOG_USEC").flatMap { Int64($0) }
        let owner = Environment.take("WATCHDOG_PID").map { ProcessID($0) == CurrentProcess.id } ?? true
        let watchdog = interval.flatMap { owner && $0 > 0 ? Duration.microseconds($0) : nil }
        guard let path, path.hasPrefix("/") || path.hasPrefix("@"), let socket = try? connect(.unix(path)) else {
            return .none
        }
        return ServiceManager(socket: socket, watchdogInterval: watchdog)
    }

    private static func connect(_ address: SocketAddress) throws(Errno) -> Int32 {
        let socket = try Socket.open(address.family, .datagram)
        try Socket.connect(socket.number, to: address)
        return socket.release()
    }

    /// It serves, in which version: a master shows it.
    package func ready(version: String? = nil, status: String = "Ready.") {
        let field = version.map { "\n\(NotifyMessage.versionField)=\($0)" } ?? ""
        send("READY=1\nMAINPID=\(CurrentProcess.id)\nSTATUS=\(status)\(field)")
    }

    package func reloading() {
        send("RELOADING=1\nSTATUS=Reloading.\nMONOTONIC_USEC=\(MonotonicTime.now.nanoseconds / 1000)")
    }

    package func stopping() { send("STOPPING=1\nSTATUS=Stopping.") }

    /// What is under way may take so long from now on, before the manager gives up.
    func extendTimeout(_ time: Duration) { send("EXTEND_TIMEOUT_USEC=\(time.wholeNanoseconds / 1000)") }

    /// Gives the manager a descriptor to keep for the next process of this service, under this name.
    func store(_ descriptor: Int32, name: String) {
        guard socket >= 0 else { return }
        try? Socket.send(socket, Array("FDSTORE=1\nFDNAME=\(name)".utf8), descriptor: descriptor)
    }

    /// The manager closes what it keeps under this name.
    func removeStored(_ name: String) { send("FDSTOREREMOVE=1\nFDNAME=\(name)") }

    /// One line of what the daemon is doing.
    package func status(_ text: String) {
        send("STATUS=" + String(decoding: text.utf8.map { $0 < 0x20 ? UInt8(ascii: " ") : $0 }, as: UTF8.self))
    }

    func beat() { send("WATCHDOG=1") }

    private func send(_ text: String) {
        guard socket >= 0 else { return }
        _ = try? Socket.send(socket, Array(text.utf8).span)
    }
}
