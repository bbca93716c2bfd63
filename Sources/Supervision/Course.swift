/// Whether everything runs, or ends.
enum Course: Sendable {
    case running
    case stopping(Stop)
    /// Nothing happens any more.
    case exited(StopRequest)

    struct Stop: Sendable {
        var request: StopRequest
        /// Services end one stage after the other: this one and those above have been signalled.
        var stage: Int
        /// The active children of each stage when the stop began.
        var stages: [[Child.ID]]
    }

    var request: StopRequest? {
        switch self {
        case .running: nil
        case .stopping(let stop): stop.request
        case .exited(let request): request
        }
    }
}
