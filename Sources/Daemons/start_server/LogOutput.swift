import DaemonKit
import Supervision
import Unix

/// Standard output and error, of the superdaemon and its workers: a file that can be reopened, or a command's input.
final class LogOutput {
    private let target: Settings.LogTarget
    private let console: Console
    /// Whom the workers run as: the log may be theirs.
    private let owners: [UserID]
    /// Opened, and not yet in place of standard output.
    private var file: Int32 = -1
    /// Of a command: both ends stay ours, so that nothing is lost while there is no reader.
    private var pipe: (read: Int32, write: Int32)?
    /// What standard output and error were before: the command's own, which must not read what it wrote.
    private var original: [Int32] = []
    private var command: ProcessID?
    private var startedAt = MonotonicTime(nanoseconds: .min)

    /// The least time from one start of a command that ends to the next.
    private static let pace = Duration.seconds(1)

    /// Opens it: `redirect` puts it into use. `keepsOriginal`: a command may write where we did; not when the caller
    /// waits for the end of our output.
    init(
        _ target: Settings.LogTarget, _ console: Console, _ account: SpawnAccount?, keepsOriginal: Bool
    ) throws(ExitError) {
        self.target = target
        self.console = console
        owners = account.map { [$0.user] } ?? []
        switch target {
        case .file(let path):
            do {
                file = try open(path)
            } catch {
                throw ExitError("cannot open log file \(path): \(error)", exitStatus: error.errno.rawValue)
            }
        case .command(let text):
            do {
                pipe = try FileDescriptor.pipe().release()
                if keepsOriginal {
                    original = [try Descriptor.duplicate(1, above: [2]), try Descriptor.duplicate(2, above: [2])]
                }
            } catch {
                throw ExitError("cannot start '\(text)'", error)
            }
        }
    }

    func redirect() throws(ExitError) {
        do {
            try redirect(to: pipe?.write ?? file)
        } catch {
            throw ExitError("cannot redirect standard output", error)
        }
        if file >= 0 { Descriptor.close(file) }
        file = -1
    }

    private func redirect(to descriptor: Int32) throws(Errno) {
        for number: Int32 in 1...2 { try Descriptor.duplicate(descriptor, ontoStandard: number) }
        console.reopened()
    }

    private func open(_ path: String) throws(FileRefusal) -> Int32 {
        try SafeFile.append(path, mode: 0o666, owners: owners).release()
    }

    /// Opened by an earlier image of this process.
    init(
        _ target: Settings.LogTarget, _ console: Console, _ account: SpawnAccount?, restoring record: StateText.Record?
    ) {
        self.target = target
        self.console = console
        owners = account.map { [$0.user] } ?? []
        guard case .command = target, let record, let read = record[number: "read"], let write = record[number: "write"]
        else { return }
        let numbers = [read, write].compactMap { Int32(exactly: $0) }.filter(Descriptor.isOpen)
        guard numbers.count == 2 else { return }
        for number in numbers { try? Descriptor.setCloseOnExec(number, true) }
        pipe = (numbers[0], numbers[1])
        command = record[number: "command"].flatMap { ProcessID(exactly: $0) }
        original = record[numbers: "original"].compactMap { Int32(exactly: $0) }.filter(Descriptor.isOpen)
        for number in original { try? Descriptor.setCloseOnExec(number, true) }
    }

    var record: StateText.Record? {
        guard let pipe else { return nil }
        var record = StateText.Record("log")
        record[number: "read"] = Int(pipe.read)
        record[number: "write"] = Int(pipe.write)
        record[number: "command"] = command.map(Int.init)
        record[numbers: "original"] = original.map(Int.init)
        return record
    }

    var descriptors: [Int32] { (file < 0 ? [] : [file]) + (pipe.map { [$0.read, $0.write] } ?? []) + original }

    /// After a rotation. What cannot be opened leaves the old file in use.
    func reopen() {
        guard case .file(let path) = target else { return }
        do {
            let file = try open(path)
            defer { Descriptor.close(file) }
            try redirect(to: file)
        } catch {
            console.write("cannot reopen log file \(path), going on with the old one: \(error)")
        }
    }

    /// Starts the command, and again whenever it ends.
    func startCommand(in master: Master) {
        guard case .command(let text) = target, let pipe else { return }
        if let command { return master.adopt(helper: command) { [unowned self] _ in ended(in: master) } }
        startedAt = .now
        var spawn = Spawn("/bin/sh", ["-c", text])
        do {
            let null = try FileDescriptor.open("/dev/null", .readWrite)
            let outputs = original.count == 2 ? original : [null.number, null.number]
            spawn.descriptors = [(0, pipe.read), (1, outputs[0]), (2, outputs[1])]  // bounded: there are two
            command = try master.start(helper: spawn) { [unowned self] _, _ in ended(in: master) }
        } catch {
            ended(in: master)
        }
    }

    private func ended(in master: Master) {
        command = nil
        let due = startedAt + Self.pace
        guard due > .now else { return startCommand(in: master) }
        master.after(due - .now) { [unowned self] in startCommand(in: master) }
    }

    /// Lets the command read what is left, and waits for its end, though not for ever: somebody else may write on.
    func finish() {
        guard let pipe, let command, let process = try? ProvenProcess(command, .child) else { return }
        for number: Int32 in 1...2 {
            if let null = try? FileDescriptor.open("/dev/null", .readWrite) {
                try? Descriptor.duplicate(null.number, ontoStandard: number)
            }
        }
        console.reopened()
        Descriptor.close(pipe.write)
        Descriptor.close(pipe.read)
        _ = process.waitForEnd(.seconds(5))
    }
}
