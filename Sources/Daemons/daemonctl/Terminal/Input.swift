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
