import Supervision
import Unix

/// `GENERATION:PID` of every worker that serves, a line each: written beside, then renamed, so that no reader ever
/// sees half of it.
final class StatusFile {
    private let path: String
    /// The file that we wrote last.
    private var written: FileStatus.Identity?

    init(path: String) { self.path = path }

    /// Written by an earlier image of this process.
    init(restoring path: String) {
        self.path = path
        written = (try? FileStatus(path: path))?.identity
    }

    func write(_ workers: [(generation: Int, pid: ProcessID)]) throws(Errno) {
        let beside = "\(path).\(CurrentProcess.id)"
        let lines = workers.map { "\($0.generation):\($0.pid)\n" }.joined()
        do {
            let file = try FileDescriptor.open(beside, [.writeOnly, .create, .truncate, .noFollow], mode: 0o666)
            try Descriptor.writeAll(file.number, lines)
            try Files.rename(beside, to: path)
            written = try FileStatus(descriptor: file.number).identity
        } catch {
            try? Files.unlink(beside)
            throw error
        }
    }

    /// Only what we wrote.
    func remove() {
        guard let written, (try? FileStatus(path: path))?.identity == written else { return }
        try? Files.unlink(path)
    }

    /// The generations and pids in the file; nil while there is none.
    static func read(_ path: String) -> [(generation: Int, pid: ProcessID)]? {
        guard let file = try? FileDescriptor.open(path, [.nonBlocking]) else { return nil }
        let text = String(decoding: Descriptor.contents(of: file.number, limit: 1 << 20), as: UTF8.self)
        return text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: ":")
            guard parts.count == 2, let generation = Int(parts[0]), let pid = ProcessID(parts[1]) else { return nil }
            return (generation, pid)
        }
    }
}
