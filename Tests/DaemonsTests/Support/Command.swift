import Foundation
import Unix

/// The executables beside the test bundle.
enum Product {
    static let folder: String = {
        let path = Files.executablePath() ?? ""
        return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    }()
    static var daemonctl: String { "\(folder)/daemonctl" }
    static var echod: String { "\(folder)/echod" }
    static var faultd: String { "\(folder)/faultd" }
    static var masterd: String { "\(folder)/masterd" }
    static var startServer: String { "\(folder)/start_server" }
    static var tickd: String { "\(folder)/tickd" }

    /// The repository's root: where this file lies.
    static let repository: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(4)
        return parts.joined(separator: "/")
    }()
}

/// A started program, with its output in files, so that no pipe of ours keeps it or waits for it.
final class Running: Sendable {
    let pid: ProcessID
    private let output: String
    private let errors: String

    init(
        _ folder: Folder, _ executable: String, _ arguments: [String], environment: [String: String] = [:],
        descriptors: [(child: Int32, ours: Int32)] = []
    ) throws {
        let name = UUID().uuidString
        output = folder[name + ".out"]
        errors = folder[name + ".err"]
        let out = try FileDescriptor.open(output, [.writeOnly, .create, .append])
        let err = try FileDescriptor.open(errors, [.writeOnly, .create, .append])
        let null = try FileDescriptor.open("/dev/null", .readWrite)
        var variables = ProcessInfo.processInfo.environment
        for name in ["NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID"] { variables[name] = nil }
        variables.merge(environment) { $1 }
        var spawn = Spawn(executable, arguments, environment: variables.map { "\($0)=\($1)" })
        spawn.descriptors = [(0, null.number), (1, out.number), (2, err.number)] + descriptors
        pid = try spawn.start()
    }

    var standardOutput: String { (try? String(contentsOfFile: output, encoding: .utf8)) ?? "" }
    var standardError: String { (try? String(contentsOfFile: errors, encoding: .utf8)) ?? "" }

    func send(_ signal: Signal) { try? signal.send(to: pid) }

    /// Waits for the end. A program that hangs is killed, and the status says so.
    func wait(_ limit: Duration = .seconds(240)) -> ExitStatus {
        if let process = try? ProcessHandle(pid: pid), !process.waitForEnd(limit) {
            try? Signal.kill.send(to: pid)
        }
        return (try? Child.reap(pid, waiting: true)) ?? .exited(-1)
    }
}

/// What a program printed and how it ended.
struct Outcome {
    let status: ExitStatus
    let output: String
    let errors: String
    var code: Int32 { status.shellCode }
}

func run(
    _ folder: Folder, _ executable: String, _ arguments: [String], environment: [String: String] = [:],
    limit: Duration = .seconds(240)
) throws -> Outcome {
    let running = try Running(folder, executable, arguments, environment: environment)
    let status = running.wait(limit)
    return Outcome(status: status, output: running.standardOutput, errors: running.standardError)
}

/// A line of shell, with `$1` the executable and the rest after it: for closed descriptors, limits and ignored signals.
func shell(
    _ folder: Folder, _ script: String, _ executable: String, _ arguments: [String],
    environment: [String: String] = [:], limit: Duration = .seconds(240)
) throws -> Outcome {
    try run(
        folder, "/bin/bash", ["-c", script, "bash", executable] + arguments, environment: environment, limit: limit)
}
