import Synchronization
import Testing
import Unix

@testable import DaemonCore

/// Pipes whose reader is slow, late, or takes nothing.
@Suite("LogWriter and the readers of pipes", .timeLimit(.minutes(20)))
struct LogReaderTests {
    private static func line(_ text: String) -> [UInt8] { Array("\(text)\n".utf8) }

    private static func report(_ loss: LogLoss) -> [UInt8] {
        line("lost \(loss.records) (\(loss.bytes)): \(loss.cause)")
    }

    private func write(_ writer: LogWriter, _ text: String) { writer.write(Self.line(text), report: Self.report) }

    /// As large as a pipe may be, and full.
    private func fullPipe() throws -> (read: Int32, write: Int32) {
        let ends = try FileDescriptor.pipe().release()
        Descriptor.enlargePipe(ends.write, to: 1 << 20)
        try Descriptor.setNonBlocking(ends.write, true)
        let page = [UInt8](repeating: UInt8(ascii: "."), count: 4096)
        while (try? Descriptor.write(ends.write, page.span)) != nil {}
        return ends
    }

    private func drain(_ descriptor: Int32) throws -> String {
        var (bytes, buffer): ([UInt8], [UInt8]) = ([], [UInt8](repeating: 0, count: 1 << 20))
        while Poll.readable(descriptor, timeout: .zero),
            case let count = try Descriptor.read(descriptor, into: &buffer), count > 0
        { bytes += buffer[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("a pipe gets more room before anything is lost")
    func enlarges() throws {
        let ends = try FileDescriptor.pipe().release()
        defer { for number in [ends.read, ends.write] { Descriptor.close(number) } }
        let writer = LogWriter(ends.write)
        let lines = (0..<20_000).map { "line \($0)" }
        for line in lines { write(writer, line) }
        #expect(writer.lost.isEmpty && !writer.isWaiting)
        #expect(try drain(ends.read) == lines.map { "\($0)\n" }.joined())
    }

    @Test("whatever is lost while nobody reads, the end leaves the count in the pipe, and what was to wait")
    func finishes() throws {
        let ends = try FileDescriptor.pipe().release()
        defer { for number in [ends.read, ends.write] { Descriptor.close(number) } }
        let writer = LogWriter(ends.write, queueLimit: 64 << 10)
        for number in 0..<100_000 { write(writer, "line \(number)") }
        #expect(writer.isWaiting && !writer.lost.isEmpty)
        writer.finish(report: Self.report)
        #expect(!writer.isWaiting)
        let lines = try drain(ends.read).split(separator: "\n")
        let told = lines.compactMap { $0.wholeMatch(of: /lost (\d+) .*/).flatMap { Int($0.1) } }
        #expect(told == [writer.lost.records] && lines.count - 1 + writer.lost.records == 100_000)
    }

    @Test("the end waits as long as somebody reads")
    func finishesSlowly() throws {
        let ends = try fullPipe()
        let text = Mutex("")
        try inThreads(2) { thread in
            if thread == 0 { return text.withLock { $0 = (try? readAll(ends.read)) ?? "" } }
            let writer = LogWriter(ends.write, queueLimit: 4 << 20)
            for number in 0..<200_000 { writer.write(Self.line("line \(number)"), report: Self.report) }
            writer.finish(report: Self.report)
            Descriptor.close(ends.write)
        }
        Descriptor.close(ends.read)
        #expect(text.withLock { $0.hasSuffix("line 199999\n") })
    }

    @Test("a line that is longer than a pipe arrives whole at a reader that takes its time")
    func longerThanPipe() throws {
        let ends = try FileDescriptor.pipe().release()
        let long = String(repeating: "x", count: 3 << 20)
        let text = Mutex("")
        try inThreads(2) { thread in
            if thread == 0 { return text.withLock { $0 = (try? readAll(ends.read)) ?? "" } }
            let writer = LogWriter(ends.write, patience: .seconds(20))
            for line in [long, "short"] { writer.write(Self.line(line), report: Self.report) }
            Descriptor.close(ends.write)
        }
        Descriptor.close(ends.read)
        #expect(text.withLock { $0 == "\(long)\nshort\n" })
    }

    @Test("all the time that a reader costs that takes next to nothing is bounded, whatever a line may wait")
    func waitsAreBounded() throws {
        let ends = try fullPipe()
        defer { for number in [ends.read, ends.write] { Descriptor.close(number) } }
        let writer = LogWriter(ends.write, patience: .seconds(3600))
        var page = [UInt8](repeating: 0, count: 4096)
        for number in 1...40 {
            write(writer, String(repeating: "x", count: 4000))
            // It reads now and then: the next line finds room, and the one behind it none.
            if number % 4 == 0 { _ = try Descriptor.read(ends.read, into: &page) }
        }
        #expect(writer.lost.records > 0)
    }
}
