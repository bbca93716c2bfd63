import Unix

/// Directories of tests, without Foundation.
enum TestDirectory {
    /// A new one that only this user enters. Its path is short, as a socket's must be.
    static func make() throws(TestFailure) -> String {
        let parent = Environment["TMPDIR"].flatMap { $0.hasPrefix("/") && $0.utf8.count < 40 ? $0 : nil } ?? "/tmp"
        while true {
            let path = "\(parent)/dk-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
            do {
                try Files.makeDirectory(path, mode: 0o700)
                return path
            } catch {
                guard error == .fileExists else { throw TestFailure("no directory for the test: \(path): \(error)") }
            }
        }
    }

    /// The directory with everything in it; no link is followed.
    static func remove(_ path: String) {
        for name in Files.names(in: path) {
            let inner = "\(path)/\(name)"
            if (try? Files.unlink(inner)) == nil { remove(inner) }
        }
        try? Files.removeDirectory(path)
    }

    /// The argument with the directory in the place of `DIR/`, at its beginning or behind its `=`.
    static func located(_ argument: String, _ directory: String) -> String {
        if argument.hasPrefix("DIR/") { return "\(directory)/\(argument.dropFirst(4))" }
        guard let sign = argument.firstIndex(of: "="), argument[sign...].hasPrefix("=DIR/") else { return argument }
        return "\(argument[...sign])\(directory)/\(argument[sign...].dropFirst(5))"
    }

    /// A file's text, empty where there is no file.
    static func text(_ path: String) -> String {
        guard let file = try? FileDescriptor.open(path, [.nonBlocking]),
            let size = try? FileStatus(descriptor: file.number).size
        else { return "" }
        return String(decoding: Descriptor.contents(of: file.number, limit: Int(size)), as: UTF8.self)
    }
}
