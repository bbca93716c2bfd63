import DaemonKit
import Synchronization
import Unix

// How many log lines a second: through the log, or the same bytes by bare write(2).

let lines = Option("lines", default: 1_000_000, in: 1...100_000_000, help: "Lines in all")
let threads = Option("threads", default: 1, in: 1...64, help: "Threads that write")
let bare = Option("bare", choices: ["no", "yes"], default: "no", help: "Bare write(2) of the same bytes")

final class Counter: Sendable {
    let value = Atomic<Int>(0)
}

let logbench = Daemon("logbench", version: "1", readiness: .prepared)

genericMain(logbench, options: [lines, threads, bare]) { context in
    let total = context[lines]
    let share = total / context[threads]
    let path = context[StandardOption.logFile] ?? "/dev/null"
    let sample =
        "2026-11-21 08:10:40,304112 UTC: logbench pid=\(CurrentProcess.id) INFO GET /index.html 200 1234 bytes, took 17 ms\n"
    let bytes = Array(sample.utf8)
    let isBare = context[bare] == "yes"
    let file = try FileDescriptor.open(path, [.writeOnly, .append, .create]).release()
    let done = Counter()
    let start = MonotonicTime.now
    for _ in 0..<context[threads] {
        try Thread.start(stackSize: 1 << 20) {
            if isBare {
                for _ in 0..<share { _ = try? Descriptor.write(file, bytes.span) }
            } else {
                for _ in 0..<share { context.log.info("GET /index.html 200 1234 bytes, took 17 ms") }
            }
            done.value.add(1, ordering: .acquiringAndReleasing)
        }
    }
    while done.value.load(ordering: .acquiring) < context[threads] { Poll.pause(.milliseconds(1)) }
    let nanoseconds = (MonotonicTime.now - start).inNanoseconds
    let seconds = Double(nanoseconds) / 1e9
    try Descriptor.writeAll(
        1, "lines=\(share * context[threads]) bytes=\(bytes.count * share * context[threads]) seconds=\(seconds)\n")
}
