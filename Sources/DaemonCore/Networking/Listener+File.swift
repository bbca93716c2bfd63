import Unix

/// Sockets of Unix, whose files others may remove or replace.
extension Listener {
    /// False where the file of a Unix socket was removed or replaced.
    package var hasItsFile: Bool { file?.isInPlace ?? true }

    /// Whether it is what a bind to this address would have made.
    package func isBound(to address: SocketAddress) -> Bool { location == address }

    /// The same socket with its file, which is removed at the end; nil where the file is gone, and the socket of no use.
    package func adoptingFile() -> Listener? {
        guard case .unix(let path) = location, !location.isAbstract else { return self }
        guard let place = try? FileLocation(path), let status = try? place.status, status.kind == .socket,
            let copy = try? Descriptor.duplicate(fileDescriptor, above: [2])
        else { return nil }
        // Who bound it, and what lies there now, may be two things where others can write.
        let file = OwnedFile(path: path, identity: status.identity, isProven: place.isSafe)
        return Listener(
            FileDescriptor(owning: copy), kind: kind, location: location, name: name, file: file, isInherited: true)
    }
}
