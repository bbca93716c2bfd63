import Supervision
import Unix

@testable import MasterRuntime

/// A front end that does what a test says: it runs in a process of the test's own, since a master never returns.
final class StubHost: MasterHost {
    var plan = Plan(services: [])
    var starts: (Supervision.Child) throws(Errno) -> ProcessID = { _ throws(Errno) in throw .noSuchFile }
    var reports: (Report) -> Void = { _ in }
    var answers: (Requester, Answer) -> Void = { _, _ in }
    var receives: (Signal) -> Void = { _ in }
    var proves: () -> Void = {}
    var ends: () -> Void = {}
    var execs: () -> String = { "no executable" }

    func load() -> Event { .loaded(plan) }
    func spawn(_ child: Supervision.Child) throws(Errno) -> NewProcess { NewProcess(pid: try starts(child)) }
    func report(_ report: Report) { reports(report) }
    func answer(_ requester: Requester, _ answer: Answer) { answers(requester, answer) }
    func prove() { proves() }
    func exec() -> String { execs() }
    func received(_ signal: Signal) { receives(signal) }
    func exit(_ code: Int32) -> Never {
        ends()
        CurrentProcess.exit(code)
    }
}

/// Runs a master in this process, an exit test's, until one of the host's closures ends it. A minute is too long.
func runMaster(_ signals: [Signal] = [], _ prepare: (Master, StubHost) throws -> Void) throws -> Never {
    alarm(60)
    let host = StubHost()
    let pipe = try SignalPipe()
    let master = try Master(Supervisor(seed: 1), host: host, pipe: pipe, signals: signals)
    try prepare(master, host)
    Signal.unblockAll()
    master.run(.start)
}

/// One service of one instance, which is told to stop by SIGTERM.
func onlyService(_ readiness: Readiness, startTimeout: Duration? = nil) -> Plan {
    var service = Service(name: "worker", stopSignal: SIGTERM)
    service.readiness = readiness
    service.startTimeout = startTimeout
    service.leadsGroup = true
    return Plan(services: [service])
}

extension Master {
    /// Stops everything at once; the host's exit comes when all children are gone.
    func stopNow() { send(.stop(StopRequest(.now))) }
}
