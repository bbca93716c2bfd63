import DaemonKit
import Dispatch
import Unix

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

// A daemon that does, at each step, what a test asks for.

let checkMode = Option(
    "fault-check",
    choices: ["none", "throw", "exit-code", "silent", "thread", "task", "queue", "ended-thread", "wait"],
    default: "none", help: "What check does")
let prepareMode = Option(
    "fault-prepare",
    choices: [
        "none", "throw", "empty", "exit", "exit-zero", "crash", "hang", "hang-blocked", "stopped", "slow", "gate",
        "listen",
    ],
    default: "none", help: "What prepare does")
let mainMode = Option(
    "fault-main",
    choices: [
        "wait", "return", "throw", "exit", "crash", "crash-index", "ignore-stop", "deaf", "hang-in-handler",
        "slow-stop", "child", "write-log", "report", "fork-pool", "unready", "explicit", "contend", "write-own",
        "steal", "print",
    ], default: "wait", help: "What main does")
let isAsync = Option(flag: "fault-async", help: "An asynchronous main")
let preparesAsync = Option(flag: "fault-async-prepare", help: "An asynchronous prepare")
let hasNoPrepare = Option(flag: "fault-no-prepare", help: "No prepare at all")
let cancelsAtStop = Option(flag: "fault-cancel-at-stop", help: "The task of main is cancelled at the stop")
let needsExplicit = Option(flag: "fault-explicit", help: "Ready when main says so")
let threadFirst = Option(flag: "fault-thread", help: "Start a thread before genericMain (read from the arguments)")
let socketPath = Option<BindAddress?>(address: "fault-listen", help: "Socket that prepare binds")
let count = Option("fault-count", default: 1000, in: 1...10_000_000, help: "Lines that each thread writes")
let threads = Option("fault-threads", default: 4, in: 1...64, help: "Threads that write")
let tag = Option("fault-tag", default: "x", help: "Tag of the lines")
let tickMicros = Option("fault-pace", default: 0, in: 0...1_000_000, help: "Microseconds between two lines")
let output = Option<String?>(file: "fault-output", help: "Where reports go")
let graces: [String: Duration] = ["--fault-short-grace": .milliseconds(600), "--fault-middle-grace": .seconds(8)]
let grace = graces.first { CommandLine.arguments.contains($0.key) }?.value ?? .seconds(30)
let shortGrace = Option(flag: "fault-short-grace", help: "A grace period of 600 ms")
let middleGrace = Option(flag: "fault-middle-grace", help: "A grace period of 8 s")
let drains = Option(flag: "fault-drain", help: "Drain when the master dies")

let ownFile = Option<String?>(file: "fault-open", help: "File that is opened before genericMain")

struct Silent: Error, CustomStringConvertible { var description: String { "" } }

if CommandLine.arguments.contains("--fault-thread") {
    try Thread.start { while true { Poll.pause(.seconds(3600)) } }
}

/// As a global of the author's would hold it, or a library's constructor.
let ownDescriptor: Int32 = {
    guard let index = CommandLine.arguments.firstIndex(of: "--fault-open"),
        let file = try? FileDescriptor.open(CommandLine.arguments[index + 1], [.writeOnly, .create, .append])
    else { return -1 }
    return file.release()
}()
if ownDescriptor >= 0 { try Descriptor.setCloseOnExec(ownDescriptor, false) }

let daemon = Daemon(
    "faultd", version: "1", readiness: CommandLine.arguments.contains("--fault-explicit") ? .explicit : .automatic,
    gracePeriod: grace,
    cancelsMain: CommandLine.arguments.contains("--fault-cancel-at-stop") ? .atStop : .atGrace,
    onMasterDeath: CommandLine.arguments.contains("--fault-drain") ? .drain : .exit)
let list: OptionList =
    .standard + [
        checkMode, prepareMode, mainMode, isAsync, needsExplicit, threadFirst, socketPath, count, threads, tag,
        tickMicros, output, shortGrace, middleGrace, drains, preparesAsync, hasNoPrepare, cancelsAtStop, ownFile,
    ]

func report(_ context: Context, _ text: String) {
    guard let path = context[output],
        let file = try? FileDescriptor.open(path, [.writeOnly, .create, .append])
    else { return }
    try? Descriptor.writeAll(file.number, text + "\n")
}

