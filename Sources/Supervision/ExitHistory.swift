/// Which exit code the end will have: the first bad one of a current child that is critical, so that no crash is hidden
/// behind a 0.
///
/// | before the stop       | during the stop                    | exit code                            |
/// |-----------------------|------------------------------------|--------------------------------------|
/// | a service has failed  | whatever ends how                  | of the failure: 128 + signal for one |
/// | nothing has           | a child ends badly, and not by us  | as the stop asked for, or of it for 0 |
/// | nothing has           | all end well                       | as the stop asked for                |
///
/// A rollout that succeeds replaces everyone, and forgets.
enum ExitHistory: Equatable, Sendable {
    case running(firstBad: Int32?)
    case stopping(before: Int32?, during: Int32?)

    /// Before the stop.
    var firstBad: Int32? { if case .running(let code) = self { code } else { nil } }

    /// A child that matters has ended, and its service has failed.
    mutating func failed(_ status: TerminationStatus) {
        if case .running(nil) = self, status.isBad { self = .running(firstBad: status.code) }
    }

    mutating func rolloutSucceeded() { self = .running(firstBad: nil) }

    mutating func stopBegins() {
        if case .running(let code) = self { self = .stopping(before: code, during: nil) }
    }

    /// A child has ended in a stop. Dead by what we sent is no failure.
    mutating func ended(_ status: TerminationStatus, of life: Life) {
        guard case .stopping(let before, nil) = self, status.isBad, !life.explains(status) else { return }
        self = .stopping(before: before, during: status.code)
    }

    func code(asked: Int32) -> Int32 {
        switch self {
        case .running(let code): code ?? asked
        case .stopping(let before, let during): before ?? (asked != 0 ? asked : during ?? 0)
        }
    }
}

extension Life {
    /// It ended by a signal that it was sent.
    fileprivate func explains(_ status: TerminationStatus) -> Bool {
        switch self {
        case .killed: true
        case .stopping(_, let stopping): status.code == 128 &+ stopping.signal
        case .spawning, .executing, .starting, .ready: false
        }
    }
}
