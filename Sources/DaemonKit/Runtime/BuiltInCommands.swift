import MasterRuntime
import Text
import Unix

/// What every worker answers.
struct BuiltInCommands: Sendable {
    // The commands are kept by the runtime itself.
    private unowned let runtime: Runtime
    private let worker: Int
    private let startedAt = MonotonicTime.now

    init(_ runtime: Runtime, worker: Int) {
        self.runtime = runtime
        self.worker = worker
    }

    var all: [WorkerCommands.Command] {
        [
            .init("help", "this list; of the commands that begin so with their words", level: .user) { request in
                runtime.commands.help(request.arguments, request.level)
            },
            .init("show info", "this worker: version, pid, uptime, memory, state", level: .user) { _ in info },
            .init("show env", "this worker's environment: one variable, or all", level: .operator) { request in
                environmentText(request.arguments.first)
            },
            .init("show fds", "this worker's open descriptors", level: .user) { _ in descriptors },
            .init("set log level", "the lowest level that is logged, until the worker ends", level: .operator) {
                setLogLevel($0.arguments)
            },
            .init("reload", "this worker's reload handlers; answers when they have run", level: .operator) { _ in
                reload()
            },
        ]
    }

    /// `Name: value`, as HAProxy's.
    private var info: String {
        let uptime = MonotonicTime.now - startedAt
        let memory = ProcessFacts(of: CurrentProcess.id)?.residentSize
        let lines: [(String, String)] = [
            ("Name", runtime.daemon.name),
            ("Version", runtime.daemon.version),
            ("Pid", "\(CurrentProcess.id)"),
            ("Worker", "\(worker)"),
            ("Generation", "\(runtime.generation)"),
            ("Uptime", ProcessTable.uptime(uptime)),
            ("Uptime_sec", "\(uptime.components.seconds)"),
            ("Memory_RSS_KiB", "\((memory ?? 0) / 1024)"),
            ("Threads", "\(CurrentProcess.threadCount)"),
            ("Listeners", "\(runtime.listeners.count)"),
            ("Log_level", runtime.log.level.name.lowercased()),
            ("Stopping", runtime.isAskedToStop ? "1" : "0"),
            ("Paused", runtime.pauseState.isPaused ? "1" : "0"),
        ]
        return lines.map { "\($0): \($1)\n" }.joined()
    }

    private var descriptors: String {
        Descriptor.openNumbers().sorted().compactMap { number in
            // The one that the list was read from is closed by now.
            guard let isCloseOnExec = try? Descriptor.isCloseOnExec(number) else { return nil }
            return "\(number) \(Descriptor.target(number) ?? "?")\(isCloseOnExec ? " close-on-exec" : "")\n"
        }.joined()
    }

    /// The command's thread waits, and nobody else.
    private func reload() -> String {
        let failure: DaemonError?? = Thread.wait { ended in runtime.reloads.request(ended) }
        return (failure ?? nil).map { "Success=0\n--\n\($0)\n" } ?? "Success=1\n"
    }

    private func setLogLevel(_ words: [String]) -> String {
        let names = LogLevel.allCases.map { $0.name.lowercased() }
        guard words.count == 1, let level = LogLevel(name: words[0]) else {
            let near = words.first.flatMap { Suggestion.nearest($0.lowercased(), names) }
            let hint = near.map { " Maybe '\($0)' is meant." } ?? ""
            return "'set log level' expects one of \(names.joined(separator: ", ")).\(hint)\n"
        }
        runtime.log.level = level
        runtime.log.notice("the log level is \(level.name.lowercased()) now")
        return ""
    }
}
