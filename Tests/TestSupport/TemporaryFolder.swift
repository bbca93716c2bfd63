import Unix

/// A folder of a test's own, removed with everything in it when the test's suite value ends.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() {
        var template = Array("/tmp/dk-tests-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { fatalError("mkdtemp: \(Errno.current)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { Self.remove(path) }

    package subscript(name: String) -> String { "\(path)/\(name)" }

    /// Makes or replaces a file.
    @discardableResult
    package func write(_ text: String, to name: String) throws -> String {
        let file = try FileDescriptor.open(self[name], [.writeOnly, .create])
        try Descriptor.truncate(file.number)
        try Descriptor.writeAll(file.number, text)
        return self[name]
    }

    package func contents(_ name: String) throws -> String { try Self.contents(of: self[name]) }

    package static func contents(of path: String) throws -> String {
        let file = try FileDescriptor.open(path, [])
        return try readAll(file.number)
    }

    private static func remove(_ path: String) {
        for name in Files.names(in: path) {
            let inner = "\(path)/\(name)"
            if unlink(inner) != 0 { remove(inner) }
        }
        rmdir(path)
    }
}

/// Reads until the end.
package func readAll(_ descriptor: Int32) throws -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while case let count = try Descriptor.read(descriptor, into: &buffer), count > 0 { bytes += buffer[..<count] }
    return String(decoding: bytes, as: UTF8.self)
}
