import CUnix
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Signals as readable bytes: the handler (in C) marks the signal and wakes the reader; there is one in a process.
///
/// Several of one signal before the reader comes are one. None is lost: the mark is kept when the pipe is full.
package final class SignalPipe: Sendable {
    private let pipe: Pipe
    /// Signals come into it. Otherwise none is caught, for whoever only plays them.
    package let isConnected: Bool

    package init(isConnected: Bool = true) throws(Errno) {
        let ends = try FileDescriptor.pipe()
        try Descriptor.setNonBlocking(ends.read.number, true)
        try Descriptor.setNonBlocking(ends.write.number, true)
        pipe = ends
        self.isConnected = isConnected
        if isConnected { cunix_signal_pipe(pipe.write.number) }
    }

    deinit { if isConnected { cunix_signal_pipe(-1) } }

    /// Readable when a signal is pending.
    package var descriptor: Int32 { pipe.read.number }

    /// Both ends.
    package var descriptors: [Int32] { [pipe.read.number, pipe.write.number] }

    /// From now on the signal is ours: no other handler, no Dispatch source for it.
    package func catches(_ signal: Signal) {
        if isConnected { _ = cunix_signal_catch(signal.rawValue) }
    }

    /// Makes the descriptor readable without a signal.
    package func wake() { _ = try? Descriptor.write(pipe.write.number, [UInt8](repeating: 0, count: 1).span) }

    /// Empties the pipe; call it before `take`.
    package func drain() {
        var buffer = [UInt8](repeating: 0, count: 256)
        while let count = try? Descriptor.read(pipe.read.number, into: &buffer), count == buffer.count {}
    }

    /// Whether the signal came since the last call.
    package func take(_ signal: Signal) -> Bool { cunix_signal_take(signal.rawValue) }

    /// Whether `ProvenProcess.queueReopen` sent its SIGHUP since the last call.
    package func takeReopenOnly() -> Bool { cunix_signal_take(Int32(cunix_mild_hangup)) }  // bounded: a constant

    /// Whether a SIGHUP since the last call told of the end of our terminal, whoever else sent one: one of the standard
    /// descriptors is a terminal that is gone, and the signal came from the kernel or from the shell whose job we are.
    /// termios(3), credentials(7)
    package func takeTerminalEnd() -> Bool {
        cunix_signal_take(Int32(cunix_terminal_hangup))  // bounded: a constant
            && (0...2).contains(where: Terminal.hasGone)
    }

    /// Whether `ProvenProcess.queueStop` sent its SIGTERM since the last call.
    package func takeMildStop() -> Bool { cunix_signal_take(Int32(cunix_mild_terminate)) }  // bounded: a constant
}

/// While armed, SIGTERM, SIGINT and SIGQUIT end the start at once and leave no registered file behind, even when the author's
/// prepare closure hangs.
package enum StartAbort {
    /// What else comes meanwhile is kept for the running daemon. Tells the launcher through `report`, where there is one.
    package static func arm(report: Int32 = -1) throws(Errno) {
        cunix_abort_arm(report)
        for signal in [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2] {
            _ = try checked { cunix_signal_catch(signal) }
        }
    }

    /// These are kept for the running daemon too, whatever they would do to the process by default.
    package static func keep(_ signals: [Signal]) { for signal in signals { _ = cunix_signal_catch(signal.rawValue) } }

    private struct File {
        let directory: Int32
        let name: String
        let identity: FileStatus.Identity
    }

    /// The files with their directories, which are held until the start is over; nil from then on.
    private static let files = Mutex<[File]?>([])

    package static func disarm() {
        cunix_abort_disarm()
        releaseDirectories()
    }

    /// Somebody else removes the files from now on.
    package static func releaseDirectories() {
        files.withLock {
            for file in $0 ?? [] { Descriptor.close(file.directory) }
            $0 = nil
        }
    }

    /// What the start has made goes with it, also when there is no descriptor left to look for it.
    package static func removeFiles() {
        files.withLock {
            for file in $0 ?? [] {
                guard (try? FileStatus(path: file.name, in: file.directory))?.identity == file.identity else {
                    continue
                }
                try? Files.unlink(file.name, in: file.directory)
            }
        }
    }

    /// The same file, in its directory, wherever the path leads by then.
    package static func remove(_ location: borrowing FileLocation, identity: FileStatus.Identity) throws(Errno) {
        let directory = try files.withLock { list throws(Errno) -> Int32? in
            guard list != nil else { return nil }
            let copy = try Descriptor.duplicate(location.directory.number, above: [2])
            list?.append(File(directory: copy, name: location.name, identity: identity))
            return copy
        }
        if let directory { remove(location.name, in: directory, identity: identity) }
    }

    /// Removed at an abort if it still is this file.
    package static func remove(_ path: String, in directory: Int32, identity: FileStatus.Identity) {
        _ = unsafe cunix_abort_file(directory, path, identity.device, identity.inode)
    }
}
