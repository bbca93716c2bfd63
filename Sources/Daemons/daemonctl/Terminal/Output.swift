import DaemonKit
import Text
import Unix

/// What others have written, on its way to standard output: a terminal is shown it, a pipe and a file get the bytes.
struct Output {
    private let descriptor: Int32
    /// nil where the bytes go as they are.
    private var visible: VisibleBytes?

    init(_ descriptor: Int32, isVisible: Bool) {
        self.descriptor = descriptor
        visible = isVisible ? VisibleBytes() : nil
    }

    init(_ descriptor: Int32) { self.init(descriptor, isVisible: Terminal.isTerminal(descriptor)) }

    mutating func write(_ bytes: ArraySlice<UInt8>) throws(Errno) { try send(visible?.take(bytes) ?? Array(bytes)) }

    /// Nothing more comes.
    mutating func end() throws(Errno) { try send(visible?.end() ?? []) }

    private func send(_ bytes: [UInt8]) throws(Errno) {
        var sent = 0
        while sent < bytes.count {
            // bounded: a call takes no more than it is given
            sent += try Descriptor.write(descriptor, bytes.span.extracting(sent..<bytes.count))
        }
    }

    /// A text of ours, in which names and words of others may stand.
    static func write(_ text: String, to descriptor: Int32) throws(Errno) {
        try Descriptor.writeAll(descriptor, Terminal.isTerminal(descriptor) ? VisibleText.lines(text) : text)
    }
}

/// An answer's last line ends as a message of ours does.
func withoutLastEnd(_ text: String) -> String { text.hasSuffix("\n") ? String(text.dropLast()) : text }