@Sendable func check(_ values: OptionValues) throws -> Int {
    if values[mainMode] == "print" { print("check says this") }
    switch values[checkMode] {
    case "throw": throw DaemonError("the configuration is wrong")
    case "exit-code": throw DaemonError("the configuration is very wrong", exitStatus: 42)
    case "silent": throw DaemonError("", exitStatus: 5)
    case "wait":
        // Until the file of the reports is there, for whoever wants to do something meanwhile.
        guard let path = values[output] else { break }
        try Descriptor.writeAll(try FileDescriptor.open(path + ".checking", [.writeOnly, .create]).number, "")
        while (try? FileStatus(path: path)) == nil { Poll.pause(.milliseconds(1)) }
    case "thread": try Thread.start { while true { Poll.pause(.seconds(3600)) } }
    case "task":
        let group = DispatchGroup()
        group.enter()
        Task { group.leave() }
        group.wait()
    case "queue": DispatchQueue.global().async {}
    case "ended-thread":
        let done = SendableCounter()
        try Thread.start { done.add() }
        while done.value == 0 { Poll.pause(.microseconds(50)) }
    default: break
    }
    return 7
}

@Sendable func prepare(_ context: Context, _ checked: Int) throws -> (Int, String) {
    report(context, "prepare threads=\(CurrentProcess.threadCount)")
    if let address = context[socketPath] { _ = try context.listen(on: address) }
    switch context[prepareMode] {
    case "throw": throw DaemonError("the database is gone")
    case "empty": throw Silent()
    case "exit": CurrentProcess.exit(3)
    case "exit-zero": CurrentProcess.exitNow(0)
    case "crash": fatalError("prepare crashed")
    case "hang": Poll.pause(.seconds(3600))
    case "stopped":
        raise(SIGSTOP)
        Poll.pause(.seconds(3600))
    case "hang-blocked":
        Signal.blockAll()
        Poll.pause(.seconds(3600))
    case "slow": Poll.pause(.milliseconds(300))
    case "gate":
        while (try? FileStatus(path: "\(context[output] ?? "")-gate")) == nil { Poll.pause(.milliseconds(2)) }
    default: break
    }
    return (checked, "prepared \(checked)")
}

/// The same after a moment on another thread, beside the main actor.
@Sendable func prepareAsync(_ context: Context, _ checked: Int) async throws -> (Int, String) {
    try await Task.sleep(for: .milliseconds(context[prepareMode] == "hang" ? 3_600_000 : 20))
    await MainActor.run { report(context, "main actor runs in prepare") }
    return try prepare(context, checked)
}

@Sendable func register(_ context: Context) {
    context.onReload { report(context, "reload 1") }
    context.onReload { throw DaemonError("this reload handler fails") }
    context.onReload { report(context, "reload 3") }
    registerAsync(context)
    context.onSignal(.usr1) { report(context, "usr1") }
    context.onPause { report(context, "pause 1 \(context.isPaused)") }
    context.onPause { report(context, "pause 2") }
    context.onResume { report(context, "resume \(context.isPaused)") }
    context.stop.on(.stopping) { report(context, "stop") }
    context.stop.on(.draining) { report(context, "drain") }
}

@Sendable func registerAsync(_ context: Context) {
    context.onReload {
        try await Task.sleep(for: .milliseconds(1))
        report(context, "reload 4")
    }
}

@Sendable func registerCommands(_ context: Context) {
    context.command("big", "a long answer: BYTES", level: .user) { request in
        String(repeating: "x", count: Int(request.arguments.first ?? "") ?? 0)
    }
    context.command("hang", "never answers", level: .user) { _ in
        report(context, "hanging")
        Poll.pause(.seconds(3600))
        return ""
    }
    context.command("fail", "throws", level: .user) { _ in throw DaemonError("the cache is broken") }
    context.command("say", "what was asked", level: .operator) { request in
        "\(request.level) \(request.arguments) \(request.payload ?? "-")"
    }
    context.command("show env", "instead of what every worker has", level: .user) { _ in "none of your business\n" }
}

@Sendable func writeLines(_ context: Context) {
    let (lines, name, pace) = (context[count], context[tag], context[tickMicros])
    let done = SendableCounter()
    for thread in 0..<context[threads] {
        try? Thread.start(stackSize: 1 << 20) {
            for number in 0..<lines {
                context.log.info("line \(name) \(thread) \(number)")
                if pace > 0 { Poll.pause(.microseconds(pace)) }
            }
            done.add()
        }
    }
    while done.value < context[threads], context.sleep(for: .milliseconds(5)) {}
    report(context, "written")
    context.stop.wait()
}

func childReport(_ context: Context) {
    let script = """
        { grep -E '^Sig(Blk|Ign)' /proc/self/status; ls -m /proc/$$/fd; env; } \
        > '\(context[output] ?? "/dev/null").tmp'; mv '\(context[output] ?? "/dev/null").tmp' '\(context[output] ?? "")'
        """
    do {
        let end = try ChildProcess("/bin/sh", ["-c", script]).wait()
        context.log.info("child ended: \(end)")
    } catch {
        context.log.error("\(error)")
    }
}

