/// A control group of the kernel's, version 2: processes that share limits. cgroups(7),
/// Documentation/admin-guide/cgroup-v2.rst
package struct ControlGroup: Hashable, Sendable {
    /// One of its files, and what is written to it: `memory.max`, `512M`.
    package struct Setting: Hashable, Sendable {
        package let file: String
        package let value: String

        /// nil for a name that no controller has, or that leads elsewhere; what the value may be, the kernel knows.
        package init?(_ file: String, _ value: String) {
            let parts = file.split(separator: ".", omittingEmptySubsequences: false)
            let isName = file.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || "0"..."9" ~= $0 || $0 == "." || $0 == "_")
            }
            // The kernel's values are words, numbers, and such as 8:16 rbps=2097152.
            let isValue = value.utf8.allSatisfy { 0x20..<0x7F ~= $0 && !"\"'#\\".utf8.contains($0) }
            guard parts.count >= 2, parts.allSatisfy({ !$0.isEmpty }), isName, !value.isEmpty, isValue,
                Self.controllers.contains(String(parts[0]))
            else { return nil }
            (self.file, self.value) = (file, value)
        }

        /// `memory.max 512M`
        package init?(words: String) {
            let parts = words.split(separator: " ", maxSplits: 1)
            guard parts.count == 2 else { return nil }
            self.init(String(parts[0]), String(parts[1]))
        }

        package var words: String { "\(file) \(value)" }
        package var controller: String { String(file.prefix { $0 != "." }) }

        private static let controllers: Set = ["cpu", "cpuset", "hugetlb", "io", "memory", "misc", "pids", "rdma"]
    }

    /// Why a group cannot be had: what was tried, and the system's reason.
    package struct Failure: Error, CustomStringConvertible {
        package let tried: String
        package let reason: String
        package let errno: Errno
        package var description: String { "\(tried): \(reason)" }

        init(_ tried: String, _ reason: String, _ errno: Errno = .noSystemCall) {
            (self.tried, self.reason, self.errno) = (tried, reason, errno)
        }
    }

    /// Absolute, of its directory.
    package let path: String

    package init(path: String) { self.path = path }

    /// Of this process.
    package static func own() throws(Failure) -> ControlGroup {
        let tried = "no control group of its own"
        guard let line = lines("/proc/self/cgroup").first(where: { $0.hasPrefix("0::/") }) else {
            throw Failure(tried, "the system has no hierarchy of version 2")
        }
        for mount in lines("/proc/self/mountinfo") {
            let halves = mount.split(separator: " - ", maxSplits: 1).map { $0.split(separator: " ") }
            guard halves.count == 2, halves[0].count > 4, halves[1].first == "cgroup2" else { continue }
            // What is mounted may be a part of the tree only. proc_pid_mountinfo(5)
            let (root, place) = (String(halves[0][3]), String(halves[0][4]))
            let path = String(line.dropFirst(3))
            let below = root == "/" ? path : path.hasPrefix(root) ? String(path.dropFirst(root.count)) : path
            return ControlGroup(path: below == "/" || below.isEmpty ? place : place + below)
        }
        throw Failure(tried, "no hierarchy of version 2 is mounted")
    }

    private static func lines(_ path: String) -> [String] {
        guard let file = try? FileDescriptor.open(path, []) else { return [] }
        let text = String(decoding: Descriptor.contents(of: file.number, limit: 1 << 20), as: UTF8.self)
        return text.split(separator: "\n").map(String.init)
    }

    // MARK: Controllers

    /// What its children may be given.
    private var available: Set<String> {
        Set(Self.lines("\(path)/cgroup.controllers").flatMap { $0.split(separator: " ").map(String.init) })
    }

    /// Groups below this one may use the controllers. A group with processes has no such groups: this process goes into
    /// one beside them, its launcher too, and nobody else may be here.
    package func delegate(_ controllers: Set<String>) throws(Failure) {
        if let missing = controllers.subtracting(available).sorted().first {
            throw Failure(
                "control group \(path)",
                "the controller '\(missing)' is not available here: a unit needs Delegate=\(missing)")
        }
        let words = controllers.sorted().map { "+\($0)" }.joined(separator: " ")
        guard !words.isEmpty else { return }
        do throws(Errno) {
            do throws(Errno) { return try write(words, to: Self.enabled) } catch .busy {}
            try moveAside()
            try write(words, to: Self.enabled)
        } catch .busy {
            release()
            throw Failure("control group \(path)", "other processes are in it: it must be the master's alone", .busy)
        } catch {
            release()
            throw failure(Self.enabled, words, error)
        }
    }

    /// All is as it was before `delegate`, where no group is left below but the one beside them.
    package func release() {
        let words = Self.lines("\(path)/\(Self.enabled)").flatMap { $0.split(separator: " ") }.map { "-\($0)" }
        let leaf = ControlGroup(path: "\(path)/\(Self.aside)")
        guard leaf.holdsUs else { return }
        try? write(words.joined(separator: " "), to: Self.enabled)
        for pid in Self.lines(leaf.processes) { try? write(pid, to: "cgroup.procs") }
        leaf.remove()
    }

    private static let enabled = "cgroup.subtree_control"
    /// The name that systemd's documentation gives it.
    private static let aside = "supervisor"

    private var holdsUs: Bool { (try? Self.own()) == self }

    private func moveAside() throws(Errno) {
        let leaf = ControlGroup(path: "\(path)/\(Self.aside)")
        do throws(Errno) { try Files.makeDirectory(leaf.path, mode: 0o755) } catch .fileExists {}
        // The launcher waits here for our readiness.
        let parent = CurrentProcess.parent
        if let program = Files.linkTarget("/proc/self/exe"), Files.linkTarget("/proc/\(parent)/exe") == program {
            try? leaf.write("\(parent)", to: "cgroup.procs")
        }
        try leaf.write("0", to: "cgroup.procs")
    }

    // MARK: Groups below

    /// A group below this one; one of that name in which nobody is goes.
    package func make(_ name: String, _ settings: [Setting]) throws(Failure) -> ControlGroup {
        let group = ControlGroup(path: "\(path)/\(name)")
        group.remove()
        do throws(Errno) {
            try Files.makeDirectory(group.path, mode: 0o755)
        } catch {
            throw Failure("cannot make control group \(group.path)", "\(error)", error)
        }
        for setting in settings {
            do throws(Errno) {
                try group.write(setting.value, to: setting.file)
            } catch {
                group.remove()
                throw group.failure(setting.file, setting.value, error)
            }
        }
        return group
    }

    /// Of the groups below, and of this one's own files.
    package var names: [String] { Files.names(in: path) }

    /// False where somebody is in it, or in one below.
    @discardableResult
    package func remove() -> Bool {
        do throws(Errno) {
            try Files.removeDirectory(path)
            return true
        } catch {
            return error == .noSuchFile
        }
    }

    /// SIGKILL for all who are in it, and whom they start meanwhile.
    package func kill() { try? write("1", to: "cgroup.kill") }

    /// Where a process writes 0 to come here.
    var processes: String { "\(path)/cgroup.procs" }

    private func write(_ text: String, to file: String) throws(Errno) {
        let file = try FileDescriptor.open("\(path)/\(file)", [.writeOnly, .noFollow])
        try Descriptor.writeAll(file.number, text)
    }

    private func failure(_ file: String, _ text: String, _ error: Errno) -> Failure {
        Failure("cannot write '\(text)' to \(path)/\(file)", "\(error)", error)
    }
}
