/// How a process ended, wait(2).
package enum TerminationStatus: Hashable, Sendable {
    case exited(Int32)
    case signaled(Int32, dumpedCore: Bool)

    /// The code a shell would report: 128 + signal for a killed process.
    package var code: Int32 {
        switch self {
        case .exited(let code): code
        case .signaled(let signal, _): 128 &+ signal
        }
    }

    /// The status as wait(2) packs it.
    package var waitStatus: Int32 {
        switch self {
        case .exited(let code): code << 8
        case .signaled(let signal, let dumpedCore): signal | (dumpedCore ? 0x80 : 0)
        }
    }

    /// Neither success nor the answer to SIGINT or SIGTERM: what a master must not hide behind an exit code of 0.
    package var isBad: Bool { ![0, 130, 143].contains(code) }
}
