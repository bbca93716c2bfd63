import MasterRuntime
import Supervision
import Synchronization
import Testing
import Unix

@testable import DaemonCore

/// A log never ends its daemon, never blocks it, and tells what it lost.
@Suite("LogWriter", .timeLimit(.minutes(20)))
struct LogWriterTests {
    private let folder = TemporaryFolder()

    private static func line(_ text: String) -> [UInt8] { Array("\(text)\n".utf8) }

    private static func report(_ loss: LogLoss) -> [UInt8] {
        line("lost \(loss.records) (\(loss.bytes)): \(loss.cause)")
    }

    private func write(_ writer: LogWriter, _ text: String) { writer.write(Self.line(text), report: Self.report) }

    private func open(_ path: String) throws -> Int32 {
        try FileDescriptor.open(path, [.writeOnly, .append, .create]).release()
    }

    /// A pipe that holds as much as it can, less `room` bytes.
    private func fullPipe(room: Int = 0) throws -> (read: Int32, write: Int32) {
        let ends = try FileDescriptor.pipe().release()
        Descriptor.enlargePipe(ends.write, to: 1 << 20)
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
        let writer = LogWriter(try open(folder["log"]))
        defer { Descriptor.close(writer.descriptor) }
        for text in ["one", "two"] { write(writer, text) }
        #expect(try folder.contents("log") == "one\ntwo\n")
        #expect(writer.failure == nil)
    }

    @Test("what a full disk loses is counted, and told first of all when there is room again")
    func fullDisk() throws {
        let writer = LogWriter(try open("/dev/full"))
        defer { Descriptor.close(writer.descriptor) }
        for text in ["one", "two", "three"] { write(writer, text) }
        #expect(writer.failure == .noSpace)

        let file = try FileDescriptor.open(folder["log"], [.writeOnly, .append, .create])
        try Descriptor.duplicate(file.number, onto: writer.descriptor)
        for text in ["four", "five"] { write(writer, text) }
        #expect(try folder.contents("log") == "lost 3 (14): No space left on device\nfour\nfive\n")
        #expect(writer.failure == nil)
    }

    @Test("a descriptor that is closed loses lines with a reason")
    func closed() throws {
        let writer = LogWriter(Int32.max)
        write(writer, "one")
        #expect(writer.failure == .badDescriptor)
    }

