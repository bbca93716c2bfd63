import Text
import Unix

/// Sockets that were handed down by a superdaemon or a service manager, checked, and the variables taken out of the
/// environment. sd_listen_fds(3); Server::Starter.
package struct InheritedListeners {
    package private(set) var listeners: [Listener] = []
    /// Which variable they came by.
    package private(set) var source = ""

    /// None.
    package init() {}

    /// SERVER_STARTER_PORT goes before LISTEN_FDS. Variables meant for another process are dropped.
    package static func take(for kinds: [Listener.Kind]) throws(DaemonError) -> InheritedListeners {
        let starter = Environment.take("SERVER_STARTER_PORT")
        let count = Environment.take("LISTEN_FDS")
        Environment.remove("LISTEN_PIDFDID")
        let owner = Environment.take("LISTEN_PID")
        let names = Environment.take("LISTEN_FDNAMES")
        var result = InheritedListeners()
        if let starter, !starter.isEmpty {
            result.source = "SERVER_STARTER_PORT"
            for entry in starter.split(separator: ";") {
                try result.adopt(entry: String(entry), all: starter, kinds)
            }
        } else if let count, owner.map({ ProcessID($0) == CurrentProcess.id }) ?? true {
            result.source = "LISTEN_FDS"
            guard let number = DecimalText.parse(count, in: 0...4096) else {
                throw DaemonError(.environment, "LISTEN_FDS='\(count)' is not a number of descriptors")
            }
            let names = names?.split(separator: ":", omittingEmptySubsequences: false).map(String.init) ?? []
            for index in 0..<number {  // bounded: 4096 at the most
                let name = index < names.count && !["", "unknown"].contains(names[index]) ? names[index] : nil
                try result.adopt(Int32(3 + index), name: name, key: nil, kinds)  // bounded: 4096 at the most
            }
        }
        return result
    }

    /// Every socket of LISTEN_FDS, for a master, whose configuration says which it needs. What is no socket that we know
    /// is closed: another version may have left it with the service manager.
    package static func takeAny() -> InheritedListeners {
        var result = InheritedListeners()
        let count = Environment.take("LISTEN_FDS").flatMap { DecimalText.parse($0, in: 0...Int.max) } ?? 0
        Environment.remove("LISTEN_PIDFDID")
        let owner = Environment.take("LISTEN_PID")
        let names = (Environment.take("LISTEN_FDNAMES") ?? "").split(separator: ":", omittingEmptySubsequences: false)
        guard owner.map({ ProcessID($0) == CurrentProcess.id }) ?? true, (1...4096).contains(count) else {
            return result
        }
        result.source = "LISTEN_FDS"
        for index in 0..<count {  // bounded: 4096 at the most
            let name = index < names.count ? String(names[index]) : nil
            // bounded: 4096 at the most
            try? result.adopt(Int32(3 + index), name: name, key: nil, [.stream, .datagram])
        }
        return result
    }

    private mutating func adopt(entry: String, all: String, _ kinds: [Listener.Kind]) throws(DaemonError) {
        guard let equals = entry.lastIndex(of: "="),
            let descriptor = DecimalText.parse(entry[entry.index(after: equals)...], in: 0...Int32.max)
        else {
            throw DaemonError(
                .environment, "SERVER_STARTER_PORT='\(all)': '\(entry)' is not of the form ADDRESS=DESCRIPTOR")
        }
        let key = String(entry[..<equals])
        try adopt(descriptor, name: key, key: key, kinds)
    }

    private mutating func adopt(
        _ number: Int32, name: String?, key: String?, _ kinds: [Listener.Kind]
    ) throws(DaemonError) {
        let what = "\(source): descriptor \(number)" + (name.map { " ('\($0)')" } ?? "")
        guard !listeners.contains(where: { $0.fileDescriptor == number }) else {
            throw DaemonError(.environment, "\(what) is named twice")
        }
        let kind = try attempt(.environment, what) { () throws(Errno) in try Socket.kind(number) }
        guard let kind, let own = kinds.first(where: { $0.socketKind == kind }) else {
            let served = kinds.map(\.description).joined(separator: " and ")
            throw DaemonError(.environment, "\(what) is not a \(served.isEmpty ? "wanted" : served) socket")
        }
        guard kind == .datagram || Socket.isListening(number) else {
            throw DaemonError(.environment, "\(what) does not listen")
        }
        guard let address = try attempt(.environment, what, { () throws(Errno) in try Socket.localAddress(number) })
        else {
            throw DaemonError(.environment, "\(what) has an address of an unknown family")
        }
        if let key, !Self.key(key, matches: address) {
            throw DaemonError(.environment, "\(what) is bound to \(address)")
        }
        try attempt(.environment, what) { () throws(Errno) in
            try Descriptor.setCloseOnExec(number, true)
            try Descriptor.setNonBlocking(number, true)
        }
        listeners.append(
            Listener(
                FileDescriptor(owning: number), kind: own, location: address, name: name, file: nil,
                isInherited: true))
    }

    /// `8080`, `host:8080`, `[::1]:8080`, a path or `unix:@name`: the port, the path or the name must be the socket's.
    private static func key(_ key: String, matches address: SocketAddress) -> Bool {
        switch (try? AddressText(parsing: key, port: .needed), address) {
        case (.abstract(let name), .unix(let path)): name == path
        case (.internet(_, let port), .ipv4), (.internet(_, let port), .ipv6): port == 0 || port == address.port
        case (_, .unix(let path)) where !address.isAbstract:
            key == path || path.isEmpty || key.hasSuffix("/\(path)") || path.hasSuffix("/\(key)")
        default: false
        }
    }
}
