import DaemonKit
import MasterRuntime
import Text
import Unix

/// Starts a daemon by its own command, which returns when the daemon serves.
struct Launch {
    private let daemon: ConfiguredDaemon
    private let patience: Patience

    init(_ daemon: ConfiguredDaemon, _ patience: Patience) {
        self.daemon = daemon
        self.patience = patience
    }

    /// Why there is nothing to start.
    var missing: Answer? {
        let path = daemon.command[0]  // bounded: never empty, as it was checked
        do {
            let kind = try FileStatus(following: path).kind
            guard kind == .regular else { return .failed("\(path): is \(kind.rawValue)", .notInstalled) }
        } catch {
            return .failed("\(path): \(error)", error == .permissionDenied ? .noPrivilege : .notInstalled)
        }
        return Files.isExecutable(path) ? nil : .failed("\(path): may not be executed", .noPrivilege)
    }

    /// `otherwise` is asked where somebody else starts the daemon at the same time.
    func run(_ otherwise: () -> Answer) -> Answer {
        if let missing { return missing }
        if daemon.file != nil { makeDirectories() }
        do {
            let status = try patience.run(program(), daemon.startLimit, "\(daemon.name) to serve")
            return answer(status, otherwise)
        } catch {
            let code: ExitCode = error == .permissionDenied ? .noPrivilege : .failure
            return .failed("cannot start \(daemon.name): \(error)", code)
        }
    }

    private func answer(_ status: ExitStatus?, _ otherwise: () -> Answer) -> Answer {
        let name = daemon.name
        switch (status, daemon.instance.look()) {
        case (.exited(0), .running(let process)): return Answer("\(name) started (pid \(process.pid))")
        case (.exited(0), _):
            return .failed("\(name) started, but nobody holds pid file \(daemon.pidFile): does it keep another one?")
        case (nil, _):
            let limit = DurationText.text(daemon.startLimit)
            return .failed("\(name) did not start within \(limit), or its command stays in the foreground")
        case (_, .running(let process)): return Answer("\(name) is already running (pid \(process.pid))")
        case (_, .starting): return otherwise()
        case (.exited(2), _): return .failed("\(name) cannot start with these options", .notConfigured)
        case (let status?, _): return .failed("\(name) did not start (\(status))")
        }
    }

    /// The daemon's command with more options. Of our own environment it gets nothing that was meant for us.
    func program(_ more: [String] = []) -> Spawn {
        // bounded: never empty, as it was checked
        var program = Spawn(daemon.command[0], Self.arguments(daemon.command, more))
        program.environment = ChildEnvironment.cleaned(Environment.entries).filter { entry in
            !Self.ownVariables.contains { entry.starts(with: $0.utf8) }
        }
        // A daemon that has its file starts the same from everywhere.
        program.directory = daemon.file == nil ? nil : "/"
        return program
    }

    /// Before a `--`, behind which options would not be ours.
    static func arguments(_ command: [String], _ more: [String]) -> [String] {
        let words = command.dropFirst()
        let end = more.isEmpty ? words.endIndex : words.firstIndex(of: "--") ?? words.endIndex
        return words[..<end] + more + words[end...]
    }

    /// Of the unit that we run in: the daemon is none of it.
    private static let ownVariables = ["INVOCATION_ID=", "JOURNAL_STREAM=", "SYSTEMD_EXEC_PID="]

    /// /run is empty after a boot, and the daemon's own directories are gone with it. What cannot be made, the daemon
    /// tells.
    private func makeDirectories() {
        let account = try? SpawnAccount.resolve(user: daemon.user, group: daemon.group)
        for (file, mode) in [(daemon.pidFile, 0o755 as FileMode), (daemon.logFile ?? "/", 0o750)] {
            let directory = String(file[..<(file.lastIndex(of: "/") ?? file.startIndex)])  // bounded: an index of it
            guard !directory.isEmpty else { continue }
            _ = try? SafeFile.makeDirectory(directory, mode: mode, owner: account.map { ($0.user, $0.group) })
        }
    }
}
