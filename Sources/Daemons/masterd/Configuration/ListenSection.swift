import DaemonKit
import Text
import Unix

/// `listen NAME`: sockets that the master binds and hands down under this name.
struct ListenSection: Equatable, Sendable {
    var name: String
    var binds: [Bind] = []
    var place = Place.nowhere
}

/// `bind ADDRESS`, with the options of an address behind it, or behind commas in it.
struct Bind: Equatable, Sendable {
    var address: ListenAddress
    var options = AddressOptions()
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

    /// `0.0.0.0:8080`, `*:80`, `:80` or `80` (any IPv4 address), `[::]:80`, `/run/web.sock`, `unix:/run/web.sock`,
    /// `unix:@name` (Linux); before it `udp@` for datagrams. Port 0 is a free one.
    init(parsing text: String) throws(Complaint) {
        var rest = text[...]
        if rest.utf8.starts(with: "udp@".utf8) {
            kind = .datagram
            rest = rest.dropFirst(4)
        }
        let address = String(rest)
        let read: AddressText
        do {
            read = try AddressText(parsing: address, port: .needed)
            socket = try SocketAddress(read, of: address)
        } catch {
            throw Complaint("'bind': '\(text)' \(error.reason(in: address)).")
        }
        if case .path(let path) = read, !isAbsolute(path) {
            throw Complaint("'bind': '\(text)' has no absolute path.")
        }
        if case .unix(let path) = socket, path.utf8.count > SocketAddress.longestUnixPath {
            throw Complaint("'bind': '\(text)' is too long (\(SocketAddress.longestUnixPath) bytes).")
        }
    }

    /// As `init(parsing:)` reads it, and the key of the socket in a master's state.
    var text: String { (kind == .datagram ? "udp@" : "") + socket.description }
}
