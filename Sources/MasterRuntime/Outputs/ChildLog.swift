import DaemonCore
import Unix

/// A pipe that a child writes its output to.
final class ChildLog {
    /// The master's end, non-blocking.
    let descriptor: Int32
    let taker: any ChildOutputTaker

    init(_ descriptor: Int32, _ taker: any ChildOutputTaker) {
        self.descriptor = descriptor
        self.taker = taker
    }

    /// Reads what is there, once, so that a child that never stops talking does not keep the others waiting; false at the
    /// end of the pipe, when the last writer has gone.
    func read(_ buffer: inout [UInt8], _ batch: inout LineBatch) -> Bool {
        do {
            let count = try Descriptor.read(descriptor, into: &buffer)
            if count > 0 {
                taker.take(buffer[..<count], &batch)
                return true
            }
        } catch .wouldBlock {
            return true
        } catch {}
        taker.end(&batch)
        return false
    }
}

/// What becomes of a child's output.
protocol ChildOutputTaker: AnyObject {
    /// `batch` is empty before and after.
    func take(_ bytes: ArraySlice<UInt8>, _ batch: inout LineBatch)
    /// Nothing comes any more: a last line without its end is a line too.
    func end(_ batch: inout LineBatch)
    /// The beginning of a line whose end has not come yet, for the next image.
    var unfinished: [UInt8] { get }
    /// A piece of that line has gone out already.
    var isContinued: Bool { get }
}

/// Lines, each a record of the master's log behind a name. One that is too long is cut in pieces, which are marked.
final class ChildLines: ChildOutputTaker {
    private(set) var unfinished: [UInt8]
    private(set) var isContinued: Bool
    /// `NAME: `
    private let head: [UInt8]
    private let say: (inout LineBatch) -> Void

    static let longest = 8192
    private static let mark = "[...]"

    /// `say` gets the messages of each read together.
    init(
        _ name: String, unfinished: [UInt8] = [], isContinued: Bool = false,
        _ say: @escaping (inout LineBatch) -> Void
    ) {
        head = Array("\(name): ".utf8)
        self.unfinished = unfinished
        self.isContinued = isContinued
        self.say = say
    }

    func take(_ bytes: ArraySlice<UInt8>, _ batch: inout LineBatch) {
        var rest = bytes
        while let end = rest.firstPlace(of: UInt8(ascii: "\n")) {
            if unfinished.isEmpty, end - rest.startIndex <= Self.longest {
                add(rest[..<end], continues: false, to: &batch)  // bounded: places within the bytes
            } else {
                begin(rest[..<end], &batch)  // bounded: places within the bytes
                add(unfinished[...], continues: false, to: &batch)
                unfinished = []
            }
            rest = rest[(end + 1)...]  // bounded: places within the bytes
        }
        begin(rest, &batch)
        hand(&batch)
    }

    func end(_ batch: inout LineBatch) {
        guard !unfinished.isEmpty else { return }
        add(unfinished[...], continues: false, to: &batch)
        unfinished = []
        hand(&batch)
    }

    private func hand(_ batch: inout LineBatch) {
        guard !batch.isEmpty else { return }
        say(&batch)
        batch.removeAll()
    }

    private func begin(_ bytes: ArraySlice<UInt8>, _ batch: inout LineBatch) {
        unfinished += bytes
        while unfinished.count > Self.longest {
            let end = Self.endOfCharacters(unfinished)
            add(unfinished[..<end], continues: true, to: &batch)  // bounded: places within the bytes
            unfinished.removeFirst(end)
        }
    }

    /// Not within a character.
    private static func endOfCharacters(_ bytes: [UInt8]) -> Int {
        var end = longest
        while end > longest - 3, bytes[end] & 0xC0 == 0x80 { end -= 1 }  // bounded: places within the bytes
        return bytes[end] & 0xC0 == 0x80 ? longest : end  // bounded: places within the bytes
    }

    private func add(_ bytes: ArraySlice<UInt8>, continues: Bool, to batch: inout LineBatch) {
        batch.append(head[...])
        if isContinued { batch.append(Array("\(Self.mark) ".utf8)[...]) }
        batch.append(bytes)
        if continues { batch.append(Array(" \(Self.mark)".utf8)[...]) }
        batch.endMessage()
        isContinued = continues
    }
}

/// Bytes, as they are, to the end of a file that others may write to as well: whole lines together, and of a line that
/// is too long to be kept the pieces as they come.
final class ChildBytes: ChildOutputTaker {
    private(set) var unfinished: [UInt8]
    let isContinued = false
    private let source: Int32
    private let writer: LogWriter
    private let report: (LogLoss) -> [UInt8]

    private static let longest = 16 * 1024

    /// `source` tells this child from the others that write to the same file.
    init(
        _ writer: LogWriter, source: Int32, unfinished: [UInt8] = [], report: @escaping (LogLoss) -> [UInt8]
    ) {
        self.writer = writer
        self.source = source
        self.unfinished = unfinished
        self.report = report
    }

    func take(_ bytes: ArraySlice<UInt8>, _: inout LineBatch) {
        var rest = bytes
        if let end = rest.lastIndex(of: UInt8(ascii: "\n")) {
            pass(rest[...end])
            rest = rest[(end + 1)...]
        }
        if unfinished.count + rest.count > Self.longest { return pass(rest) }
        unfinished += rest
    }

    private func pass(_ bytes: ArraySlice<UInt8>) {
        writer.write(unfinished.isEmpty ? bytes : (unfinished + bytes)[...], from: source, report: report)
        unfinished = []
    }

    /// Without an end of its own, which the next one's first line brings.
    func end(_: inout LineBatch) {
        pass([])
        writer.ended(source)
    }
}
