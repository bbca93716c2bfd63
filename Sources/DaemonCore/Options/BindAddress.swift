import Text
import Unix

/// An address of a socket, as `--bind` writes it: numeric IPv4 or IPv6 (with scope) with or without a port, or the path
/// of a Unix socket or its abstract name. Names are refused: no start waits for a name service.
public struct BindAddress: Sendable, Hashable, CustomStringConvertible {
    package let address: SocketAddress
    /// Whether the text named a port, if only 0 for a free one.
    package let namesPort: Bool
    /// Without its options.
    package let text: String
    /// What the socket is to have besides.
    package private(set) var options = AddressOptions()

    /// As it was written, with its options.
    public var description: String { OptionedAddress(text, options).description }

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

    /// The same from any working directory, with its options.
    package var located: String { OptionedAddress(file ?? text, options).description }

    /// Of a Unix socket that has one.
    package var file: String? { address.isAbstract ? nil : path }

    /// As the system tells it.
    package init(_ address: SocketAddress) {
        self.address = address
        text = address.description
        namesPort = address.port != nil
    }

    /// `127.0.0.1`, `127.0.0.1:80`, `::1`, `fe80::1%eth0`, `[::1]:80`; `:80`, `*:80` or `80` for any IPv4 address;
    /// `/run/x.sock`, `unix:x.sock`, and on Linux `unix:@name`, a name without a file. Port 0 takes a free port, which the
    /// log names.
    ///
    /// Behind commas stand options of the socket, as in `/run/x.sock,mode=660,group=www-data` or `[::]:80,v4v6`: `mode`,
    /// `user`, `group`, `backlog`, `reuseport`, `v6only`, `v4v6` and `freebind`. A comma of a path is doubled.
    public init(parsing text: String) throws(OptionMistake) {
        let (read, address): (AddressText, SocketAddress)
        var text = text
        do {
            let optioned = try OptionedAddress(parsing: text)
            (text, options) = (optioned.text, optioned.options)
        } catch {
            throw OptionMistake(error.reason(in: text))
        }
        do throws(AddressMistake) {
            read = try AddressText(parsing: text, port: .optional)
            address = try SocketAddress(read, of: text)
            if let misfit = options.misfit(with: address.target()) { throw AddressMistake(misfit) }
        } catch {
            throw OptionMistake(error.reason(in: text))
        }
        switch read {
        case .internet(let host, let port):
            (self.address, namesPort) = (address, port != nil)
            // Others who read it may mean another one by a port alone.
            self.text = host == .any ? (namesPort ? address.description : "0.0.0.0") : text
        case .path(let path): (self.address, namesPort, self.text) = (.unix(try absolutePath(path)), false, text)
        case .abstract: (self.address, namesPort, self.text) = (address, false, text)
        }
        if case .unix(let path) = self.address, path.utf8.count > SocketAddress.longestUnixPath {
            throw OptionMistake("is longer than a socket's path can be (\(SocketAddress.longestUnixPath) bytes)")
        }
    }
}
