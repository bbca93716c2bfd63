import Unix

/// A worker's connection to its master, as far as reports go.
package protocol ReportChannel: Sendable {
    /// Throws `.wouldBlock` where there was no room in all this time, and `.brokenPipe` where the master is gone.
    func report(_ message: [UInt8], patience: Duration) throws(Errno)
}

/// Who supervises this process and is told how it is: the service manager at the other end of NOTIFY_SOCKET, or a
/// worker's master at the other end of its channel. sd_notify(3); silent where there is none.
package struct ServiceManager: Sendable {
    private enum Way: Sendable {
        case none
        case socket(ManagerSocket)
        /// It needs no name, so that it works in every root and every network namespace.
        case channel(any ReportChannel)
    }

    private let way: Way
    /// How often a beat is expected at least; nil for no watchdog. sd_watchdog_enabled(3)
    let watchdogInterval: Duration?

    package static let none = ServiceManager(way: .none, watchdogInterval: nil)

    /// Why a message did not arrive.
    package enum Failure: Error, Sendable, CustomStringConvertible {
        /// Nobody is there.
        case unreachable(String, Errno)
        /// There was no room for it in all its time.
        case deaf
        case refused(Errno)

        package var description: String {
            switch self {
            case .unreachable(let address, let error): "no service manager answers at \(address): \(error)"
            case .deaf: "cannot tell the service manager: it does not read what it is told"
            case .refused(let error): "cannot tell the service manager: \(error)"
            }
        }
    }

    /// Takes the variables out of the environment.
    package static func take() -> ServiceManager {
        let path = Environment.take("NOTIFY_SOCKET")
        // bounded: a Duration of any of them is none
        let interval = Environment.take("WATCHDOG_USEC").flatMap { Int64($0) }
        let owner = Environment.take("WATCHDOG_PID").map { ProcessID($0) == CurrentProcess.id } ?? true
        // A hundred years are as good as none.
        let longest: Int64 = 3_155_760_000_000_000
        let watchdog = interval.flatMap { owner && $0 > 0 ? Duration.microseconds(min($0, longest)) : nil }
        guard let path, path.hasPrefix("/") || path.hasPrefix("@") else {
            return ServiceManager(way: .none, watchdogInterval: watchdog)
        }
        return at(path, watchdog: watchdog)
    }

    /// The one at this socket. `watchdog` is how often a beat is expected at least; nil for none.
    package static func at(_ path: String, watchdog: Duration? = nil) -> ServiceManager {
        ServiceManager(way: .socket(ManagerSocket(address: path)), watchdogInterval: watchdog)
    }

    /// A worker's master, which listens at the channel.
    package func over(_ channel: any ReportChannel) -> ServiceManager {
        ServiceManager(way: .channel(channel), watchdogInterval: watchdogInterval)
    }

    /// The pace of heartbeats: twice as often as they are expected.
    package var beatInterval: Duration? { watchdogInterval.map { max($0 / 2, .milliseconds(1)) } }

    /// Waits for room, each message in its own measure.
    package func tell(_ message: ManagerMessage) throws(Failure) {
        switch way {
        case .none: return
        case .socket(let socket):
            do {
                try socket.send(message, isUrgent: message.patience >= .seconds(5))
            } catch {
                if error.passesByItself { throw .deaf }
                throw error == .messageTooLong ? .refused(error) : .unreachable(socket.address, error)
            }
        case .channel(let channel):
            do {
                try channel.report(Array(message.text.utf8), patience: message.patience)
            } catch {
                // That the master is gone, its reader has noticed.
                guard error != .brokenPipe else { return }
                throw error == .wouldBlock ? .deaf : .refused(error)
            }
        }
    }

    /// For a master, which never waits: false where there is no room now.
    package func tryTell(_ message: ManagerMessage) throws(Failure) -> Bool {
        guard case .socket(let socket) = way else { return true }
        do {
            try socket.trySend(message)
            return true
        } catch {
            if error.passesByItself { return false }
            throw .unreachable(socket.address, error)
        }
    }
}
