import DaemonCore
import Supervision

/// Where a session's lines go.
package protocol SessionLog: AnyObject {
    func write(_ level: LogLevel, _ message: String)
    /// Several of one moment.
    func write(_ level: LogLevel, batch: inout LineBatch)
    func reopen()
    /// Lines wait for room, or a loss is not told yet.
    var isWaiting: Bool { get }
    /// Tries that once more.
    func flush()
    /// Nothing is written any more: whoever reads the log is at its end.
    func finish()
    /// All that was ever lost, by log.
    var losses: [(log: String, loss: LogLoss)] { get }
    var records: [StateRecord] { get }
    func restore(_ state: SavedState)
}

extension Log: SessionLog {
    package func write(_ level: LogLevel, _ message: String) { log(level, message) }
    package func write(_ level: LogLevel, batch: inout LineBatch) { log(level, batch: &batch) }
}
