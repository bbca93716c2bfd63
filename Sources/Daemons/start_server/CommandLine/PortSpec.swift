import Text
import Unix

/// A socket as `--port` asks for it: `[HOST:][u]PORT[=DESCRIPTOR]`, where `u` (UDP) may also stand before a numeric
/// HOST, and the options of an address behind commas.
struct PortSpec: Equatable, Sendable {
    /// What is wrong with the text, said after the text itself.
    struct Mistake: Error, Equatable {
        let reason: String
    }

    private enum Host: Equatable, Sendable {
        case numeric(SocketAddress)
        case name(String)
    }

    /// As it was given, without the descriptor, for messages.
    let text: String
    let kind: SocketKind
    let port: UInt16
    /// The number that the socket must have in the worker.
    let descriptor: Int32?
    /// What SERVER_STARTER_PORT calls it: the port's digits as written, the host without brackets unless it is IPv6.
    let key: String
    let options: AddressOptions
    private let host: Host

    init(parsing text: String) throws(Mistake) {
        let (address, options) = try Self.splitOptions(text)
        self.options = options
        let (spec, descriptor) = try Self.splitDescriptor(Self.trimmed(address[...]))
        self.descriptor = descriptor
        self.text = spec
        var (host, digits) = Self.splitHost(spec)
        var isDatagram = false
        if digits.utf8.first == UInt8(ascii: "u") {
            isDatagram = true
            digits = Substring(digits.utf8.dropFirst())
        } else if let rest = host, rest.utf8.first == UInt8(ascii: "u"),
            Self.isNumeric(Substring(rest.utf8.dropFirst()))
        {
            // Before a name it is the name's first letter: ubuntu:80.
            isDatagram = true
            host = Substring(rest.utf8.dropFirst())
        }
        guard DecimalText.isDigits(digits) else {
            throw Mistake(reason: "is not [HOST:][u]PORT[=DESCRIPTOR]")
        }
        guard let port = DecimalText.parse(digits, in: 0...UInt16.max) else {
            throw Mistake(reason: "has a port above 65535")
        }
        self.port = port
        kind = isDatagram ? .datagram : .stream
        (self.host, key) = try Self.read(host, port: port, digits: digits)
        if let misfit = options.misfit(with: target) { throw Mistake(reason: AddressMistake(misfit).reason(in: text)) }
    }

    private var target: AddressOptions.Target {
        switch host {
        case .numeric(let address): address.target(isDatagram: kind == .datagram)
        // The look-up is one for IPv4.
        case .name: .init(.ipv4, isDatagram: kind == .datagram)
        }
    }

    /// True when `address` has to ask the name service.
    var namesHost: Bool { if case .name = host { true } else { false } }

    /// Where to bind; an IPv6 one is meant for IPv6 only. Only a host's name needs a look-up, which may take its time.
    func address() throws(Resolver.Failure) -> SocketAddress {
        switch host {
        case .numeric(let address): address
        case .name(let name): try Resolver.ipv4(name, port: port)
        }
    }

    // MARK: Reading

    private static func splitOptions(_ text: String) throws(Mistake) -> (String, AddressOptions) {
        do {
            let optioned = try OptionedAddress(parsing: text)
            return (optioned.text, optioned.options)
        } catch {
            throw Mistake(reason: error.reason(in: text))
        }
    }

    private static func splitDescriptor(_ text: String) throws(Mistake) -> (String, Int32?) {
        guard let equals = text.utf8.lastIndex(of: UInt8(ascii: "=")) else { return (text, nil) }
        let digits = text[text.utf8.index(after: equals)...]
        guard DecimalText.isDigits(digits), let number = Int32(digits) else {
            throw Mistake(reason: "does not end in the number of a descriptor (=0, =1, ...)")
        }
        return (trimmed(text[..<equals]), number)
    }

    /// Without blanks at its ends, which do no harm.
    private static func trimmed(_ text: Substring) -> String {
        var bytes = text.utf8.drop { $0 == 0x20 || $0 == 0x09 }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func splitHost(_ spec: String) -> (host: Substring?, port: Substring) {
        guard let colon = spec.utf8.lastIndex(of: UInt8(ascii: ":")) else { return (nil, spec[...]) }
        return (spec[..<colon], spec[spec.utf8.index(after: colon)...])
    }

    private static func read(
        _ host: Substring?, port: UInt16, digits: Substring
    ) throws(Mistake) -> (Host, key: String) {
        guard let host else { return (.numeric(.ipv4(0, port: port)), String(digits)) }
        let name = unbracketed(host)
        guard isHostText(name) else { throw Mistake(reason: "does not name a host before the colon") }
        if name.utf8.contains(UInt8(ascii: ":")) {
            guard let address = Self.numeric(name, port: port) else {
                throw Mistake(reason: "names no IPv6 address, or an unknown interface")
            }
            return (.numeric(address), "[\(name)]:\(digits)")
        }
        return (Self.numeric(name, port: port).map { .numeric($0) } ?? .name(name), "\(name):\(digits)")
    }

    /// Without the brackets around the whole of it.
    private static func unbracketed(_ host: Substring) -> String {
        let bytes = host.utf8
        guard bytes.count > 2, bytes.first == UInt8(ascii: "["), bytes.last == UInt8(ascii: "]") else {
            return String(host)
        }
        return String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self)
    }

    private static func isNumeric(_ host: Substring) -> Bool {
        let name = unbracketed(host)
        return host.utf8.first == UInt8(ascii: "[") || numeric(name, port: 0) != nil
    }

    private static func numeric(_ host: String, port: UInt16) -> SocketAddress? {
        AddressText.Host(numeric: host).flatMap { SocketAddress($0, port: port) }
    }

    /// No byte that would tear SERVER_STARTER_PORT, or that no host's name has.
    private static func isHostText(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { (0x21..<0x7F).contains($0) && !";=[]/,\"'".utf8.contains($0) }
    }
}
