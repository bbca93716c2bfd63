import DaemonCore
import Supervision
import Unix

/// What a session knows of its children besides the engine, and what each is still to be told: a state that all workers
/// share, such as a pause, reaches one that is just starting when it serves.
final class ChildNotes {
    private unowned let master: Master
    private let log: any SessionLog
    private var notes: [Supervision.Child.ID: ChildNote] = [:]
    /// Workers accept nothing new.
    private(set) var isPaused = false
    private var awaited = AwaitedReloads()
    private var whenReloaded: ((_ hasFailed: Bool) -> Void)?

    init(_ master: Master, _ log: any SessionLog) {
        self.master = master
        self.log = log
    }

    subscript(child: Supervision.Child.ID) -> ChildNote? { notes[child] }

    /// `isPaused`: it was told so by its environment.
    func began(_ child: Supervision.Child.ID, _ program: Program) {
        notes[child] = ChildNote(
            program.kind, isDaemon: program.hasChannel, isPaused: program.hasChannel && isPaused)
    }

    func take(_ message: NotifyMessage, from child: Supervision.Child.ID) {
        notes[child]?.take(message)
        awaited.take(message, from: child)
        finishReloads()
    }

    func forget(_ child: Supervision.Child.ID) {
        notes[child] = nil
        awaited.forget(child)
        finishReloads()
    }

    /// It serves: what was said to the others meanwhile holds for it, too.
    func accepted(_ child: Supervision.Child) {
        guard let note = notes[child.id] else { return }
        if note.kind == .worker, note.isPaused != isPaused { tell(child, isPaused: isPaused) }
        notes[child.id]?.missed = nil
        switch note.missed {
        case .reopenLogs: try? ProvenProcess(child.pid, .child).queueReopen()
        case .hangUp: reload(child)
        case nil: break
        }
    }

    // MARK: Logs

    /// To every daemon of ours: each reopens its log and, but for `.reopenLogs`, runs its reload handlers. One that is
    /// starting cannot take the signal yet, and may have opened its log already.
    func hangUp(_ word: ChildNote.HangUp) {
        awaited.begin()
        for child in master.supervisor.children.values where notes[child.id]?.isDaemon == true {
            switch child.phase {
            case .spawning, .executing, .starting:
                if notes[child.id]?.missed != .hangUp { notes[child.id]?.missed = word }
            case .ready where word == .hangUp: reload(child)
            case .ready, .stopping:
                // One that leaves may do so for a long time, and still writes its log.
                if child.readyAt != nil { try? ProvenProcess(child.pid, .child).queueReopen() }
            case .killed: break
            }
        }
    }

    private func reload(_ child: Supervision.Child) {
        // Before it is sent: the worker may begin before the call returns.
        let now = MonotonicTime.now
        if (try? Unix.Child.send(.hangup, to: child.pid)) != nil { awaited.signalled(child.id, at: now) }
    }

    /// Workers run reload handlers in their own processes.
    var areReloading: Bool { !awaited.isEmpty }

    /// Once, when the last of those that were told to reload has done so, or has ended; at once where there is none.
    func afterReloads(_ body: @escaping (_ hasFailed: Bool) -> Void) {
        whenReloaded = body
        finishReloads()
    }

    private func finishReloads() {
        guard awaited.isEmpty, let body = whenReloaded else { return }
        whenReloaded = nil
        body(awaited.hasFailed)
    }

    // MARK: Pauses

    /// The workers that know the signal: in any other process it would stop more than its listening.
    func setPaused(_ on: Bool, then: @escaping (_ told: Int, _ deaf: Int) -> Void = { _, _ in }) {
        isPaused = on
        let workers = master.supervisor.children.values.filter { notes[$0.id]?.kind == .worker && $0.phase == .ready }
        tell(workers.map(\.id)[...], isPaused: on, (0, workers.count), then)
    }

    /// A few at a time: the kernel is asked of each what it knows.
    private func tell(
        _ workers: ArraySlice<Supervision.Child.ID>, isPaused on: Bool, _ counts: (told: Int, all: Int),
        _ then: @escaping (Int, Int) -> Void
    ) {
        let children = master.supervisor.children
        let told = workers.prefix(32).count { children[$0].map { tell($0, isPaused: on) } ?? false } + counts.told
        let rest = workers.dropFirst(32)
        guard rest.isEmpty || isPaused != on else {
            master.after(.zero) { [unowned self] in tell(rest, isPaused: on, (told, counts.all), then) }
            return
        }
        log.write(.notice, "\(on ? "paused" : "resumed") \(told) of \(counts.all) workers")
        then(told, counts.all - told)
    }

    @discardableResult
    private func tell(_ child: Supervision.Child, isPaused on: Bool) -> Bool {
        let signal = on ? Signal.terminalOutput : .terminalInput
        guard child.pid > 1, ProcessFacts.catches(signal, child.pid),
            (try? Unix.Child.send(signal, to: child.pid)) != nil
        else { return false }
        notes[child.id]?.isPaused = on
        return true
    }

    // MARK: Over an exec

    var records: [StateRecord] { notes.map { $1.record($0) } }

    func restore(_ state: SavedState, isPaused paused: Bool) {
        isPaused = paused
        let daemons = Set(state.all("channel").compactMap { $0[number: "child"] })
        for record in state.all("note") {
            guard let child = record[number: "child"] else { continue }
            notes[child] = ChildNote(record, isDaemon: daemons.contains(child))
        }
    }
}
