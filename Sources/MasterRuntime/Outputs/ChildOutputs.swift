import DaemonCore
import Supervision
import Unix

/// Where the output of a master's children goes: pipes that are read when they have something, and the files that lines
/// go to.
final class ChildOutputs {
    private let log: any SessionLog
    private unowned let master: Master
    private var streams: [Int32: Stream] = [:]
    /// Files of children's output, by path; the numbers stay the same over a reopening.
    private var files: [String: LogWriter] = [:]
    /// Commands that read children's output, by their texts, and the one that reads our own.
    private var commands: [String: LogCommand] = [:]
    private var ownCommand: LogCommand?
    /// They end behind the last child that writes to them.
    private var retired: [LogCommand] = []
    /// Whom children run as: a log may be theirs.
    private var owners: Set<UserID> = []
    /// Files that do not take lines now.
    private var failing: Set<String> = []
    /// Pipes that have something, in the order of their turn.
    private var ready: [Int32] = []
    private var isReady: Set<Int32> = []
    /// As much as a pipe holds. pipe(7)
    private var buffer = [UInt8](repeating: 0, count: 64 * 1024)
    private var batch = LineBatch()

    /// For all children together, between two looks at signals and requests.
    private static let share = Duration.milliseconds(2)

    private struct Stream {
        let pipe: ChildLog
        let output: ChildOutput
    }

    init(_ log: any SessionLog, master: Master) {
        self.log = log
        self.master = master
    }

    /// A command that reads what our own standard output and error take.
    func add(_ command: LogCommand) {
        ownCommand = command
        command.start(in: master)
    }

    // MARK: Children

    /// Calls `start` with what the child is to have as its standard output and error, nil for our own.
    func start(
        _ output: ChildOutput, of user: UserID?, _ start: (Int32?) throws(Errno) -> NewProcess
    ) throws(Errno) -> NewProcess {
        if let user { owners.insert(user) }
        switch output {
        case .inherit: return try start(nil)
        case .command(let text): return try start(try command(text).input)
        case .prefix, .file: break
        }
        let ends = try FileDescriptor.pipe().release()
        defer { Descriptor.close(ends.write) }
        do {
            let taker = try taker(for: output, from: ends.read)
            try Descriptor.setNonBlocking(ends.read, true)
            let process = try start(ends.write)
            watch(ChildLog(ends.read, taker), output)
            return process
        } catch {
            Descriptor.close(ends.read)
            throw error
        }
    }

    private func taker(
        for output: ChildOutput, from pipe: Int32, unfinished: [UInt8] = [], isContinued: Bool = false
    ) throws(Errno) -> any ChildOutputTaker {
        switch output {
        case .inherit, .command: ChildLines("", unfinished: unfinished) { _ in }
        case .prefix(let name):
            ChildLines(name, unfinished: unfinished, isContinued: isContinued) { [log] in log.write(.info, batch: &$0) }
        case .file(let path):
            ChildBytes(try file(at: path), source: pipe, unfinished: unfinished, report: Self.report)
        }
    }

    private func watch(_ pipe: ChildLog, _ output: ChildOutput) {
        streams[pipe.descriptor] = Stream(pipe: pipe, output: output)
        try? master.watch(pipe.descriptor) { [unowned self] in
            if isReady.insert(pipe.descriptor).inserted { ready.append(pipe.descriptor) }
        }
    }

    /// Reads from each that has something, once and in turn, as long as the time allows; the others are first the next
    /// time.
    func serve() {
        guard !ready.isEmpty else { return }
        let deadline = MonotonicTime.now + Self.share
        var served = 0
        repeat {
            let number = ready[served]
            isReady.remove(number)
            if let stream = streams[number] { read(stream) }
            served += 1
        } while served < ready.count && .now < deadline
        ready.removeFirst(served)
    }

    private func read(_ stream: Stream) {
        let isOpen = stream.pipe.read(&buffer, &batch)
        if case .file(let path) = stream.output { tellOfFailure(path) }
        guard !isOpen else { return }
        let number = stream.pipe.descriptor
        master.unwatch(number)
        streams[number] = nil
        Descriptor.close(number)
    }

    /// What was written before the end, and has not been read yet: as much as a pipe holds, since somebody who has left
    /// his group may write on for ever.
    func readRest() {
        for stream in Array(streams.values) {
            var reads = 8
            while reads > 0, readMore(from: stream) { reads -= 1 }
        }
    }

    private func readMore(from stream: Stream) -> Bool {
        guard Poll.readable(stream.pipe.descriptor, timeout: .zero) else { return false }
        read(stream)
        return streams[stream.pipe.descriptor] != nil
    }

    private func command(_ text: String) throws(Errno) -> LogCommand {
        if let command = commands[text] { return command }
        let command = try LogCommand(text, outputs: [1, 2])
        commands[text] = command
        command.start(in: master)
        return command
    }

    /// The last thing that is done: commands read what is left.
    func finish() {
        let deadline = MonotonicTime.now + .seconds(5)
        for command in allCommands { command.finish(until: deadline) }
    }

    // MARK: Files

    private func file(at path: String) throws(Errno) -> LogWriter {
        if let file = files[path] { return file }
        do {
            let file = LogWriter(try open(path))
            file.lookAtEnd()
            files[path] = file
            return file
        } catch {
            log.write(.error, "log file \(path): \(error)")
            throw error.errno
        }
    }

    private func open(_ path: String) throws(FileRefusal) -> Int32 {
        try SafeFile.append(path, mode: 0o640, owners: Array(owners)).release()
    }

