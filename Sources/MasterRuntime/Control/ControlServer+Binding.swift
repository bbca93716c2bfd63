import DaemonCore
import Unix

extension ControlServer {
    /// Binds the socket; a stale one is replaced.
    package static func bind(
        _ path: String, mode: FileMode = 0o600, owner: FileOwner? = nil
    ) throws(DaemonError) -> (descriptor: Int32, file: OwnedFile) {
        var settings = SocketSettings(mode: mode)
        settings.owner = owner
        let listener = try Binding.listen(.stream, at: .unix(path), settings)
        guard let file = listener.file else { throw DaemonError(.listener, "cannot bind \(path)", .invalidArgument) }
        // The listener closes its own descriptor with itself.
        let descriptor = try attempt(.listener, "cannot keep \(path)") { () throws(Errno) in
            try Descriptor.duplicate(listener.fileDescriptor, above: [2])
        }
        return (descriptor, file)
    }
}
