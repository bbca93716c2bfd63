import DaemonKit
import Text
import Unix

/// systemctl(1), where systemd runs this machine: what it manages is started and stopped by it alone.
struct Systemctl {
    let program: String

    private static let answerLimit = Duration.seconds(10)
    /// Longer than any time-out that a unit should have: systemd decides.
    private static let jobLimit = Duration.seconds(3600)

    /// Where systems have it, NixOS last.
    private static let installed = [
        "/usr/bin/systemctl", "/bin/systemctl", "/run/current-system/sw/bin/systemctl",
    ]

    /// nil where another init runs. PATH is only asked where it cannot make root run what its caller likes.
    static func find() -> Systemctl? {
        // sd_booted(3)
        guard (try? FileStatus(following: "/run/systemd/system"))?.kind == .directory else { return nil }
        if let program = installed.first(where: Files.isExecutable) { return Systemctl(program: program) }
        guard CurrentProcess.userID != 0, let program = try? Spawn.find("systemctl", path: Environment["PATH"]) else {
            return nil
        }
        return Systemctl(program: program)
    }

    /// What systemd knows of a unit.
    struct Unit: Equatable {
        let name: String
        /// `active`, `inactive`, `activating`, `failed`, ...
        var active = "unknown"
        /// `running`, `auto-restart`, ...
        var sub = ""
        var mainPID: ProcessID?

        /// It runs, or is about to.
        var isUp: Bool { !["inactive", "failed", "unknown"].contains(active) }
        var text: String { sub.isEmpty ? "\(name) is \(active)" : "\(name) is \(active) (\(sub))" }
    }

    /// nil where systemd has no such unit, or does not answer.
    func unit(_ name: String) -> Unit? {
        let words = ["show", "--property=LoadState,ActiveState,SubState,MainPID", "--", name]
        return output(words).flatMap { Self.unit(name, shown: $0) }
    }

    static func unit(_ name: String, shown text: String) -> Unit? {
        var properties: [Substring: Substring] = [:]
        for line in text.split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            properties[line[..<equals]] = line[line.index(after: equals)...]
        }
        guard properties["LoadState"] == "loaded" else { return nil }
        var unit = Unit(name: name)
        if let active = properties["ActiveState"] { unit.active = VisibleText.line(active) }
        if let sub = properties["SubState"] { unit.sub = VisibleText.line(sub) }
        unit.mainPID = properties["MainPID"].flatMap { ProcessID($0) }.flatMap { $0 > 0 ? $0 : nil }
        return unit
    }

    private func output(_ words: [String]) -> String? {
        guard let ends = try? FileDescriptor.pipe().release() else { return nil }
        defer { Descriptor.close(ends.read) }
        var spawn = Spawn(program, words)
        spawn.descriptors = [(1, ends.write), (2, 2)]
        let pid = try? spawn.start()
        Descriptor.close(ends.write)
        guard let pid else { return nil }
        let text = Input.read(ends.read, until: .now + Self.answerLimit, limit: 1 << 16)
        if text == nil { try? Child.send(.kill, to: pid) }
        let status = try? Child.reap(pid, waiting: true)
        return status == .exited(0) ? text.map { String(decoding: $0, as: UTF8.self) } : nil
    }

    /// Has systemd do it, and waits until it is done.
    func act(_ verb: String, _ unit: String, _ patience: Patience) -> Answer? {
        let spawn = Spawn(program, [verb, "--", unit])
        let tried = "systemctl \(verb) \(unit)"
        do {
            switch try patience.run(spawn, Self.jobLimit, "'\(tried)'") {
            case .exited(0): return nil
            case .exited(4): return .failed("\(tried): no permission", .noPrivilege)
            case .exited(5): return .failed("\(tried): not loaded", .notInstalled)
            case let status?: return .failed("\(tried): \(status)")
            case nil: return .failed("\(tried) does not end")
            }
        } catch {
            return .failed("\(tried): \(error)")
        }
    }
}
