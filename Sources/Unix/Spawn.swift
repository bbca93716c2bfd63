#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Starts another program.
///
/// `start` waits for the exec, in the memory that both share meanwhile: its cost does not grow with our memory, but a
/// child may hold us, whose user stops it or whose executable lies on a file system that does not answer. `begin` waits
/// for nothing, at the cost of a copy of our page tables: for masters, which are small.
///
/// The child has an empty signal mask, default dispositions, descriptors 0 to 2 and those declared.
package struct Spawn: Sendable {
    /// A path: PATH is not asked.
    package var executable: String
    /// Tried in this order where the child may not execute that one, or it is not there, as execvp(3) does. Linux only.
    package var alternatives: [String] = []
    /// argv[0]; nil is the executable's path.
    package var name: String?
    package var arguments: [String]
    /// The whole environment of the child, as the bytes of NAME=VALUE; nil hands on our own.
    package var environment: [[UInt8]]?
    /// Number in the child, and the open descriptor of ours behind it.
    package var descriptors: [(child: Int32, ours: Int32)] = []
    /// The child's working directory; a relative executable counts from there. nil is ours.
    package var directory: String?
    /// A session and a process group of its own, without the terminal: no read or write there stops it. setsid(2)
    package var leadsGroup = true
    /// SIGPIPE is ignored in the child, and in what it starts.
    package var ignoresPipe = false
    /// Sent to the child when this process dies. Linux only.
    package var deathSignal: Signal?
    /// Variables of these names tell the child its own pid, as LISTEN_PID does. Linux only.
    package var pidVariables: [String] = []
    /// What the kernel grants the child, set with our rights. Linux only: elsewhere it throws ENOSYS.
    package var resources = ProcessResources()
    /// Where the child begins, entered with our rights; nil: where we are. Linux only.
    package var group: ControlGroup?
    /// Whom the child runs as. Linux only: elsewhere it throws ENOSYS.
    package var account: SpawnAccount?
    /// What is neither a program nor a script with an interpreter's line is given to /bin/sh, as execvp(3) does it.
    package var runsScripts = false

    package init(_ executable: String, _ arguments: [String], environment: [String]? = nil) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment?.map { Array($0.utf8) }
    }

    /// Throws what chdir or exec said in the child, too: then there is no child.
    package func start() throws(Errno) -> ProcessID {
        // Somebody else may hold a child of another user: never one that shares our memory.
        guard account == nil else { return try begin().waitForExec() }
        return try launch(reporting: nil)
    }

    /// Waits neither for chdir nor for exec: the report tells what became of them.
    package func begin() throws(Errno) -> NewProcess {
        #if os(Linux)
        let ends = try FileDescriptor.pipe()
        // The child's number is no number of a descriptor that it gets.
        let wanted = Set(descriptors.map(\.child))
        let copy = try wanted.contains(ends.write.number) ? Descriptor.duplicate(ends.write.number, above: wanted) : nil
        defer { if let copy { Descriptor.close(copy) } }
        let pid = try launch(reporting: copy ?? ends.write.number)
        let (read, write) = ends.release()
        Descriptor.close(write)
        return NewProcess(pid: pid, report: ExecReport(owning: read))
        #else
        return NewProcess(pid: try launch(reporting: nil))
        #endif
    }

    private func launch(reporting report: Int32?) throws(Errno) -> ProcessID {
        // A descriptor of ours that has a number wanted in the child would be overwritten before its turn.
        let wanted = Set(descriptors.map(\.child))
        var moved: [Int32] = []
        defer { for number in moved { Descriptor.close(number) } }
        var moves: [(child: Int32, ours: Int32)] = []
        for (child, ours) in descriptors {
            var source = ours
            if ours != child && wanted.contains(ours) {
                source = try Descriptor.duplicate(ours, above: wanted)
                moved.append(source)
            }
            moves.append((child, source))
        }
        return try start(moving: moves, reporting: report)
    }

    static func withCStrings<Result>(
        _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        unsafe withCStrings(strings.map(\.systemBytes), body)
    }

    /// One of them.
    static func withCString<Result>(_ string: String, _ body: (UnsafePointer<CChar>) -> Result) -> Result {
        unsafe body(string.systemBytes.map { CChar(bitPattern: $0) } + [0])
    }

    /// Zero-terminated copies for the call.
    static func withCStrings<Result>(
        _ strings: [[UInt8]], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        // One block for all the bytes: each spawn copies a whole environment.
        var bytes: [CChar] = []
        bytes.reserveCapacity(strings.reduce(0) { $0 + $1.count + 1 })  // bounded: a length in memory
        var offsets: [Int] = []
        for string in strings {
            offsets.append(bytes.count)
            for byte in string { bytes.append(CChar(bitPattern: byte)) }
            bytes.append(0)
        }
        return unsafe bytes.withUnsafeMutableBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return unsafe withPointers([nil], body) }
            return unsafe withPointers(offsets.map { unsafe base + $0 } + [nil], body)
        }
    }

    private static func withPointers<Result>(
        _ pointers: [UnsafeMutablePointer<CChar>?],
        _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers = unsafe pointers
        return unsafe body(&pointers)
    }

    /// Where PATH has the program; a name with a slash is a path already. What is found but may not be executed is told
    /// by EACCES, as execvp(3) does.
    package static func find(_ name: String, path: String?) throws(Errno) -> String {
        if name.contains("/") { return name }
        var failure = Errno.noSuchFile
        for directory in (path ?? "/bin:/usr/bin").split(separator: ":", omittingEmptySubsequences: false)
        where !name.isEmpty {
            let candidate = directory.isEmpty ? "./\(name)" : "\(directory)/\(name)"
            guard let status = try? FileStatus(following: candidate), status.kind == .regular else { continue }
            if Files.isExecutable(candidate) { return candidate }
            failure = .permissionDenied
        }
        throw failure
    }
}

extension Spawn {
    /// The same for a child of another user, by the rules of execvp(3): all that it is to try, in the order of PATH. Where
    /// we may not look, that user may.
    package static func candidates(_ name: String, path: String?) throws(Errno) -> [String] {
        let directories = (path ?? "/bin:/usr/bin").split(separator: ":", omittingEmptySubsequences: false)
        let paths = name.contains("/") ? [name] : directories.map { $0.isEmpty ? "./\(name)" : "\($0)/\(name)" }
        var failure = Errno.noSuchFile
        var found: [String] = []
        for path in paths where !name.isEmpty {
            do throws(Errno) {
                let status = try FileStatus(following: path)
                let isExecutable = status.kind == .regular && status.mode & 0o111 != 0
                if isExecutable { found.append(path) } else { failure = .permissionDenied }
            } catch .permissionDenied {
                found.append(path)
            } catch {}
        }
        if found.isEmpty { throw failure }
        return found
    }
}

/// A user, a group and all further groups.
package struct SpawnAccount: Sendable, Equatable {
    package var user: UserID
    package var group: GroupID
    package var groups: [GroupID]

    package init(user: UserID, group: GroupID, groups: [GroupID]) {
        self.user = user
        self.group = group
        self.groups = groups
    }
}
