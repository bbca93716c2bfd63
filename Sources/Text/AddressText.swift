/// The address of a socket, as options, configurations and environment variables write it.
///
///     HOST:PORT   [V6%ZONE]:PORT   :PORT   *:PORT   PORT    `*`, or nothing, is any IPv4 address
///     HOST   V6%ZONE   [V6%ZONE]                            where the port may be left out
///     /PATH   DIRECTORY/NAME   unix:PATH   unix@PATH        the file of a Unix socket
///     unix:@NAME                                            a name without a file; Linux only. unix(7)
package enum AddressText: Hashable, Sendable {
    /// The port is nil where none is named.
    case internet(Host, port: UInt16?)
    /// As it is written: it may be relative.
    case path(String)
    /// With its `@`.
    case abstract(String)

    package enum Host: Hashable, Sendable {
        case any
        case ipv4(UInt32)
        /// The octets, high half and low half; the zone is an interface's name or number.
        case ipv6(high: UInt64, low: UInt64, zone: String?)
        case name(String)
    }

    /// Without a port a host may be an IPv6 address without brackets; with one, its last colon stands before the port.
    package enum PortRule: Sendable {
        case needed, optional
    }

    package init(parsing text: String, port rule: PortRule) throws(AddressMistake) {
        let bytes = Array(text.utf8)[...]
        if bytes.isEmpty { throw AddressMistake(.empty, bytes) }
        if let zero = bytes.firstIndex(of: 0) {
            throw AddressMistake(.zeroByte, bytes[zero...zero])  // bounded: an index of it
        }
        if bytes.starts(with: "unix:".utf8) || bytes.starts(with: "unix@".utf8) {
            self = try Self.unix(bytes.dropFirst(5))
        } else if bytes.contains(UInt8(ascii: "/")) {
            self = .path(text)
        } else {
            self = try Self.internet(bytes, rule)
        }
    }

    // MARK: Unix sockets

    private static func unix(_ rest: ArraySlice<UInt8>) throws(AddressMistake) -> AddressText {
        guard let first = rest.first else { throw AddressMistake(.path, rest) }
        guard first == UInt8(ascii: "@") else { return .path(string(rest)) }
        guard rest.count > 1 else { throw AddressMistake(.abstractName, rest) }
        #if os(Linux)
        return .abstract(string(rest))
        #else
        throw AddressMistake(.abstractSystem, rest)
        #endif
    }

    // MARK: Internet addresses

    private static let colon = UInt8(ascii: ":")

    private static func internet(_ text: ArraySlice<UInt8>, _ rule: PortRule) throws(AddressMistake) -> AddressText {
        if text.first == UInt8(ascii: "[") { return try bracketed(text, rule) }
        guard let last = text.lastIndex(of: colon) else {
            if text.allSatisfy(DecimalText.isDigit) { return .internet(.any, port: try port(text)) }
            if rule == .needed { throw AddressMistake(.noPort, text) }
            return .internet(try host(text), port: nil)
        }
        if rule == .optional, text.firstIndex(of: colon) != last { return .internet(try ipv6(text), port: nil) }
        let number = try port(text[text.index(after: last)...])  // bounded: places within the bytes
        return .internet(try host(text[..<last]), port: number)  // bounded: places within the bytes
    }

    private static func bracketed(_ text: ArraySlice<UInt8>, _ rule: PortRule) throws(AddressMistake) -> AddressText {
        guard let close = text.firstIndex(of: UInt8(ascii: "]")) else { throw AddressMistake(.brackets, text) }
        let inside = text[..<close].dropFirst()  // bounded: places within the bytes
        let rest = text[close...].dropFirst()  // bounded: places within the bytes
        let number: UInt16?
        if rest.isEmpty, rule == .optional {
            number = nil
        } else {
            guard rest.isEmpty || rest.first == colon else { throw AddressMistake(.brackets, rest) }
            number = try port(rest.dropFirst())
        }
        return .internet(try ipv6(inside), port: number)
    }

    private static func port(_ text: ArraySlice<UInt8>) throws(AddressMistake) -> UInt16 {
        guard let port = DecimalText.parse(string(text), in: 0...UInt16.max) else { throw AddressMistake(.port, text) }
        return port
    }

    private static func host(_ text: ArraySlice<UInt8>) throws(AddressMistake) -> Host {
        if text.isEmpty || text.elementsEqual("*".utf8) { return .any }
        if text.contains(colon) { return try ipv6(text) }
        if let number = IPText.ipv4(text) { return .ipv4(number) }
        guard text.allSatisfy(isOfName) else { throw AddressMistake(.host, text) }
        return .name(string(text))
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        // Case does not count.
        DecimalText.isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            || "-_.".utf8.contains(byte)
    }

    private static func ipv6(_ text: ArraySlice<UInt8>) throws(AddressMistake) -> Host {
        let address = text.prefix { $0 != UInt8(ascii: "%") }
        guard let (high, low) = IPText.ipv6(address) else { throw AddressMistake(.host, text) }
        let zone = text.dropFirst(address.count)
        if zone.count == 1 { throw AddressMistake(.host, text) }
        return .ipv6(high: high, low: low, zone: zone.isEmpty ? nil : string(zone.dropFirst()))
    }

    private static func string(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}

extension AddressText.Host {
    /// A numeric address without brackets; nil for anything else.
    package init?(numeric text: some StringProtocol) {
        let bytes = Array(text.utf8)[...]
        if let number = IPText.ipv4(bytes) {
            self = .ipv4(number)
        } else if case .internet(let host, port: nil)? = try? AddressText(parsing: "[\(text)]", port: .optional) {
            self = host
        } else {
            return nil
        }
    }
}
