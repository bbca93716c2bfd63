import Unix

/// What comes from a pipe or a socket.
enum Input {
    /// Everything until the end; nil when it does not come in time, or is longer than `limit`.
    static func read(_ descriptor: Int32, until deadline: MonotonicTime, limit: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while bytes.count <= limit {
            let left = deadline - .now
            guard left > .zero, Poll.readable(descriptor, timeout: left) else { return nil }
            do {
                let count = try Descriptor.read(descriptor, into: &buffer)
                if count == 0 { return bytes }
                bytes += buffer[..<count]
            } catch .wouldBlock {
                continue
            } catch {
                return nil
            }
        }
        return nil
    }
}

/// A text of somebody else's, safe for a terminal: control characters are shown by their codes.
func printable(_ text: some StringProtocol) -> String {
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return String(text) }
    return text.unicodeScalars.map { scalar in
        [.control, .format, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
            ? scalar.escaped(asASCII: true) : String(scalar)
    }.joined()
}
