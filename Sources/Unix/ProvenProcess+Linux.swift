#if os(Linux)
#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// proc(5), while a pidfd keeps the number: it must show the processes of our own pid namespace.
extension ProvenProcess {
    struct Facts {
        let parent: ProcessID
        /// Real, effective, saved.
        let users: [UserID]
        /// It is a zombie, or less.
        let hasEnded: Bool
        /// Ticks since the boot.
        let started: Int64
    }

    static func facts(of pid: ProcessID) -> Facts? {
        guard Files.linkTarget("/proc/self") == "\(getpid())", let status = text("/proc/\(pid)/status", limit: 4096),
            let stat = ProcessText.read(pid, "stat").flatMap(ProcessText.Stat.init)
        else { return nil }
        var fields: [Substring: [Substring]] = [:]
        // The kernel escapes the name, which comes first: it cannot forge a line.
        for line in status.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon]] = line[line.index(after: colon)...].split { $0 == "\t" || $0 == " " }
        }
        let users = (fields["Uid"] ?? []).prefix(3).compactMap { UserID($0) }
        // A thread's number is not its process's.
        guard users.count == 3, let parent = fields["PPid"]?.first.flatMap({ ProcessID($0) }),
            fields["Tgid"]?.first.flatMap({ ProcessID($0) }) == pid
        else { return nil }
        return Facts(
            parent: parent, users: users, hasEnded: ["Z", "X"].contains(fields["State"]?.first),
            started: stat.startTime)
    }

    static func name(of pid: ProcessID) -> String? {
        ProcessText.read(pid, "comm").map { String(decoding: $0.dropLast(), as: UTF8.self) }
    }

    /// The number that the kernel gives a pidfd's process; nil when it was reaped.
    static func process(behind descriptor: Int32) -> ProcessID? {
        let line = text("/proc/self/fdinfo/\(descriptor)", limit: 4096)?.split(separator: "\n").first {
            $0.hasPrefix("Pid:")
        }
        return line?.split { $0 == "\t" || $0 == " " }.last.flatMap { ProcessID($0) }
    }

    /// The lock belongs to an open file, which children inherit, and which whoever only opened the file has another
    /// of: the descriptor's own fdinfo tells.
    static func checkLock(of pid: ProcessID, on file: FileStatus.Identity) throws(Failure) {
        let directory = "/proc/\(pid)/fd"
        do {
            _ = try FileDescriptor.open(directory, .directory)
        } catch .noSuchFile, .noSuchProcess {
            throw .gone
        } catch {
            throw .unseen(error)
        }
        var denial: Errno?
        for number in Files.names(in: directory).compactMap({ Int32($0) }).sorted() {
            do {
                guard try FileStatus(following: "\(directory)/\(number)").identity == file else { continue }
            } catch .permissionDenied, .notPermitted {
                denial = .permissionDenied
                break
            } catch {
                continue
            }
            guard let info = text("/proc/\(pid)/fdinfo/\(number)", limit: 1 << 16) else { continue }
            for line in info.split(separator: "\n") where line.hasPrefix("lock:") {
                let words = line.split { $0 == "\t" || $0 == " " }
                if words.contains("FLOCK") && words.contains("WRITE") { return }
            }
        }
        throw denial.map(Failure.unseen) ?? .refuted
    }

    private static func text(_ path: String, limit: Int) -> String? {
        guard let file = try? FileDescriptor.open(path, []) else { return nil }
        return String(decoding: Descriptor.contents(of: file.number, limit: limit), as: UTF8.self)
    }
}
#endif
