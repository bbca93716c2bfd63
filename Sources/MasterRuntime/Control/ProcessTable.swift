import DaemonCore
import Text

/// How a table of processes is written, as HAProxy's `show proc`.
package enum ProcessTable {
    /// Columns of 15, joined by one blank. Nothing in a cell makes another row, or reaches a terminal as anything but text.
    package static func row(_ cells: [String]) -> String {
        let shown = cells.map { VisibleText.line($0) }
        var text = shown.map { $0 + String(repeating: " ", count: max(0, 15 - $0.count)) }.joined(separator: " ")
        while text.last == " " { text.removeLast() }
        return text + "\n"
    }

    /// `0d00h01m30s`
    package static func uptime(_ duration: Duration) -> String {
        let seconds = max(0, duration.components.seconds)
        let parts = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }
        return "\(seconds / 86400)d\(parts[0])h\(parts[1])m\(parts[2])s"
    }
}
