import DaemonCore
import Supervision
import Unix

/// A command of the shell that reads a log from its standard input, and is started again whenever it ends. Both ends of
/// the pipe stay ours meanwhile, so that nothing is lost while there is no reader. Once it is retired, we write nothing
/// more, and it goes on until the last of the others has closed his end.
package final class LogCommand {
    let text: String
    private let pipe: (read: Int32, write: Int32)
    /// Its own standard output and error: never the pipe, or it would read what it wrote. Empty: /dev/null.
    private let outputs: [Int32]
    private var process: ProcessID?
    private var startedAt = MonotonicTime(nanoseconds: .min)
    private(set) var isRetired = false
    /// It has ended, and nobody writes any more.
    private(set) var isOver = false

    /// The least time from one start of a command that ends to the next.
    private static let pace = Duration.seconds(1)

    /// `outputs` are kept open as long as this is.
    package init(_ text: String, outputs: [Int32]) throws(Errno) {
        self.text = text
        self.outputs = outputs
        pipe = try FileDescriptor.pipe().release()
    }

    /// What is written there, the command reads.
    package var input: Int32 { pipe.write }

    package func start(in master: Master) {
        if let process { return master.adopt(helper: process) { [weak self] _ in self?.ended(in: master) } }
        startedAt = .now
        do {
            let null = try FileDescriptor.open("/dev/null", .readWrite)
            process = try master.start(helper: spawn(null)) { [weak self] _, _ in self?.ended(in: master) }
        } catch {
            ended(in: master)
        }
    }

    /// Where a start comes to nothing: the command reads what was said so far, to whose end we are not there any more.
    package func drain() {
        guard process == nil, let null = try? FileDescriptor.open("/dev/null", .readWrite) else { return }
        _ = try? spawn(null).start()
    }

    private func spawn(_ null: borrowing FileDescriptor) -> Spawn {
        var spawn = Spawn("/bin/sh", ["-c", text])
        spawn.environment = ChildEnvironment.cleaned(Environment.entries)
        let ours = outputs.count == 2 ? outputs : [null.number, null.number]
        spawn.descriptors = [(0, pipe.read), (1, ours[0]), (2, ours[1])]  // bounded: there are two
        return spawn
    }

    private func ended(in master: Master) {
        process = nil
        guard !endIfUnused() else { return }
        let due = startedAt + Self.pace
        guard due > .now else { return start(in: master) }
        master.after(due - .now) { [weak self] in
            guard let self, !endIfUnused() else { return }
            start(in: master)
        }
    }

    /// A retired command that has ended is started again as long as somebody writes.
    private func endIfUnused() -> Bool {
        guard isRetired, !isOver, Poll.isHungUp(pipe.read) else { return isOver }
        isOver = true
        Descriptor.close(pipe.read)
        return true
    }

    /// Nothing more is written by us: it ends behind the last of the others.
    func retire() {
        guard !isRetired else { return }
        isRetired = true
        Descriptor.close(pipe.write)
    }

    /// Lets the command read what is left, though not for ever: somebody else may write on.
    package func finish(until deadline: MonotonicTime) {
        guard let process, let held = try? ProvenProcess(process, .child) else { return }
        retire()
        letGoOfPipe()
        Descriptor.close(pipe.read)
        _ = held.waitForEnd(max(.zero, deadline - .now))
    }

    /// It has no end while we have it open: as standard output and error, and where the log has opened that once more.
    private func letGoOfPipe() {
        guard let null = try? FileDescriptor.open("/dev/null", .readWrite),
            let own = try? FileStatus(descriptor: pipe.read).identity
        else { return }
        for number in Files.names(in: "/dev/fd").compactMap({ Int32($0) })
        where number != pipe.read && (try? FileStatus(descriptor: number).identity) == own {
            // Whoever has it may write on, and close it.
            try? Descriptor.duplicate(null.number, onto: number)
        }
    }

    // MARK: Over an exec

    package var descriptors: [Int32] { [pipe.read] + (isRetired ? [] : [pipe.write]) + outputs.filter { $0 > 2 } }

    package var record: StateRecord {
        var record = StateRecord("logCommand")
        record["text"] = text
        record[number: "read"] = Int(pipe.read)
        record[number: "write"] = isRetired ? nil : Int(pipe.write)
        record[numbers: "outputs"] = outputs.map(Int.init)
        record[number: "process"] = process.map(Int.init)
        return record
    }

    package init?(_ record: StateRecord) {
        guard let text = record["text"], let read = record[descriptor: "read"] else { return nil }
        self.text = text
        let write = record[descriptor: "write"]
        pipe = (read, write ?? -1)
        isRetired = write == nil
        process = record[number: "process"].flatMap { ProcessID(exactly: $0) }
        outputs = record[numbers: "outputs"].compactMap { Int32(exactly: $0) }.filter(Descriptor.isOpen)
        for number in outputs where number > 2 { try? Descriptor.setCloseOnExec(number, true) }
    }
}