    /// After a rotation.
    func reopen() {
        for (path, file) in files {
            do {
                let fresh = try open(path)
                defer { Descriptor.close(fresh) }
                try file.replace(by: fresh, report: Self.report)
            } catch {
                log.write(.warning, "cannot reopen \(path), keeping the old file: \(error)")
            }
        }
    }

    /// Closes the files and commands that neither a running child nor the setup needs.
    func keep(_ needed: some Sequence<ChildOutput>) {
        let outputs = Set(streams.values.map(\.output)).union(needed)
        for (path, file) in files where !outputs.contains(.file(path)) {
            files[path] = nil
            failing.remove(path)
            Descriptor.close(file.descriptor)
        }
        for (text, command) in commands where !outputs.contains(.command(text)) {
            commands[text] = nil
            retired.append(command)
            command.retire()
        }
        retired.removeAll(where: \.isOver)
    }

    // MARK: Losses

    private static func report(_ loss: LogLoss) -> [UInt8] { Array("\(loss.ofLines)\n".utf8) }

    /// The administrator looks into our log first: a file that is full, and what it has cost.
    private func tellOfFailure(_ path: String) {
        guard let file = files[path], file.isWaiting != failing.contains(path) else { return }
        if failing.remove(path) == nil {
            failing.insert(path)
            log.write(.error, "log file \(path) takes no lines: \(file.failure ?? .noSpace)")
        } else {
            log.write(.warning, "log file \(path) takes lines again; so far \(file.lost.ofLines)")
        }
    }

    var isWaiting: Bool { !failing.isEmpty }

    /// Tries once more what files did not take.
    func flush() {
        for path in failing {
            files[path]?.flush(report: Self.report)
            tellOfFailure(path)
        }
    }

    /// All that was ever lost, by file.
    var losses: [(log: String, loss: LogLoss)] { files.map { ($0, $1.lost) }.filter { !$0.1.isEmpty } }

    // MARK: Over an exec

    private var allCommands: [LogCommand] {
        Array(commands.values) + (ownCommand.map { [$0] } ?? []) + retired.filter { !$0.isOver }
    }

    var descriptors: [Int32] {
        Array(streams.keys) + files.values.map(\.descriptor) + allCommands.flatMap(\.descriptors)
    }

    var records: [StateRecord] {
        var records = files.map { path, file in
            var record = StateRecord("outputFile")
            record["path"] = path
            record[number: "descriptor"] = Int(file.descriptor)
            record[flag: "failing"] = failing.contains(path)
            file.write(to: &record)
            return record
        }
        records += (Array(commands.values) + retired.filter { !$0.isOver }).map(\.record)
        if var record = ownCommand?.record {
            record[flag: "own"] = true
            records.append(record)
        }
        if !owners.isEmpty {
            var record = StateRecord("outputOwners")
            record[numbers: "users"] = owners.map(Int.init)
            records.append(record)
        }
        for (number, stream) in streams {
            var record = StateRecord("outputPipe")
            record[number: "descriptor"] = Int(number)
            stream.output.write(to: &record)
            record[bytes: "line"] = stream.pipe.taker.unfinished
            record[flag: "continued"] = stream.pipe.taker.isContinued
            records.append(record)
        }
        return records
    }

    func restore(_ state: SavedState) {
        owners.formUnion(state.first("outputOwners")?[numbers: "users"].compactMap(UserID.init(exactly:)) ?? [])
        for record in state.all("outputFile") {
            guard let path = record["path"], let number = record[descriptor: "descriptor"] else { continue }
            let file = LogWriter(number)
            file.restore(record)
            files[path] = file
            if record[flag: "failing"] { failing.insert(path) }
        }
        for record in state.all("logCommand") {
            guard let command = LogCommand(record) else { continue }
            if record[flag: "own"] {
                ownCommand = command
            } else if command.isRetired {
                retired.append(command)
            } else {
                commands[command.text] = command
            }
            command.start(in: master)
        }
        for record in state.all("outputPipe") {
            guard let number = record[descriptor: "descriptor"] else { continue }
            let output = ChildOutput(record)
            let (line, isContinued) = (record[bytes: "line"], record[flag: "continued"])
            let taker = try? taker(for: output, from: number, unfinished: line, isContinued: isContinued)
            watch(ChildLog(number, taker ?? ChildLines("") { _ in }), output)
        }
    }
}

extension ChildOutput {
    init(_ record: StateRecord) {
        switch (record["output"], record["outputName"]) {
        case ("prefix", let name?): self = .prefix(name)
        case ("file", let path?): self = .file(path)
        case ("command", let text?): self = .command(text)
        default: self = .inherit
        }
    }

    package func write(to record: inout StateRecord) {
        switch self {
        case .inherit: break
        case .prefix(let name): (record["output"], record["outputName"]) = ("prefix", name)
        case .file(let path): (record["output"], record["outputName"]) = ("file", path)
        case .command(let text): (record["output"], record["outputName"]) = ("command", text)
        }
    }
}

extension StateRecord {
    /// An open descriptor that came over the exec; nil for none. It is close-on-exec again.
    package subscript(descriptor key: String) -> Int32? {
        guard let number = self[number: key].flatMap({ Int32(exactly: $0) }), number > 2,
            (try? Descriptor.setCloseOnExec(number, true)) != nil
        else { return nil }
        return number
    }

    /// Any texts without zero bytes.
    package subscript(list key: String) -> [String] {
        get { (self[key] ?? "").split(separator: "\0", omittingEmptySubsequences: false).dropLast().map(String.init) }
        set { self[key] = newValue.isEmpty ? nil : newValue.map { "\($0)\0" }.joined() }
    }
}
