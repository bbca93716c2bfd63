import DaemonTestKit
import Unix

/// The executables beside the test bundle.
enum Product {
    static let directory = String(DaemonProcess.product("").dropLast())
    static let daemonctl = DaemonProcess.product("daemonctl")
    static let echod = DaemonProcess.product("echod")
    static let faultd = DaemonProcess.product("faultd")
    static let masterd = DaemonProcess.product("masterd")
    static let startServer = DaemonProcess.product("start_server")
    static let tickd = DaemonProcess.product("tickd")

    /// The repository's root: where this file lies.
    static let repository: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(4)
        return parts.joined(separator: "/")
    }()
}

extension TestDirectory {
    /// A line of shell, with `$1` the executable and the rest after it: for closed descriptors, limits and ignored signals.
    func shell(
        _ script: String, _ executable: String, _ arguments: [String],
        environment: [String: String] = [:], within limit: Duration = .seconds(240)
    ) throws -> TestProcess.Outcome {
        try run(
            "/bin/bash", ["-c", script, "bash", executable] + arguments, environment: environment, within: limit)
    }
}

extension TestProcess {
    func send(_ signal: Signal) { send(signal.rawValue) }
}
