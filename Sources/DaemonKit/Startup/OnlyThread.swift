import Unix

/// A fork with a second thread would leave a child whose tasks never run, without a word.
enum OnlyThread {
    /// Throws when there are others. One that has just ended is still counted for a moment.
    static func require(_ message: (Int) -> String) throws(DaemonError) {
        let deadline = MonotonicTime.now + .milliseconds(50)
        while case let count = CurrentProcess.threadCount, count != 1 {
            guard .now < deadline else { throw DaemonError(.threads, message(count)) }
            Poll.pause(.milliseconds(1))
        }
    }
}
