import Text
import Unix

/// What a starting daemon tells its launcher through a pipe: `P<pid>\n`, then `R\n` when it serves, or
/// `F<exit status> <text>` as the last words. The end of the pipe without either is a failure.
package struct ReadinessReport: Sendable {
    private let pipe: Int32

    /// Takes ownership of the write end.
    package init(pipe: Int32) { self.pipe = pipe }

    package func started(pid: ProcessID) { try? Descriptor.writeAll(pipe, "P\(pid)\n") }

    /// Throws when the launcher is gone: then nobody waits for this daemon any more.
    package func ready() throws(Errno) {
        defer { Descriptor.close(pipe) }
        try Descriptor.writeAll(pipe, "R\n")
    }

    package func failed(_ error: DaemonError) {
        try? Descriptor.writeAll(pipe, "F\(error.exitStatus) \(error.message)")
        Descriptor.close(pipe)
    }

    /// The write end, for the signal handler.
    package var descriptor: Int32 { pipe }
}

/// What the launcher has read so far.
struct ReadinessState: Equatable {
    private(set) var pid: ProcessID?
    private(set) var isReady = false
    private var text: [UInt8] = []
    /// The rest of a line that is too long to mean anything.
    private var isSkipping = false

    private static let longestLine = 32
    private static let longestFailure = 1 << 16

    /// Only the first line can name the process: the daemon wrote it before it ran anybody's code. What comes later may
    /// be anything, of any length.
    mutating func append(_ bytes: ArraySlice<UInt8>) {
        for byte in bytes {
            if text.first == UInt8(ascii: "F") {
                if text.count < Self.longestFailure { text.append(byte) }
            } else if byte == UInt8(ascii: "\n") {
                if !isSkipping { take(String(decoding: text, as: UTF8.self)) }
                isFirst = false
                isSkipping = false
                text = []
            } else if !isSkipping {
                text.append(byte)
                isSkipping = text.count > Self.longestLine
                if isSkipping { text = [] }
            }
        }
    }

    private var isFirst = true

    private mutating func take(_ line: String) {
        if line == "R" { isReady = true }
        if isFirst, line.hasPrefix("P") { pid = DecimalText.parse(line.dropFirst(), in: 1...ProcessID.max) }
    }

    /// The exit status and the text of a failure, valid at the end of the pipe.
    var failure: (exitStatus: Int32, text: String)? {
        guard text.first == UInt8(ascii: "F") else { return nil }
        let words = String(decoding: text.dropFirst(), as: UTF8.self).split(
            separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        guard words.count == 2, let status = Int32(words[0]) else { return (1, "garbled report") }
        return ((1...255).contains(status) ? status : 1, words[1].isEmpty ? "no reason given" : String(words[1]))
    }
}
