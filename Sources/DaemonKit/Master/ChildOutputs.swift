import Supervision
import Unix

/// Where the output of a master's children goes: pipes that are read line by line, and the files that lines go to.
final class ChildOutputs {
    private let log: Log
    private unowned let master: Master
    private var streams: [Int32: Stream] = [:]
    /// Files of children's output, by path; the numbers stay the same over a reopening.
    private var files: [String: Int32] = [:]
    /// Whom children run as: a log may be theirs.
    var owners: Set<UserID> = []
    private var buffer = [UInt8](repeating: 0, count: 16 * 1024)

    private struct Stream {
        let pipe: ChildLog
        let output: ChildOutput
    }

    init(_ log: Log, master: Master) {
        self.log = log
        self.master = master
    }

    // MARK: Children

    /// Calls `start` with what the child is to have as its standard output and error, nil for our own.
    func start(
        _ output: ChildOutput, _ start: (Int32?) throws(Errno) -> NewProcess
    ) throws(Errno) -> NewProcess {
        guard output != .inherit else { return try start(nil) }
        let take = try taker(for: output)
        let ends = try FileDescriptor.pipe().release()
        defer { Descriptor.close(ends.write) }
        do {
            try Descriptor.setNonBlocking(ends.read, true)
            let process = try start(ends.write)
            watch(ChildLog(ends.read, take), output)
            return process
        } catch {
            Descriptor.close(ends.read)
            throw error
        }
    }

    private func taker(for output: ChildOutput) throws(Errno) -> (ArraySlice<UInt8>) -> Void {
        switch output {
        case .inherit: return { _ in }
        case .prefix(let name): return { [log] in log.info("\(name): \(String(decoding: $0, as: UTF8.self))") }
        case .file(let path):
            let file = try file(at: path)
            return { line in
                let bytes = line + [UInt8(ascii: "\n")]
                _ = try? Descriptor.write(file, bytes.span)
            }
        }
    }

    private func watch(_ pipe: ChildLog, _ output: ChildOutput) {
        streams[pipe.descriptor] = Stream(pipe: pipe, output: output)
        try? master.watch(pipe.descriptor) { [unowned self] in read(pipe) }
    }

    private func read(_ pipe: ChildLog) {
        guard !pipe.readLines(&buffer) else { return }
        master.unwatch(pipe.descriptor)
        streams[pipe.descriptor] = nil
        Descriptor.close(pipe.descriptor)
    }

    /// What was written before the end, and has not been read yet: as much as a pipe holds, since somebody who has left
    /// his group may write on for ever.
    func readRest() {
        for stream in Array(streams.values) {
            var reads = 8
            while reads > 0, read(onceFrom: stream.pipe) { reads -= 1 }
        }
    }

    private func read(onceFrom pipe: ChildLog) -> Bool {
        guard Poll.readable(pipe.descriptor, timeout: .zero) else { return false }
        read(pipe)
        return streams[pipe.descriptor] != nil
    }

    // MARK: Files

    private func file(at path: String) throws(Errno) -> Int32 {
        if let file = files[path] { return file }
        do {
            let file = try open(path)
            files[path] = file
            return file
        } catch {
            log.error("log file \(path): \(error)")
            throw error.errno
        }
    }

    private func open(_ path: String) throws(FileRefusal) -> Int32 {
        try SafeFile.append(path, mode: 0o640, owners: Array(owners)).release()
    }

    /// After a rotation.
    func reopen() {
        for (path, number) in files {
            do {
                let fresh = try open(path)
                defer { Descriptor.close(fresh) }
                try Descriptor.duplicate(fresh, onto: number)
            } catch {
                log.warning("cannot reopen \(path), keeping the old file: \(error)")
            }
        }
    }

    /// Closes the files that neither a running child nor the setup needs.
    func keep(_ needed: some Sequence<ChildOutput>) {
        let outputs = Set(streams.values.map(\.output)).union(needed)
        for (path, number) in files where !outputs.contains(.file(path)) {
            files[path] = nil
            Descriptor.close(number)
        }
    }

    // MARK: Over an exec

    var descriptors: [Int32] { Array(streams.keys) + files.values }

    var records: [StateText.Record] {
        var records = files.map { path, number in
            var record = StateText.Record("outputFile")
            record["path"] = path
            record[number: "descriptor"] = Int(number)
            return record
        }
        if !owners.isEmpty {
            var record = StateText.Record("outputOwners")
            record[numbers: "users"] = owners.map(Int.init)
            records.append(record)
        }
        for (number, stream) in streams {
            var record = StateText.Record("outputPipe")
            record[number: "descriptor"] = Int(number)
            stream.output.write(to: &record)
            record[bytes: "line"] = stream.pipe.unfinished
            records.append(record)
        }
        return records
    }

    func restore(_ state: StateText) {
        owners.formUnion(state.first("outputOwners")?[numbers: "users"].compactMap(UserID.init(exactly:)) ?? [])
        for record in state.all("outputFile") {
            guard let path = record["path"], let number = record[descriptor: "descriptor"] else { continue }
            files[path] = number
        }
        for record in state.all("outputPipe") {
            guard let number = record[descriptor: "descriptor"] else { continue }
            let output = ChildOutput(record)
            let take = (try? taker(for: output)) ?? { _ in }
            watch(ChildLog(number, take, unfinished: record[bytes: "line"]), output)
        }
    }
}

extension ChildOutput {
    init(_ record: StateText.Record) {
        switch (record["output"], record["outputName"]) {
        case ("prefix", let name?): self = .prefix(name)
        case ("file", let path?): self = .file(path)
        default: self = .inherit
        }
    }

    func write(to record: inout StateText.Record) {
        switch self {
        case .inherit: break
        case .prefix(let name): (record["output"], record["outputName"]) = ("prefix", name)
        case .file(let path): (record["output"], record["outputName"]) = ("file", path)
        }
    }
}

extension StateText.Record {
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
