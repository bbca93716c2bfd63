import DaemonKit
import DaemonTestKit
import Foundation
import Testing

extension DaemonProcess {
    /// A request of its own connection, and the whole answer with its head. Blocks its thread.
    func get(_ path: String, at address: String? = nil) throws -> String {
        try request(
            "GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", at: address, bytes: .max)
    }

    /// What a command of the control socket answers. Blocks its thread.
    func ask(_ command: String, bytes: Int = .max) throws -> String {
        try request("\(command)\n", at: path("control"), bytes: bytes)
    }

    /// The records of a log in JSON so far.
    var records: [[String: Any]] {
        logLines.compactMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
    }
}

/// Looks again and again until the condition holds.
func eventually(_ condition: () throws -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + DaemonProcess.patience
    while try !condition() {
        if ContinuousClock.now >= deadline { return false }
        try await Task.sleep(for: .milliseconds(5))
    }
    return true
}

/// Runs a command to its end, and gives what it printed.
func shell(_ command: String, input: String = "") throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    let output = Pipe()
    let inputs = Pipe()
    process.standardOutput = output
    process.standardError = output
    process.standardInput = inputs
    try process.run()
    inputs.fileHandleForWriting.write(Data(input.utf8))
    try inputs.fileHandleForWriting.close()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return text
}

/// Runs what blocks its thread on one of its own: the pool's are for those that never wait.
func apart<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) -> Task<Value, any Error> {
    Task {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }
}
