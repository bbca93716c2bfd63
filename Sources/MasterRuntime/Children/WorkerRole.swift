import DaemonCore
import Text
import Unix

/// What a worker knows of its master, by an internal variable.
package struct WorkerRole {
    package static let variable = "DAEMONKIT_WORKER"

    /// From 1 on.
    package let number: Int
    /// How many there were when it was started, 1 at least.
    package let count: Int
    /// To the master, at its end when the master is gone.
    package let channel: Int32
    /// It begins without accepting.
    package let isPaused: Bool
    /// The master listens at the channel to what the worker says of itself.
    package let hearsReports: Bool

    /// Words in the variable.
    package static let (paused, reports, count) = ("paused", "reports", "of=")

    /// Takes the variable out of the environment.
    package static func take() -> WorkerRole? {
        let words = (Environment.take(variable) ?? "").split(separator: " ")
        // bounded: a name of the worker
        guard words.count >= 2, let number = Int(words[0]), let channel = Int32(words[1]), Descriptor.isOpen(channel)
        else { return nil }
        try? Descriptor.setCloseOnExec(channel, true)
        let more = words.dropFirst(2)
        return WorkerRole(
            number: number,
            count: more.first { $0.hasPrefix(count) }.flatMap {
                DecimalText.parse($0.dropFirst(count.count), in: 1...1000)
            }
                ?? number,
            channel: channel, isPaused: more.contains(paused[...]),
            hearsReports: more.contains(reports[...]))
    }

    /// What the master says by signals, besides what every daemon is told.
    package static let signals: [Signal] = [.user1, .terminalInput, .terminalOutput]
}
