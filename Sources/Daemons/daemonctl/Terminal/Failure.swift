import DaemonKit

/// Exit codes of LSB's init scripts; `status` has its own.
enum ExitCode: Int32 {
    case failure = 1
    case invalid = 2
    case noPrivilege = 4
    case notInstalled = 5
    case notConfigured = 6
    case notRunning = 7
}

/// Why a command came to nothing.
struct Failure: Error {
    let lines: [String]
    let code: ExitCode

    init(_ text: String, _ code: ExitCode = .failure) { self.init(lines: [text], code) }

    init(lines: [String], _ code: ExitCode) {
        self.lines = lines
        self.code = code
    }

    var answer: Answer {
        Answer(lines.joined(separator: "\ndaemonctl: "), exitStatus: code.rawValue, isFailure: true)
    }
}

/// What is said of one daemon in the end.
typealias Answer = RunningInstance.Answer

extension Answer {
    /// Something went wrong, and this is said of it.
    static func failed(_ text: String, _ code: ExitCode = .failure) -> Answer { Failure(text, code).answer }
}
