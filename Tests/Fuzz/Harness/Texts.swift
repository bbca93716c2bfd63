import Supervision
import Unix

@testable import DaemonCore
@testable import DaemonKit
@testable import MasterRuntime
@testable import daemonctl
@testable import masterd
@testable import start_server

private let variables = ["A": "a b", "LONG": String(repeating: "x", count: 3000), "N": ""]

/// A configuration is a plan that can be followed, or lines that say why not.
func tryConfiguration(_ bytes: [UInt8]) {
    let file = ConfigurationFile(path: "f", contents: bytes)
    do {
        let configuration = try Configuration.parse([file], environment: variables)
        precondition((try? configuration.plan().stages()) != nil, "a plan without an order")
        _ = configuration.text
    } catch {
        precondition(!error.mistakes.isEmpty, "refused without a reason")
        precondition(error.mistakes.allSatisfy { !$0.text.utf8.contains(0x0A) }, "a mistake of two lines")
    }
}

/// A file of daemonctl's registry.
func tryRegistry(_ bytes: [UInt8]) {
    _ = try? DaemonFile.parse(ConfigurationFile(path: "f", contents: bytes), name: "d", environment: variables)
}

/// The state that another image hands over: as it stands, and with right checksums, as a damaged or hostile image
/// would write it. What comes of it must survive a few events.
func tryState(_ bytes: [UInt8]) {
    _ = Supervisor(restoring: SavedState(decoding: bytes), seed: 1)
    let records = bytes.split(separator: 0x0A).prefix(64).compactMap(record)
    let state = SavedState(decoding: SavedState(records).bytes)
    precondition(state.damaged == 0, "a state that was just written is damaged")
    var supervisor = Supervisor(restoring: state, seed: 1)
    for event in [Event.resumed, .reload(nil), .timer] {
        _ = supervisor.handle(event, at: Instant(nanoseconds: 1 << 40))
    }
    _ = SavedState(supervisor.records).bytes
}

private func record(_ line: ArraySlice<UInt8>) -> StateRecord? {
    let words = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
    guard let name = words.first else { return nil }
    var record = StateRecord(name)
    for word in words.dropFirst() {
        let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
        if parts.count == 2 { record[parts[0]] = parts[1] }
    }
    return record
}

/// What is inherited: `NAME=value` lines are variables for the start of a daemon, a worker and start_server.
func tryEnvironment(_ bytes: [UInt8]) {
    let names = [
        "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "SERVER_STARTER_PORT", "DAEMONKIT_WORKER", "WATCHDOG_USEC",
        "WATCHDOG_PID", "DAEMONKIT_GENERATION", "SERVER_STARTER_GENERATION", "KILL_OLD_DELAY",
        "AUTO_RESTART_INTERVAL", "ENABLE_AUTO_RESTART", "ENVDIR", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME",
    ]
    for name in names { Environment.remove(name) }
    for line in bytes.split(separator: 0x0A) where !line.contains(0) {
        let text = String(decoding: line, as: UTF8.self)
        guard let equals = text.firstIndex(of: "="), names.contains(String(text[..<equals])) else { continue }
        Environment.set(String(text[..<equals]), String(text[text.index(after: equals)...]))
    }
    _ = EffectiveSettings(Settings(), envdir: EnvDir()) { Environment[$0] }
    _ = DefaultPaths(name: "d")
    _ = ServiceManager.take()
    _ = try? InheritedListeners.take(for: [.stream, .datagram])
}

/// The words of a command line, one a line: a daemon's own parser, start_server's, and addresses and times by themselves.
func tryCommandLine(_ bytes: [UInt8]) {
    let words = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map {
        String(decoding: $0, as: UTF8.self)
    }
    let line = CommandLineParser(words, options: OptionList.standard.offered(by: daemon))
    precondition(line.mistakes.allSatisfy { !$0.isEmpty }, "refused without a reason")
    do {
        let settings = try SettingsParser.parse(words)
        precondition(settings.action != .run || settings.program.first?.isEmpty == false, "nothing to run")
    } catch {
        precondition(error.text.utf8.last == 0x0A, "refused without a line")
    }
}

private let daemon = Daemon("fuzzd", version: "1", listens: [.stream])
