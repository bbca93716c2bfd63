import Text
import Unix

/// An address of a socket, as `--bind` writes it: numeric IPv4 or IPv6 (with scope) with or without a port, or the path
/// of a Unix socket. Names are refused: no start waits for a name service.
public struct BindAddress: Sendable, Hashable, CustomStringConvertible {
    package let address: SocketAddress
    /// Whether the text named a port, if only 0 for a free one.
    package let namesPort: Bool
    package let text: String

    public var description: String { text }

    /// The numeric address without brackets: `127.0.0.1`, `fe80::1%2`; nil for a Unix socket.
    public var host: String? {
        switch address {
        case .ipv4: String(address.description.prefix { $0 != ":" })
        case .ipv6(let host, _): host.description
        case .unix: nil
        }
    }

    /// 0 where none is named; nil for a Unix socket.
    public var port: UInt16? { address.port }

    /// Of a Unix socket, with `@` before an abstract name; nil for an internet address.
    public var path: String? {
        guard case .unix(let path) = address else { return nil }
        return path
    }

    /// As the system tells it.
    package init(_ address: SocketAddress) {
        self.address = address
        text = address.description
        namesPort = address.port != nil
    }

    /// `127.0.0.1`, `127.0.0.1:80`, `::1`, `fe80::1%eth0`, `[::1]:80`, `/run/x.sock`, `unix:x.sock`. Port 0 takes a free
    /// port, which the log names.
    public init(parsing text: String) throws(OptionMistake) {
        self.text = text
        if text.isEmpty { throw OptionMistake("is not an address") }
        if text.hasPrefix("unix:") || text.contains("/") {
            let path = try absolutePath(String(text.hasPrefix("unix:") ? text.dropFirst(5) : text[...]))
            guard path.utf8.count <= SocketAddress.longestUnixPath else {
                throw OptionMistake("is longer than a socket's path can be (\(SocketAddress.longestUnixPath) bytes)")
            }
            (address, namesPort) = (.unix(path), false)
            return
        }
        let (host, portText) = Self.split(text)
        guard let port = portText.map({ DecimalText.parse($0, in: 0...UInt16.max) }) ?? 0 else {
            throw OptionMistake("does not end in a port (1 to 65535, or 0 for a free one)")
        }
        guard
            let address = SocketAddress.ipv4(parsing: host, port: port) ?? SocketAddress.ipv6(parsing: host, port: port)
        else {
            throw OptionMistake("is not a numeric IPv4 or IPv6 address, nor a socket's path")
        }
        (self.address, namesPort) = (address, portText != nil)
    }

    /// The host without brackets, and the text of the port.
    private static func split(_ text: String) -> (host: String, port: String?) {
        if text.hasPrefix("["), let close = text.firstIndex(of: "]") {
            let host = String(text[text.index(after: text.startIndex)..<close])
            let rest = text[text.index(after: close)...]
            // In brackets stands an IPv6 address only, and what follows is a port or nothing.
            guard host.contains(":") else { return (text, nil) }
            if rest.isEmpty { return (host, nil) }
            return rest.hasPrefix(":") ? (host, String(rest.dropFirst())) : (text, nil)
        }
        let colons = text.utf8.count(where: { $0 == UInt8(ascii: ":") })
        guard colons == 1, let colon = text.firstIndex(of: ":") else { return (text, nil) }
        return (String(text[..<colon]), String(text[text.index(after: colon)...]))
    }
}

extension Sequence {
    fileprivate func count(where test: (Element) -> Bool) -> Int { reduce(0) { $0 + (test($1) ? 1 : 0) } }
}
