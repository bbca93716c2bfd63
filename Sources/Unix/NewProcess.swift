/// A child that is on its way to its program.
package struct NewProcess: Sendable {
    package let pid: ProcessID
    /// Tells what became of the exec; nil where it is known to have happened.
    package let report: ExecReport?

    package init(pid: ProcessID, report: ExecReport? = nil) {
        self.pid = pid
        self.report = report
    }

    /// For who has nothing else to do. Where there was no exec there is no child any more.
    func waitForExec() throws(Errno) -> ProcessID {
        guard let report else { return pid }
        _ = Poll.readable(report.descriptor, timeout: nil)
        guard case .failed(let failure)? = report.read() else { return pid }
        _ = try Child.reap(pid, waiting: true)
        throw failure.errno
    }
}

/// What a child says of its exec(3), by a pipe that the exec closes. Nobody need wait for it: the child's user may stop
/// it before the exec, whose path may be a file system that does not answer.
package final class ExecReport: Sendable {
    package enum Outcome: Equatable, Sendable {
        /// Or the child died before its exec: its status tells.
        case executed
        case failed(SpawnFailure)
    }

    /// Readable when the outcome is known.
    package let descriptor: Int32

    /// Takes ownership of the descriptor.
    package init(owning descriptor: Int32) { self.descriptor = descriptor }

    deinit { Descriptor.close(descriptor) }

    /// nil while it is not known.
    package func read() -> Outcome? {
        guard Poll.readable(descriptor, timeout: .zero) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 8)
        guard let count = try? Descriptor.read(descriptor, into: &bytes), count == bytes.count else { return .executed }
        let words = unsafe bytes.withUnsafeBytes {
            unsafe [$0.loadUnaligned(as: Int32.self), $0.loadUnaligned(fromByteOffset: 4, as: Int32.self)]
        }
        let step = SpawnFailure.Step(rawValue: words[0]) ?? .exec  // bounded: two words
        return .failed(SpawnFailure(step: step, errno: Errno(rawValue: words[1])))  // bounded: two words
    }
}

/// Why a child did not come to its program.
package struct SpawnFailure: Error, Equatable, Sendable {
    /// As CUnix numbers them.
    package enum Step: Int32, Sendable {
        case descriptors = 1
        case account, directory, exec, limits, niceness, oomScore, controlGroup
    }

    package let step: Step
    package let errno: Errno

    package init(step: Step, errno: Errno) {
        self.step = step
        self.errno = errno
    }
}
