import Foundation
import Testing
import Unix

/// A daemon of a test: its folder, its files, its ways to be started and asked.
struct TestDaemon {
    let folder: TestDirectory
    let executable: String
    let files: [String]

    init(_ executable: String = Product.faultd, pidFile: String = "d.pid", logFile: String = "d.log") throws {
        folder = try TestDirectory(mode: 0o755)
        self.executable = executable
        files = ["--pid-file", folder[pidFile], "--log-file", folder[logFile]]
    }

    /// echod on a Unix socket in the folder.
    static func echo() throws -> TestDaemon { try TestDaemon(Product.echod) }

    var log: String { folder.read("d.log") }
    var pid: ProcessID? { folder.holder(of: "d.pid") }
    var isClean: Bool { !folder.exists("d.pid") && !folder.exists("s") }

    func arguments(_ more: [String]) -> [String] {
        files + (executable == Product.echod && !more.contains("-b") ? ["-b", folder["s"]] : []) + more
    }

    /// Runs the launcher to its end.
    func launch(_ more: String..., environment: [String: String] = [:]) throws -> TestProcess.Outcome {
        try folder.run(executable, arguments(more), environment: environment)
    }

    /// Starts faultd in the foreground, and waits until its main runs: before that, a SIGTERM would end the start.
    func foreground(_ more: String..., environment: [String: String] = [:]) throws -> TestProcess {
        try foreground(more, environment: environment)
    }

    func foreground(_ more: [String], environment: [String: String] = [:]) throws -> TestProcess {
        let reporting = ["-f", "--fault-output", folder["report"]]
        let running = try folder.start(executable, arguments(reporting + more), environment: environment)
        #expect(eventually { folder.lines("report").contains { $0.contains("main ") } }, "\(running.standardError)")
        return running
    }

    func ask(_ action: String) throws -> TestProcess.Outcome { try folder.run(executable, [action] + files) }

    func signal(_ signal: Signal) { if let pid { try? signal.send(to: pid) } }

    /// Ends it by SIGTERM, and waits until it is gone.
    func end() {
        #expect(folder.end(holderOf: "d.pid"))
        // Where the daemon could not remove it itself, its keeper gives the file up a moment later.
        #expect(eventually { self.pid == nil })
    }

    func report(holds line: String) -> Bool { folder.lines("report").contains(line) }
}

/// Why a test that needs something of the machine was skipped.
enum Machine {
    static let isRoot = CurrentProcess.userID == 0

    static func has(_ tool: String) -> Bool { find(tool) != nil }

    static func find(_ tool: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let folders = path.split(separator: ":").map { String($0) } + ["/usr/sbin", "/sbin"]
        return folders.map { "\($0)/\(tool)" }.first(where: Files.isExecutable)
    }

    /// Whether namespaces and mounts of our own can be made.
    static let canUnshare: Bool = {
        guard isRoot, let unshare = find("unshare"), let folder = try? TestDirectory(mode: 0o755) else { return false }
        return (try? folder.run(unshare, ["-m", "-p", "-f", "--mount-proc", "true"]))?.code == 0
    }()
}
