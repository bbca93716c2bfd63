import DaemonKit
import Text
import Unix

/// `listen NAME`: sockets that the master binds and hands down under this name.
struct ListenSection: Equatable, Sendable {
    var name: String
    var binds: [Bind] = []
    var place = Place.nowhere
}

/// `bind ADDRESS [backlog N] [reuseport] [mode OCTAL] [user USER] [group GROUP]`
struct Bind: Equatable, Sendable {
    var address: ListenAddress
    /// nil: as long a queue as the system allows.
    var backlog: Int32?
    var reuseport = false
    /// Of a socket's file; nil leaves it to the umask.
    var mode: FileMode?
    var user: String?
    var group: String?
    var place = Place.nowhere

    init(_ address: ListenAddress) { self.address = address }
}

/// Where to bind. Numeric only: no start and no reload waits for a name service.
struct ListenAddress: Hashable, Sendable {
    var kind = SocketKind.stream
    var socket: SocketAddress

    init(_ socket: SocketAddress, kind: SocketKind = .stream) {
        self.kind = kind
        self.socket = socket
    }

    /// `0.0.0.0:8080`, `*:80`, `:80` (any IPv4 address), `[::]:80`, `/run/web.sock`, `unix:/run/web.sock`; before it
    /// `udp@` for datagrams. Port 0 is a free one.
    init(parsing text: String) throws(Complaint) {
        var rest = text[...]
        if rest.hasPrefix("udp@") {
            kind = .datagram
            rest = rest.dropFirst(4)
        }
        let hasPrefix = rest.hasPrefix("unix:") || rest.hasPrefix("unix@")
        socket =
            hasPrefix || isAbsolute(String(rest))
            ? try Self.unix(String(rest.dropFirst(hasPrefix ? 5 : 0)), text) : try Self.internet(rest, text)
    }

    private static func unix(_ path: String, _ text: String) throws(Complaint) -> SocketAddress {
        guard isAbsolute(path) else { throw Complaint("'bind': '\(text)' has no absolute path.") }
        guard path.utf8.count <= SocketAddress.longestUnixPath else {
            throw Complaint("'bind': '\(text)' is too long (\(SocketAddress.longestUnixPath) bytes).")
        }
        return .unix(path)
    }

    private static func internet(_ rest: Substring, _ text: String) throws(Complaint) -> SocketAddress {
        guard let colon = rest.utf8.lastIndex(of: UInt8(ascii: ":")) else {
            throw Complaint("'bind': '\(text)' is neither ADDRESS:PORT nor a socket's path.")
        }
        let digits = rest[rest.utf8.index(after: colon)...]
        guard DecimalText.isDigits(digits), digits.utf8.count <= 5, let port = UInt16(digits) else {
            throw Complaint("'bind': '\(text)' does not end in a port (1 to 65535, or 0 for a free one).")
        }
        var host = String(rest[..<colon])
        if host.isEmpty || host == "*" { return .ipv4(0, port: port) }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if let address = SocketAddress.ipv4(parsing: host, port: port) {
            return address
        }
        guard let address = SocketAddress.ipv6(parsing: host, port: port) else {
            throw Complaint("'bind': '\(text)' has no numeric address; names are not looked up.")
        }
        return address
    }

    /// As `init(parsing:)` reads it.
    var text: String { (kind == .datagram ? "udp@" : "") + socket.description }
}
