import DaemonCore
import Supervision
import Unix

/// `GENERATION:PID` of every worker that serves, a line each: written beside, then renamed, so that no reader ever
/// sees half of it.
package final class StatusFile {
    package let path: String
    /// The file that we wrote last.
    private var written: OwnedFile?

    package init(path: String) { self.path = path }

    /// Written by an earlier image of this process.
    package init(restoring path: String) {
        self.path = path
        guard let location = try? FileLocation(path), let status = try? location.status, status.kind == .regular else {
            return
        }
        written = OwnedFile(path: path, identity: status.identity)
    }

    package func write(_ workers: [(generation: Int, pid: ProcessID)]) throws(FileRefusal) {
        let lines = workers.map { "\($0.generation):\($0.pid)\n" }.joined()
        written = try SafeFile.replace(path, with: lines, mode: 0o666)
    }

    /// Only what we wrote.
    package func remove() { written?.remove() }

    /// The generations and pids in the file; nil while there is none.
    package static func read(_ path: String) -> [(generation: Int, pid: ProcessID)]? {
        guard let file = try? FileDescriptor.open(path, [.nonBlocking]) else { return nil }
        let text = String(decoding: Descriptor.contents(of: file.number, limit: 1 << 20), as: UTF8.self)
        return text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: ":")
            // bounded: compared only
            guard parts.count == 2, let generation = Int(parts[0]), let pid = ProcessID(parts[1]) else { return nil }
            return (generation, pid)
        }
    }
}
