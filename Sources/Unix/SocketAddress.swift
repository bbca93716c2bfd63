import Text

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Where a socket is bound: IPv4, IPv6 or a Unix path, which begins with `@` where it is Linux's abstract name. Numeric
/// only: no name service is ever asked.
package enum SocketAddress: Hashable, Sendable {
    case ipv4(UInt32, port: UInt16)
    case ipv6(IPv6, port: UInt16)
    case unix(String)

    package struct IPv6: Hashable, Sendable {
        /// The 16 octets, high half and low half.
        package let high: UInt64
        package let low: UInt64
        /// The interface of a link-local address, 0 for none.
        package let scope: UInt32

        package static let any = IPv6(high: 0, low: 0, scope: 0)

        package init(high: UInt64, low: UInt64, scope: UInt32) {
            self.high = high
            self.low = low
            self.scope = scope
        }

        init(_ raw: in6_addr, scope: UInt32) {
            (high, low) = unsafe withUnsafeBytes(of: raw) { bytes in
                unsafe (
                    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                )
            }
            self.scope = scope
        }

        var raw: in6_addr {
            var raw = in6_addr()
            unsafe withUnsafeMutableBytes(of: &raw) { bytes in
                unsafe bytes.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
                unsafe bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            return raw
        }
    }

    /// sun_path's size less the ending zero: 107 on Linux, 103 on Darwin.
    package static var longestUnixPath: Int { MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1 }

    /// nil where a host's name would have to be looked up, and for an interface that is not there. 0 is the port of a text
    /// without one.
    package init?(_ text: AddressText) {
        switch text {
        case .internet(let host, let port): self.init(host, port: port ?? 0)
        case .path(let path), .abstract(let path): self = .unix(path)
        }
    }

    /// The same, and says what is wrong; `text` is what was read.
    package init(_ read: AddressText, of text: String) throws(AddressMistake) {
        guard let address = SocketAddress(read) else {
            if case .internet(.name, _) = read { throw AddressMistake(.name, hostOf: text) }
            throw AddressMistake(.interface, hostOf: text)
        }
        self = address
    }

    package init?(_ host: AddressText.Host, port: UInt16) {
        switch host {
        case .any: self = .ipv4(0, port: port)
        case .ipv4(let number): self = .ipv4(number, port: port)
        case .ipv6(let high, let low, let zone):
            guard let scope = zone.map(Self.interface) ?? 0 else { return nil }
            self = .ipv6(IPv6(high: high, low: low, scope: scope), port: port)
        case .name: return nil
        }
    }

    /// Its number, by which it may be named too. if_nametoindex(3)
    private static func interface(_ zone: String) -> UInt32? {
        let number =
            DecimalText.isDigits(zone) ? DecimalText.parse(zone, in: 1...UInt32.max) : unsafe if_nametoindex(zone)
        return number == 0 ? nil : number
    }

    /// A Unix socket's name without a file. unix(7)
    package var isAbstract: Bool {
        if case .unix(let path) = self { path.utf8.first == UInt8(ascii: "@") } else { false }
    }

    /// What options of an address are judged by.
    package func target(isDatagram: Bool = false) -> AddressOptions.Target {
        switch self {
        case .ipv4: .init(.ipv4, isDatagram: isDatagram)
        case .ipv6(let host, _): .init(host == .any ? .anyIPv6 : .ipv6, isDatagram: isDatagram)
        case .unix: .init(isAbstract ? .abstract : .file, isDatagram: isDatagram)
        }
    }

    package var family: Int32 {
        switch self {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix: AF_UNIX
        }
    }

    package var isIPv6: Bool { if case .ipv6 = self { true } else { false } }

    package var port: UInt16? {
        switch self {
        case .ipv4(_, let port), .ipv6(_, let port): port
        case .unix: nil
        }
    }

    package func with(port: UInt16) -> SocketAddress {
        switch self {
        case .ipv4(let host, _): .ipv4(host, port: port)
        case .ipv6(let host, _): .ipv6(host, port: port)
        case .unix: self
        }
    }

    /// A path that does not fit would be cut, and mean another file.
    func checkLength() throws(Errno) {
        if case .unix(let path) = self, path.utf8.count > Self.longestUnixPath { throw .nameTooLong }
    }

    /// Runs `body` with the kernel's form.
    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        switch self {
        case .ipv4(let host, let port):
            var raw = sockaddr_in()
            raw.sin_family = sa_family_t(AF_INET)
            raw.sin_port = port.bigEndian
            raw.sin_addr.s_addr = host.bigEndian
            return unsafe Self.rebound(&raw, body)
        case .ipv6(let host, let port):
            var raw = sockaddr_in6()
            raw.sin6_family = sa_family_t(AF_INET6)
            raw.sin6_port = port.bigEndian
            raw.sin6_addr = host.raw
            raw.sin6_scope_id = host.scope
            return unsafe Self.rebound(&raw, body)
        case .unix(let path):
            var raw = sockaddr_un()
            raw.sun_family = sa_family_t(AF_UNIX)
            // "@name" is Linux's abstract name space: a zero byte first, and the length counts. unix(7)
            let abstract = isAbstract
            let count = min(path.utf8.count, Self.longestUnixPath)
            unsafe withUnsafeMutableBytes(of: &raw.sun_path) { field in
                // bounded: lengths within the address
                for (index, byte) in path.utf8.prefix(count).enumerated() { unsafe field[index] = byte }
                if abstract { unsafe field[0] = 0 }  // bounded: lengths within the address
            }
            let header = MemoryLayout<sockaddr_un>.size - MemoryLayout.size(ofValue: raw.sun_path)
            return unsafe Self.rebound(&raw, length: abstract ? header + count : nil, body)
        }
    }

    private static func rebound<Raw, Result>(
        _ raw: inout Raw, length: Int? = nil, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        unsafe withUnsafePointer(to: &raw) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(length ?? MemoryLayout<Raw>.size))  // bounded: lengths within the address
            }
        }
    }

    /// From the kernel's form; nil for another family.
    init?(_ storage: sockaddr_storage, length: socklen_t) {
        let family = Int32(storage.ss_family)  // bounded: lengths within the address
        let parsed: SocketAddress? = unsafe withUnsafeBytes(of: storage) { bytes in
            switch family {
            case AF_INET:
                let raw = unsafe bytes.loadUnaligned(as: sockaddr_in.self)
                return .ipv4(UInt32(bigEndian: raw.sin_addr.s_addr), port: UInt16(bigEndian: raw.sin_port))
            case AF_INET6:
                let raw = unsafe bytes.loadUnaligned(as: sockaddr_in6.self)
                return .ipv6(IPv6(raw.sin6_addr, scope: raw.sin6_scope_id), port: UInt16(bigEndian: raw.sin6_port))
            case AF_UNIX:
                let header = MemoryLayout<sockaddr_un>.size - (Self.longestUnixPath + 1)
                // bounded: lengths within the address
                var path = unsafe Array(bytes[header..<max(header, min(Int(length), bytes.count))])
                if path.first == 0 && path.count > 1 {
                    path[0] = UInt8(ascii: "@")
                } else if let end = path.firstIndex(of: 0) {
                    path.removeSubrange(end...)  // bounded: lengths within the address
                }
                return .unix(String(decoding: path, as: UTF8.self))
            default:
                return nil
            }
        }
        guard let parsed else { return nil }
        self = parsed
    }
}

extension SocketAddress: CustomStringConvertible {
    /// `127.0.0.1:80`, `[::1]:80`, `[fe80::1%2]:80`, the path, or `unix:@name`.
    package var description: String {
        switch self {
        case .ipv4(let host, let port):
            "\(host >> 24).\(host >> 16 & 255).\(host >> 8 & 255).\(host & 255):\(port)"
        case .ipv6(let host, let port):
            "[\(host)]:\(port)"
        case .unix(let path):
            isAbstract ? "unix:\(path)" : path
        }
    }
}

extension SocketAddress.IPv6: CustomStringConvertible {
    package var description: String {
        var raw = raw
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))  // bounded: a constant
        let size = socklen_t(text.count)
        unsafe text.withUnsafeMutableBufferPointer { _ = unsafe inet_ntop(AF_INET6, &raw, $0.baseAddress, size) }
        let name = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: name, as: UTF8.self) + (scope == 0 ? "" : "%\(scope)")
    }
}
