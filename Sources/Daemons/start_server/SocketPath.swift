import Unix

/// A socket as `--path` asks for it: the path of its file, as the original takes it, or `unix:@NAME`, which is none.
enum SocketPath {
    private static let prefix = "unix:"

    static func isAbstract(_ path: String) -> Bool { path.utf8.starts(with: "\(prefix)@".utf8) }

    static func address(_ path: String) -> SocketAddress {
        if isAbstract(path) { return .unix(String(path.dropFirst(prefix.count))) }
        // Not an abstract name, but a file whose name begins with '@'.
        return .unix(path.utf8.first == UInt8(ascii: "@") ? "./\(path)" : path)
    }
}
