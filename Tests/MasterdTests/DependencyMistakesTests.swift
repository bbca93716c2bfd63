import Testing

@testable import masterd

@Suite("Mistakes in one-shots, statuses and requirements", .timeLimit(.minutes(20)))
struct DependencyMistakesTests {
    private static let cases: [(String, String)] = [
        (
            inWorker("success-status"),
            "m.cfg:3: 'success-status' expects exit codes from 0 to 255 and names of signals."
        ),
        (
            inWorker("final-status 256"),
            "m.cfg:3: 'final-status' expects exit codes from 0 to 255 and names of signals, not '256'."
        ),
        (inWorker("success-status 3 3"), "m.cfg:3: 'success-status' names '3' twice."),
        (inWorker("success-status 143 TERM"), "m.cfg:3: 'success-status' names 'TERM' twice."),
        (inProgram("type once"), "m.cfg:3: 'type' expects 'service' or 'oneshot', not 'once'."),
        (inWorker("type oneshot"), "m.cfg:3: unknown keyword 'type' in 'worker' section"),
        (
            inProgram("type oneshot\n instances 2"),
            "m.cfg:4: 'instances 2' cannot be combined with 'type oneshot'."
        ),
        (
            inProgram("readiness notify\n type oneshot"),
            "m.cfg:3: 'readiness' cannot be combined with 'type oneshot'."
        ),
        (inProgram("type oneshot\n watchdog 1s"), "m.cfg:4: 'watchdog' cannot be combined with 'type oneshot'."),
        (
            inProgram("type oneshot\n restart always"),
            "m.cfg:4: 'restart always' cannot be combined with 'type oneshot'."
        ),
        (
            inProgram("type oneshot\n reload-signal HUP"),
            "m.cfg:4: 'on-reload signal' cannot be combined with 'type oneshot'."
        ),
        (inWorker("requires"), "m.cfg:3: 'requires' expects the name of a worker or program."),
        (inWorker("requires w"), "m.cfg:3: 'requires' goes in a circle: w, w."),
        (
            "worker a\n command x\n requires b\nworker b\n command x\n after a\n",
            "m.cfg:3: 'requires' goes in a circle: a, b, a."
        ),
        (
            "worker a\n command x\nworker b\n command x\n requires a a\n",
            "m.cfg:5: 'requires' names 'a' twice."
        ),
        (
            "worker web\n command x\nworker w2\n command x\n requires wen\n",
            "m.cfg:5: 'requires': unable to find worker or program 'wen'; did you mean 'web' maybe ?"
        ),
    ]

    @Test("each is told with its place", arguments: cases)
    func mistake(text: String, line: String) { #expect(mistakes(text) == [line]) }
}
