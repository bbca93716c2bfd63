import Text
import Unix

extension DaemonProcess {
    /// Where it listens, as its log says it, in the order of the lines: `127.0.0.1:40123`, `/run/x.sock`.
    public var listeners: [String] {
        logLines.compactMap { line in
            line.firstRange(of: " listening on ").map { String(line[$0.upperBound...].prefix { $0 != " " }) }
        }
    }

    /// Sends a text over a stream and returns what comes back. Blocks its thread.
    ///
    /// - Parameters:
    ///   - address: the first of ``listeners`` by default.
    ///   - bytes: how long the answer is, if the other side does not close before; as long as the text by default.
    /// - Throws: ``TestFailure`` where it cannot connect, or no answer comes in time.
    public func request(_ text: String, at address: String? = nil, bytes: Int? = nil) throws(TestFailure) -> String {
        guard let address = address ?? listeners.first else { throw TestFailure("it does not listen:\n\(log)") }
        guard let target = Self.target(address) else { throw TestFailure("\(address) is no address") }
        return try exchange(text, with: target, bytes: bytes ?? text.utf8.count)
    }

    private static func target(_ address: String) -> SocketAddress? {
        (try? AddressText(parsing: address, port: .needed)).flatMap { SocketAddress($0) }
    }
}

extension TestDirectory {
    /// Asks one line on a control socket in the directory, and returns all that is answered. Blocks its thread.
    ///
    /// - Throws: ``TestFailure`` where it cannot connect, or the answer does not end in time.
    public func ask(_ line: String, at socket: String = "control") throws(TestFailure) -> String {
        try exchange("\(line)\n", with: .unix(self[socket]), bytes: .max)
    }
}

/// Sends a text over a stream, and returns what comes back: so many bytes, or all until the other side ends it.
private func exchange(_ text: String, with address: SocketAddress, bytes: Int) throws(TestFailure) -> String {
    do {
        let socket = try Socket.open(address.family, .stream)
        try Socket.connect(socket.number, to: address)
        try Descriptor.writeAll(socket.number, text)
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while answer.count < bytes {
            guard Poll.readable(socket.number, timeout: DaemonProcess.patience) else {
                throw TestFailure("\(address): no answer within \(DaemonProcess.patience)")
            }
            let count = try Descriptor.read(socket.number, into: &buffer)
            if count == 0 { break }
            answer += buffer[..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    } catch let failure as TestFailure {
        throw failure
    } catch {
        throw TestFailure("\(address): \(error)")
    }
}