    @Test("a pipe whose reader does not read blocks nobody, and the loss is told when it reads again")
    func slowReader() throws {
        let ends = try fullPipe()
        defer { for number in [ends.read, ends.write] { Descriptor.close(number) } }
        let writer = LogWriter(ends.write)
        for number in 1...100 { write(writer, "line \(number)") }
        #expect(writer.failure == .wouldBlock)

        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while Poll.readable(ends.read, timeout: .zero) { _ = try Descriptor.read(ends.read, into: &buffer) }
        write(writer, "last")
        let count = try Descriptor.read(ends.read, into: &buffer)
        #expect(
            String(decoding: buffer[..<count], as: UTF8.self)
                == "lost 100 (792): Resource temporarily unavailable\nlast\n")
    }

    @Test("a line longer than the room in a pipe blocks nobody")
    func longLine() throws {
        let ends = try fullPipe(room: 4096)
        defer { Descriptor.close(ends.read) }
        let isDone = Atomic(false)
        try Thread.start {
            let writer = LogWriter(ends.write, isShared: true)
            writer.write(Self.line(String(repeating: "x", count: 20_000)), report: Self.report)
            Descriptor.close(writer.descriptor)
            isDone.store(true, ordering: .releasing)
        }
        #expect(eventually { isDone.load(ordering: .acquiring) })
        _ = try readAll(ends.read)  // sets the writer free, and waits for its end
    }

    @Test("a record that a full disk cuts is completed when there is room, and what came behind it is told")
    func cut() async throws {
        await #expect(processExitsWith: .success) { [path = folder["log"] as String] in
            signal(SIGXFSZ, SIG_IGN)
            let writer = LogWriter(try FileDescriptor.open(path, [.writeOnly, .append, .create]).release())
            func write(_ text: String) { writer.write(Self.line(text), report: Self.report) }
            write("whole")
            fileSizeLimit = 10
            write("cut off")
            write("not begun")
            fileSizeLimit = 1 << 20
            write("whole again")
        }
        #expect(try folder.contents("log") == "whole\ncut off\nlost 1 (10): File too large\nwhole again\n")
    }

    @Test("a file that was emptied to make room gets no end of a line without its beginning")
    func emptied() async throws {
        await #expect(processExitsWith: .success) { [path = folder["log"] as String] in
            signal(SIGXFSZ, SIG_IGN)
            let writer = LogWriter(try FileDescriptor.open(path, [.writeOnly, .append, .create]).release())
            func write(_ text: String) { writer.write(Self.line(text), report: Self.report) }
            fileSizeLimit = 4
            write("cut off")
            fileSizeLimit = 1 << 20
            try Descriptor.truncate(writer.descriptor)
            write("new")
        }
        #expect(try folder.contents("log") == "lost 1 (4): File too large\nnew\n")
    }

    @Test("two writers of one file: the line that one has begun is not glued to the other's")
    func others() async throws {
        await #expect(processExitsWith: .success) { [path = folder["log"] as String] in
            signal(SIGXFSZ, SIG_IGN)
            let writers = try (0..<2).map { _ in
                LogWriter(try FileDescriptor.open(path, [.writeOnly, .append, .create]).release())
            }
            func write(_ index: Int, _ text: String) { writers[index].write(Self.line(text), report: Self.report) }
            fileSizeLimit = 4
            write(0, "cut off")
            write(1, "not begun")
            fileSizeLimit = 1 << 20
            write(1, "second")
            write(0, "first")
        }
        let lines = ["cut ", "lost 1 (10): File too large", "second", "lost 1 (4): File too large", "first"]
        #expect(try folder.contents("log") == lines.map { "\($0)\n" }.joined())
    }

    @Test("from several threads each line arrives or is counted as lost")
    func account() throws {
        let ends = try FileDescriptor.pipe().release()
        let received = Mutex("")
        let writer = LogWriter(ends.write)
        let padding = String(repeating: ".", count: 200)
        try inThreads(5) { thread in
            if thread == 0 {
                // Comes late, when something is lost already, and reads until the writers have ended.
                _ = eventually { writer.failure != nil }
                let text = try? readAll(ends.read)
                received.withLock { $0 = text ?? "" }
                return
            }
            for number in 0..<2000 {
                writer.write(Self.line("thread \(thread) line \(number) \(padding)"), report: Self.report)
            }
            // The last writer's end is the reader's.
            if writerUsers.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
                while writer.failure != nil {
                    if Poll.writable(ends.write, timeout: .seconds(20)) {
                        writer.write(Self.line("end"), report: Self.report)
                    }
                }
                Descriptor.close(ends.write)
            }
        }
        Descriptor.close(ends.read)
        let lines = received.withLock { $0 }.split(separator: "\n")
        let arrived = lines.filter { $0.hasPrefix("thread ") }
        let lost = lines.compactMap { $0.wholeMatch(of: /lost (\d+) .*/).flatMap { Int($0.output.1) } }.reduce(0, +)
        #expect(arrived.allSatisfy { $0.wholeMatch(of: /thread [1-4] line \d+ \.{200}/) != nil })
        #expect(Set(arrived).count == arrived.count)
        #expect(arrived.count + lost == 8000 && lost > 0)
    }

    @Test("lines that may wait go out when there is room, and none is lost")
    func waits() throws {
        let ends = try fullPipe()
        defer { for number in [ends.read, ends.write] { Descriptor.close(number) } }
        let writer = LogWriter(ends.write, queueLimit: 1000)
        for number in 1...20 { write(writer, "line \(number)") }
        #expect(writer.isWaiting && writer.lost.isEmpty)
        try drain(ends.read)
        writer.flush(report: Self.report)
        #expect(!writer.isWaiting)
        #expect(try drain(ends.read) == (1...20).map { "line \($0)\n" }.joined())
    }

    @discardableResult
    private func drain(_ descriptor: Int32) throws -> String {
        var (bytes, buffer): ([UInt8], [UInt8]) = ([], [UInt8](repeating: 0, count: 1 << 20))
        while Poll.readable(descriptor, timeout: .zero),
            case let count = try Descriptor.read(descriptor, into: &buffer),
            count > 0
        { bytes += buffer[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("who may wait does so once for a reader that does not read, and not again until it reads")
    func patience() throws {
        let ends = try fullPipe()
        defer { for number in [ends.read, ends.write] { Descriptor.close(number) } }
        let writer = LogWriter(ends.write, patience: .milliseconds(200))
        let start = MonotonicTime.now
        for number in 1...1000 { write(writer, "line \(number)") }
        let time = MonotonicTime.now - start
        #expect(time >= .milliseconds(200) && time < .seconds(10), "\(time)")
        #expect(writer.lost.records == 1000)
    }

    @Test("who may wait loses nothing to a reader that is only slow")
    func slowButReading() throws {
        let ends = try FileDescriptor.pipe().release()
        let text = Mutex("")
        try inThreads(2) { thread in
            if thread == 0 { return text.withLock { $0 = (try? readAll(ends.read)) ?? "" } }
            let writer = LogWriter(ends.write, patience: .seconds(20))
            for number in 0..<20_000 { writer.write(Self.line("line \(number)"), report: Self.report) }
            Descriptor.close(ends.write)
        }
        Descriptor.close(ends.read)
        #expect(text.withLock { $0 } == (0..<20_000).map { "line \($0)\n" }.joined())
    }

    /// What cannot block must not: the test's limit is the proof that it did not.
    private func writesWithoutWaiting(_ writer: LogWriter) -> Bool {
        for _ in 0..<200 { write(writer, String(repeating: "x", count: 20_000)) }
        return writer.failure == .wouldBlock
    }

    @Test("a shared pipe that nobody reads blocks nobody, and its flags stay")
    func sharedPipe() throws {
        let ends = try fullPipe()
        defer { for number in [ends.read, ends.write] { Descriptor.close(number) } }
        #expect(writesWithoutWaiting(LogWriter(ends.write, isShared: true)))
        #expect(fcntl(ends.write, F_GETFL) & O_NONBLOCK == 0)
    }

    @Test("a fifo that nobody reads blocks nobody")
    func fifo() throws {
        mkfifo(folder["fifo"], 0o600)
        let reader = try FileDescriptor.open(folder["fifo"], .nonBlocking)
        let fifo = try FileDescriptor.open(folder["fifo"], [.writeOnly])
        #expect(writesWithoutWaiting(LogWriter(fifo.number, isShared: true)))
        #expect(fcntl(fifo.number, F_GETFL) & O_NONBLOCK == 0)
        _ = reader
    }

    @Test("a socket that nobody reads blocks nobody")
    func socket() throws {
        let ends = try Socket.pair()
        defer { for number in [ends.0, ends.1] { Descriptor.close(number) } }
        #expect(writesWithoutWaiting(LogWriter(ends.0, isShared: true)))
        #expect(fcntl(ends.0, F_GETFL) & O_NONBLOCK == 0)
    }

    /// The program's end, and the name of the terminal. pts(4): the requests are TIOCSPTLCK and TIOCGPTN.
    private func pseudoTerminal() throws -> (Int32, String) {
        let master = try FileDescriptor.open("/dev/ptmx", [.readWrite, .noControllingTerminal]).release()
        var (lock, number): (Int32, UInt32) = (0, 0)
        try #require(ioctl(master, UInt(0x4004_5431), &lock) == 0 && ioctl(master, UInt(0x8004_5430), &number) == 0)
        return (master, "/dev/pts/\(number)")
    }

    @Test(
        "a terminal that is stopped, or that nobody reads, blocks nobody",
        arguments: [true, false])
    func terminal(isStopped: Bool) throws {
        let (master, name) = try pseudoTerminal()
        defer { Descriptor.close(master) }
        let terminal = try FileDescriptor.open(name, [.readWrite, .noControllingTerminal])
        if isStopped { tcflow(terminal.number, TCOOFF) }
        #expect(writesWithoutWaiting(LogWriter(terminal.number, isShared: true)))
        #expect(fcntl(terminal.number, F_GETFL) & O_NONBLOCK == 0)
    }

    @Test(
        "another user's pipe, which cannot be opened once more, blocks nobody either",
        .enabled(if: CurrentProcess.userID == 0, "needs root"))
    func foreignPipe() async {
        await #expect(processExitsWith: .success) {
            let ends = try FileDescriptor.pipe().release()
            try Privileges.drop(to: User(id: 54321, name: "", group: 54321), group: 54321)
            #expect(throws: Errno.permissionDenied) {
                _ = try FileDescriptor.open("/proc/self/fd/\(ends.write)", .writeOnly)
            }
            let writer = LogWriter(ends.write, isShared: true)
            for _ in 0..<200 { writer.write(Self.line(String(repeating: "x", count: 20_000)), report: Self.report) }
            #expect(writer.failure == .wouldBlock)
            #expect(fcntl(ends.write, F_GETFL) & O_NONBLOCK == 0)
        }
    }

    @Test(
        "a disk that is full loses lines, which are counted, and no line is glued to another",
        .enabled(if: CurrentProcess.userID == 0, "needs root to mount"))
    func tinyDisk() throws {
        let disk = folder["disk"]
        try Files.makeDirectory(disk, mode: 0o700)
        try #require(mount("none", disk, "tmpfs", 0, "size=64k") == 0)
        defer { umount(disk) }
        let writers = try (0..<2).map { _ in LogWriter(try open("\(disk)/log")) }
        let filler = try FileDescriptor.open("\(disk)/filler", [.writeOnly, .create])
        func fill(_ round: Int) {
            for number in 0..<2000 {
                for (index, writer) in writers.enumerated() {
                    write(writer, "writer \(index) round \(round) line \(number) .")
                }
            }
        }
        for _ in 0..<20 { _ = try? Descriptor.write(filler.number, [UInt8](repeating: 0, count: 1000).span) }
        fill(1)
        #expect(writers.allSatisfy { $0.failure == .noSpace })
        try Descriptor.truncate(filler.number)
        for (index, writer) in writers.enumerated() { write(writer, "writer \(index) round 2 line 0 .") }
        let lines = try TemporaryFolder.contents(of: "\(disk)/log").split(separator: "\n")
        let whole = lines.filter { $0.wholeMatch(of: /writer \d round \d line \d+ \./) != nil }
        let lost = lines.compactMap { $0.wholeMatch(of: /lost (\d+) .*/).flatMap { Int($0.output.1) } }
        #expect(lost.count == 2 && whole.count + lost.reduce(0, +) == 4002)
        // One line may have been cut, and was given up because the other wrote behind it.
        #expect(lines.count - whole.count - lost.count <= 1, "\(lines.count) \(whole.count)")
    }

    @Test("what waits and what was lost goes over an exec")
    func state() throws {
        let ends = try fullPipe()
        defer { for number in [ends.read, ends.write] { Descriptor.close(number) } }
        let old = LogWriter(ends.write, queueLimit: 8)
        for text in ["one", "two", "three"] { write(old, text) }
        var record = StateRecord("log")
        old.write(to: &record)
        let new = LogWriter(ends.write, queueLimit: 8)
        new.restore(try #require(SavedState(decoding: SavedState([record]).bytes).first("log")))
        #expect(new.lost == old.lost && new.lost.records == 1)
        try drain(ends.read)
        write(new, "four")
        #expect(try drain(ends.read) == "one\ntwo\nlost 1 (6): Resource temporarily unavailable\nfour\n")
    }

    @Test("what waited for a log that has room again is its own, and not of the one that takes its place")
    func replacedWithRoom() throws {
        let ends = try fullPipe()
        defer { for number in [ends.read, ends.write] { Descriptor.close(number) } }
        let writer = LogWriter(ends.write, queueLimit: 8)
        write(writer, "one")
        try drain(ends.read)
        let file = try FileDescriptor.open(folder["log"], [.writeOnly, .append, .create])
        try writer.replace(by: file.number, first: Self.line("first"), report: Self.report)
        #expect(try drain(ends.read) == "one\n")
        #expect(writer.lost.records == 0)
        #expect(try folder.contents("log") == "first\n")
    }

    @Test("a file that another takes the place of is told what the old one has lost")
    func replaced() throws {
        let writer = LogWriter(try open("/dev/full"))
        defer { Descriptor.close(writer.descriptor) }
        write(writer, "one")
        let file = try FileDescriptor.open(folder["log"], [.writeOnly, .append, .create])
        try Descriptor.writeAll(file.number, "somebody's beginning")
        try writer.replace(by: file.number, first: Self.line("first"), report: Self.report)
        write(writer, "two")
        #expect(
            try folder.contents("log")
                == "somebody's beginning\nfirst\nlost 1 (4): No space left on device\ntwo\n")
    }
}

private let writerUsers = Atomic(4)
