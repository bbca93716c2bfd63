import DaemonKit
import MasterRuntime
import Unix

/// The program: reads the command line, finds the daemons, and does with each what is asked.
struct Daemonctl {
    private static let description = Daemon(
        "daemonctl", version: releaseVersion,
        summary: "Starts, stops and asks daemons: those of /etc/daemonkit, or by their paths.")

    private let invocation: Invocation
    private let registry: Registry
    private let systemctl: Systemctl?
    private let patience: Patience

    static func main() -> Never {
        // What a caller may have done to us: a descriptor of ours would get a standard number, and no child's end be told.
        do {
            try Descriptor.fillStandard()
        } catch {
            try? Descriptor.writeAll(2, "daemonctl: cannot open /dev/null: \(error)\n")
            CurrentProcess.exit(1)
        }
        Signal.child.restoreDefault()
        let interface = CommandLineInterface(
            description, ControlOption.list, commands: Verb.words, manual: Manual.notes)
        let (values, operands, rest) = interface.readAll(ProgramArguments.all)
        do {
            let invocation = try Invocation(values, operands: operands, rest: rest)
            CurrentProcess.exit(Daemonctl(invocation).run())
        } catch {
            interface.refuse(error.list)
        }
    }

    private init(_ invocation: Invocation) {
        self.invocation = invocation
        let values = invocation.values
        registry = Registry(
            values[ControlOption.configDirectory] ?? Environment["DAEMONKIT_CONFIG"] ?? "/etc/daemonkit")
        systemctl = values[ControlOption.direct] ? nil : Systemctl.find()
        patience = Patience(isTold: values[ControlOption.verbose] || Terminal.isTerminal(2))
    }

    private func run() -> Int32 {
        do {
            switch invocation.verb {
            case .list where invocation.values[ControlOption.names]: return listNames()
            case .list: return try list()
            case .status: return try status()
            case .logs: return try logs()
            case .connect: return try connect()
            case .top: return try top()
            case .start, .startAll: return try forEach { $0.start() }
            case .stop, .stopAll: return try forEach { $0.stop() }
            case .restart: return try forEach { $0.restart() }
            case .check: return try forEach { $0.isRunning() }
            case .checkAndStart: return try forEach { $0.checkAndStart() }
            case .reload: return try forEach { $0.reload() }
            case .reopenLogs: return try forEach { $0.reopenLogs() }
            case .pidfile: return try forEach { $0.pidFile() }
            }
        } catch {
            return say(error.answer)
        }
    }

    // MARK: The daemons that are meant

    private typealias Choice = (daemons: [ConfiguredDaemon], failures: [Failure])

    /// What is wrong with one does not keep the others from being found.
    private func choose() throws(Failure) -> Choice {
        guard invocation.isAboutAll else {
            var (daemons, failures): Choice = ([], [])
            for name in invocation.names {
                do {
                    daemons.append(try daemon(name))
                } catch {
                    failures.append(error)
                }
            }
            return (daemons, failures)
        }
        if invocation.values.isGiven(ControlOption.configDirectory),
            (try? FileStatus(following: registry.directory))?.kind != .directory
        {
            throw Failure("no directory \(registry.directory)", .notConfigured)
        }
        let ordered = registry.inOrder
        let daemons = [.stop, .stopAll].contains(invocation.verb) ? ordered.reversed() : ordered
        let mistakes = registry.mistakes.split(separator: "\n").map(String.init)
        return (daemons, mistakes.isEmpty ? [] : [Failure(lines: mistakes, .notConfigured)])
    }

    private func daemon(_ name: String) throws(Failure) -> ConfiguredDaemon {
        guard name.contains("/") else { return try registry.daemon(name) }
        do {
            return try ConfiguredDaemon(executable: name, arguments: invocation.rest)
        } catch {
            throw Failure("'\(name)' \(error.reason)", .invalid)
        }
    }

    private func operation(_ daemon: ConfiguredDaemon) -> Operation {
        Operation(daemon: daemon, systemctl: systemctl, patience: patience)
    }

