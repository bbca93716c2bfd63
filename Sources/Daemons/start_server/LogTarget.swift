import DaemonKit
import MasterRuntime
import Unix

/// Where standard output and error are to go, of the superdaemon and its workers; opened before the start detaches.
struct LogTarget {
    /// It reads what they take.
    let command: LogCommand?
    /// Ours until the redirection.
    private let file: Int32?

    init(_ settings: Settings, _ console: Console) throws(ExitError) {
        var file: Int32?
        var command: LogCommand?
        var tried = "cannot open the log"
        do {
            switch settings.log {
            case .file(let path):
                tried = "cannot open log file \(path)"
                file = try console.openFile(path).release()
            case .command(let text):
                tried = "cannot start '\(text)'"
                // It may write where we did; not when the caller waits for the end of our output.
                let outputs =
                    settings.daemonize
                    ? []
                    : [
                        try Descriptor.duplicate(1, above: [2]), try Descriptor.duplicate(2, above: [2]),
                    ]
                command = try LogCommand(text, outputs: outputs)
            case nil:
                // Nobody may be kept waiting for the end of our output.
                if settings.daemonize { file = try FileDescriptor.open("/dev/null", .readWrite).release() }
            }
        } catch {
            let errno = (error as? FileRefusal)?.errno ?? error as? Errno
            throw ExitError("\(tried): \(error)", exitStatus: errno?.rawValue ?? 1)
        }
        self.file = file
        self.command = command
    }

    func redirect(_ console: Console) throws(ExitError) {
        guard let number = command?.input ?? file else { return }
        defer { file.map(Descriptor.close) }
        do {
            try console.redirect(to: number)
        } catch {
            throw ExitError("cannot redirect standard output", error)
        }
    }
}