@Sendable func syncMain(_ context: Context, _ made: (checked: Int, prepared: String)) throws {
    let (checked, prepared) = made
    report(context, "main \(checked) \(prepared) generation=\(context.generation)")
    switch context[mainMode] {
    case "return": return
    case "throw": throw DaemonError("main failed")
    case "exit": CurrentProcess.exit(9)
    case "crash": fatalError("main crashed")
    case "crash-index": report(context, "\([1, 2, 3][CommandLine.arguments.count])")
    case "write-own":
        try Descriptor.writeAll(ownDescriptor, "the author's text\n")
        report(context, "written")
        context.stop.wait()
    case "deaf": while true { Poll.pause(.seconds(3600)) }
    case "ignore-stop":
        _ = context.isStopping
        while true { Poll.pause(.seconds(3600)) }
    case "hang-in-handler":
        context.onReload { Poll.pause(.seconds(3600)) }
        report(context, "registered")
        context.stop.wait()
    case "slow-stop":
        context.stop.on(.stopping) {
            Poll.pause(.milliseconds(300))
            report(context, "stop handled")
        }
        report(context, "registered")
        context.stop.wait()
    case "write-log": writeLines(context)
    case "child":
        childReport(context)
        context.stop.wait()
    case "unready": return
    case "print":
        print("main says this")
        report(context, "registered")
        if context.sleep(for: .seconds(3600)) { return }
        fatalError("it crashes at the stop")
    case "contend":
        // Swift's locks after the forks, under contention: with a stale thread id they would spin for ever.
        let sum = SendableCounter()
        let done = SendableCounter()
        for _ in 0..<3 {
            try Thread.start(stackSize: 1 << 20) {
                for _ in 0..<50_000 { sum.addLocked() }
                done.add()
            }
        }
        for _ in 0..<50_000 { sum.addLocked() }
        while done.value < 3 { Poll.pause(.milliseconds(1)) }
        report(context, "sum \(sum.value)")
        context.stop.wait()
    case "explicit":
        Poll.pause(.milliseconds(200))
        try context.ready()
        context.stop.wait()
    default:
        register(context)
        registerCommands(context)
        report(context, "registered")
        context.stop.wait()
        if context.sleep(for: .milliseconds(1)) { report(context, "sleep did not see the stop") }
        while context.stop.phase < .draining { Poll.pause(.milliseconds(5)) }
    }
}

@Sendable func asyncMain(_ context: Context, _ made: (checked: Int, prepared: String)) async throws {
    let (checked, prepared) = made
    report(context, "async main \(checked) \(prepared)")
    await MainActor.run { report(context, "main actor runs") }
    switch context[mainMode] {
    case "throw": throw DaemonError("main failed")
    case "return": return
    case "ignore-stop": while true { Poll.pause(.seconds(3600)) }
    case "fork-pool":
        childReport(context)
        await context.stop.wait()
    case "steal":
        // As libraries do it that have signal handlers of their own.
        let source = DispatchSource.makeSignalSource(signal: Signal.hangup.rawValue)
        source.setEventHandler { report(context, "stolen") }
        source.activate()
        report(context, "registered")
        await context.stop.wait()
        source.cancel()
    case "report":
        try await Task.sleep(for: .seconds(3600))
    default:
        register(context)
        report(context, "registered")
        while await context.sleep(for: .seconds(3600)) {}
        report(context, "async stop")
    }
}

/// There is no prepare: it serves when it says so.
@Sendable func lonelyMain(_ context: Context, _ checked: Int) async throws {
    report(context, "lonely main")
    if let path = context[output], (try? FileStatus(path: "\(path).fail")) != nil {
        try await Task.sleep(for: .milliseconds(300))
        throw DaemonError("the database is gone")
    }
    if context[mainMode] != "unready" { try context.ready() }
    report(context, "registered")
    await context.stop.wait()
}

let arguments = CommandLine.arguments
switch (arguments.contains("--fault-async-prepare"), arguments.contains("--fault-async")) {
case (_, true) where arguments.contains("--fault-no-prepare"):
    genericMain(daemon, options: list, check: check, main: lonelyMain)
case (true, true): genericMain(daemon, options: list, check: check, prepare: prepareAsync, main: asyncMain)
case (true, false): genericMain(daemon, options: list, check: check, prepare: prepareAsync, main: syncMain)
case (false, true): genericMain(daemon, options: list, check: check, prepare: prepare, main: asyncMain)
case (false, false): genericMain(daemon, options: list, check: check, prepare: prepare, main: syncMain)
}
