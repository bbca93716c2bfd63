import Synchronization
import Testing
import Unix

@testable import DaemonKit

/// A log never ends its daemon, never blocks it, and tells what it lost.
@Suite("LogSink")
struct LogSinkTests {
    private let folder = TemporaryFolder()

    private static func line(_ text: String) -> [UInt8] { Array("\(text)\n".utf8) }

    private static func report(_ lost: Int, _ cause: Errno) -> [UInt8] { line("lost \(lost): \(cause)") }

    private func write(_ sink: LogSink, _ text: String) { sink.write(Self.line(text), report: Self.report) }

    private func open(_ path: String) throws -> Int32 {
        try FileDescriptor.open(path, [.writeOnly, .append, .create]).release()
    }

    /// A pipe that holds as much as it can, less `room` bytes.
    private func fullPipe(room: Int = 0) throws -> (read: Int32, write: Int32) {
        let ends = try FileDescriptor.pipe().release()
        try Descriptor.setNonBlocking(ends.write, true)
        let page = [UInt8](repeating: UInt8(ascii: "."), count: 4096)
        while (try? Descriptor.write(ends.write, page.span)) != nil {}
        var buffer = [UInt8](repeating: 0, count: max(1, room))
        if room > 0 { #expect(try Descriptor.read(ends.read, into: &buffer) == room) }
        try Descriptor.setNonBlocking(ends.write, false)
        return ends
    }

    @Test("lines go out as they are, and nothing is lost")
    func writes() throws {
        let sink = LogSink(try open(folder["log"]))
        defer { Descriptor.close(sink.descriptor) }
        for text in ["one", "two"] { write(sink, text) }
        #expect(try folder.contents("log") == "one\ntwo\n")
        #expect(sink.failure == nil)
    }

    @Test("what a full disk loses is counted, and told first of all when there is room again")
    func fullDisk() throws {
        let sink = LogSink(try open("/dev/full"))
        defer { Descriptor.close(sink.descriptor) }
        for text in ["one", "two", "three"] { write(sink, text) }
        #expect(sink.failure == .noSpace)

        let file = try FileDescriptor.open(folder["log"], [.writeOnly, .append, .create])
        try Descriptor.duplicate(file.number, onto: sink.descriptor)
        for text in ["four", "five"] { write(sink, text) }
        #expect(try folder.contents("log") == "lost 3: No space left on device\nfour\nfive\n")
        #expect(sink.failure == nil)
    }

    @Test("a descriptor that is closed loses lines with a reason")
    func closed() throws {
        let sink = LogSink(Int32.max)
        write(sink, "one")
        #expect(sink.failure == .badDescriptor)
    }

    @Test("a pipe whose reader does not read blocks nobody, and the loss is told when it reads again")
    func slowReader() throws {
        let ends = try fullPipe()
        defer { for number in [ends.read, ends.write] { Descriptor.close(number) } }
        let sink = LogSink(ends.write)
        for number in 1...100 { write(sink, "line \(number)") }
        #expect(sink.failure == .wouldBlock)

        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while Poll.readable(ends.read, timeout: .zero) { _ = try Descriptor.read(ends.read, into: &buffer) }
        write(sink, "last")
        let count = try Descriptor.read(ends.read, into: &buffer)
        #expect(
            String(decoding: buffer[..<count], as: UTF8.self) == "lost 100: Resource temporarily unavailable\nlast\n")
    }

    @Test("a line longer than the room in a pipe blocks nobody")
    func longLine() throws {
        let ends = try fullPipe(room: 4096)
        defer { Descriptor.close(ends.read) }
        let isDone = Atomic(false)
        try Thread.start {
            let sink = LogSink(ends.write, isShared: true)
            sink.write(Self.line(String(repeating: "x", count: 20_000)), report: Self.report)
            Descriptor.close(sink.descriptor)
            isDone.store(true, ordering: .releasing)
        }
        #expect(eventually { isDone.load(ordering: .acquiring) })
        _ = try readAll(ends.read)  // sets the writer free, and waits for its end
    }

    @Test("a record that a full disk cuts is counted, and the next one starts on a line of its own")
    func torn() async throws {
        await #expect(processExitsWith: .success) { [path = folder["log"] as String] in
            signal(SIGXFSZ, SIG_IGN)
            let sink = LogSink(try FileDescriptor.open(path, [.writeOnly, .append, .create]).release())
            func write(_ text: String) { sink.write(Self.line(text), report: Self.report) }
            write("whole")
            fileSizeLimit = 10
            write("cut off")
            write("not begun")
            fileSizeLimit = 1 << 20
            write("whole again")
        }
        #expect(try folder.contents("log") == "whole\ncut \nlost 2: File too large\nwhole again\n")
    }

    @Test("from several threads each line arrives or is counted as lost")
    func account() throws {
        let ends = try FileDescriptor.pipe().release()
        let received = Mutex("")
        let sink = LogSink(ends.write)
        try inThreads(5) { thread in
            if thread == 0 {
                // Comes late, when something is lost already, and reads until the writers have ended.
                _ = eventually { sink.failure != nil }
                let text = try? readAll(ends.read)
                received.withLock { $0 = text ?? "" }
                return
            }
            for number in 0..<2000 {
                sink.write(Self.line("thread \(thread) line \(number)"), report: Self.report)
            }
            // The last writer's end is the reader's.
            if sinkUsers.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
                while sink.failure != nil {
                    if Poll.writable(ends.write, timeout: .seconds(20)) {
                        sink.write(Self.line("end"), report: Self.report)
                    }
                }
                Descriptor.close(ends.write)
            }
        }
        Descriptor.close(ends.read)
        let lines = received.withLock { $0 }.split(separator: "\n")
        let arrived = lines.filter { $0.hasPrefix("thread ") }
        let lost = lines.compactMap { $0.wholeMatch(of: /lost (\d+): .*/).flatMap { Int($0.output.1) } }.reduce(0, +)
        #expect(arrived.allSatisfy { $0.wholeMatch(of: /thread [1-4] line \d+/) != nil })
        #expect(Set(arrived).count == arrived.count)
        #expect(arrived.count + lost == 8000 && lost > 0)
    }
}

private let sinkUsers = Atomic(4)