    // MARK: Answers

    /// Says it, and returns its exit code.
    private func say(_ answer: Answer) -> Int32 {
        if answer.text.isEmpty { return answer.exitStatus }
        let text = answer.isFailure ? "daemonctl: \(answer.text)\n" : "\(answer.text)\n"
        return write(text, to: answer.isFailure ? 2 : 1, code: answer.exitStatus)
    }

    /// A full disk is a failure, not a success without output.
    private func write(_ text: String, to descriptor: Int32 = 1, code: Int32) -> Int32 {
        do {
            try Output.write(text, to: descriptor)
            return code
        } catch {
            try? Descriptor.writeAll(2, "daemonctl: cannot write to standard output: \(error)\n")
            return code == 0 ? 1 : code
        }
    }

    /// The first exit code that is not 0.
    private func forEach(_ body: (Operation) -> Answer) throws(Failure) -> Int32 {
        let (daemons, failures) = try choose()
        var code = failures.map { say($0.answer) }.first ?? 0
        for daemon in daemons {
            let own = say(body(operation(daemon)))
            if code == 0 { code = own }
        }
        return code
    }

    // MARK: Listings

    private func listNames() -> Int32 { write(registry.inOrder.map { "\($0.name)\n" }.joined(), code: 0) }

    private func list() throws(Failure) -> Int32 {
        let (daemons, failures) = try choose()
        let code = failures.map { say($0.answer) }.first ?? 0
        let listing = Listing(daemons, systemctl: systemctl)
        return write(invocation.values[ControlOption.json] ? listing.json : listing.table.text, code: code)
    }

    private func status() throws(Failure) -> Int32 {
        let (daemons, failures) = try choose()
        let code = failures.map { say($0.answer) }.first ?? 0
        let listing = Listing(daemons, systemctl: systemctl)
        let text = invocation.values[ControlOption.json] ? listing.json : listing.statusText
        return write(text, code: code == 0 ? listing.exitStatus : code)
    }

    // MARK: One daemon

    private func logs() throws(Failure) -> Int32 {
        let daemon = try daemon(invocation.names[0])  // bounded: never empty, as it was checked
        guard let path = daemon.logFile else { throw Failure("\(daemon.name) keeps no log file", .notConfigured) }
        let lines = invocation.values[ControlOption.lines]
        let isRaw = invocation.values[ControlOption.raw]
        let logs = Logs(path: path, isVisible: !isRaw && Terminal.isTerminal(1))
        do {
            if invocation.values[ControlOption.follow] { try logs.follow(lines) } else { try logs.tail(lines) }
            return 0
        } catch {
            throw Failure("log file \(path): \(error)", error == .permissionDenied ? .noPrivilege : .failure)
        }
    }

    private func connect() throws(Failure) -> Int32 {
        let connection = Connection(daemon: try daemon(invocation.names[0]))  // bounded: never empty, as it was checked
        guard invocation.rest.isEmpty else { return say(try connection.ask(invocation.rest, patience)) }
        try connection.interact()
        return 0
    }

    // MARK: Top

    /// Two looks give the load between them: at a pipe they are half a second apart.
    private func top() throws(Failure) -> Int32 {
        let (daemons, failures) = try choose()
        let code = failures.map { say($0.answer) }.first ?? 0
        let values = invocation.values
        let interval = max(values[ControlOption.interval], .milliseconds(10))
        if !values[ControlOption.once], !values[ControlOption.json], Terminal.isTerminal(1) {
            do {
                try TopScreen(daemons: daemons, interval: interval).run()
                return code
            } catch {
                throw Failure("the terminal: \(error)")
            }
        }
        let first = TopSample(daemons)
        Poll.pause(values.isGiven(ControlOption.interval) ? interval : .milliseconds(500))
        let sample = TopSample(daemons, since: first)
        return write(values[ControlOption.json] ? sample.json : sample.table.text, code: code)
    }
}
