import DaemonCore
import Supervision
import Text
import Unix

/// The executable of a master as it was started, for its own replacement: found now, so that neither another working
/// directory nor another PATH changes which one it is.
package struct MasterImage {
    /// The state's descriptor, for the next image.
    private static let stateVariable = "DAEMONKIT_STATE"
    /// Where a new image that is only tried writes that it understands the state.
    private static let proofVariable = "DAEMONKIT_PROOF"
    private static let proof = "understood"

    package let path: String
    /// The working directory of the first start, from which relative paths on the command line count.
    package let directory: String
    private let arguments: [String]
    private let environment: [[UInt8]]
    /// The file that this process runs, as it was at the start.
    private let original: FileStatus?
    private let proven = ProvenFile()

    /// What was last proven: the path may come to mean another file at any time.
    private final class ProvenFile {
        var status: FileStatus?
    }

    /// Before the environment is changed. `arguments` begin with the program's name.
    package init(arguments: [String]) {
        self.init(arguments: arguments, path: nil, directory: Files.workingDirectory() ?? "/")
    }

    /// `path`: where an earlier image of this process found itself.
    package init(arguments: [String], path known: String?, directory: String) {
        self.arguments = arguments
        self.directory = directory
        environment = Environment.entries.filter { variable in
            ![Self.stateVariable, Self.proofVariable].contains { variable.starts(with: "\($0)=".utf8) }
        }
        let name = arguments.first ?? ""
        let found = known ?? (try? Spawn.find(name, path: Environment["PATH"])) ?? Files.executablePath() ?? name
        path = found.hasPrefix("/") ? found : "\(directory == "/" ? "" : directory)/\(found)"
        original = try? FileStatus(following: path)
    }

    /// Whether another file lies where this process was started from, or none.
    var hasChanged: Bool {
        guard let original else { return false }
        guard let now = try? FileStatus(following: path) else { return true }
        return !now.isSameFile(as: original)
    }

    /// What the old image has handed over, and whether it only wants to know if that is understood. Called first of all.
    package static func takeState() -> (state: SavedState, proof: ((Bool) -> Never)?)? {
        let text = Environment.take(stateVariable)
        let pipe = Environment.take(proofVariable).flatMap { Int32($0) }
        guard let number = text.flatMap({ Int32($0) }),
            let (owner, state) = sealed(number)
        else { return nil }
        guard owner == (pipe == nil ? CurrentProcess.id : CurrentProcess.parent) else {
            // Whoever asked for a proof has ended: without it this process is no start of a daemon either.
            if pipe != nil { CurrentProcess.exitNow(1) }
            return nil
        }
        Descriptor.close(number)
        guard let pipe else { return (state, nil) }
        return (
            state,
            { isGood in
                if isGood { try? Descriptor.writeAll(pipe, proof) }
                CurrentProcess.exitNow(isGood ? 0 : 1)
            }
        )
    }

    /// Whether this executable can go on with it: to read the command line and the state is all that a new one is asked
    /// for before it takes over.
    package static func understands(_ state: SavedState) -> Bool {
        let version = state.first("supervisor")?[number: "version"] ?? Int.max
        // Restored to see that it can be.
        _ = Supervisor(restoring: state, seed: 0)
        return state.damaged == 0 && state.first("master") != nil && version <= SavedState.version
    }

    /// Anybody's environment may name any descriptor: a state is only what our own user's process has sealed, this process
    /// before its exec or the master that asks for a proof. Which one, it says itself.
    private static func sealed(_ number: Int32) -> (owner: ProcessID, state: SavedState)? {
        guard number > 2, MemoryFile.isOurs(number), let size = try? FileStatus(descriptor: number).size,
            (0...longestState).contains(size)  // bounded: a constant
        else { return nil }
        let state = SavedState(decoding: Descriptor.contents(of: number, limit: Int(clamping: size)))
        let owner = state.first("process")?[number: "pid"].flatMap { ProcessID(exactly: $0) }
        return owner.map { ($0, state) }
    }

    private static let longestState: Int64 = 1 << 30

    /// Whose state it is stands in it.
    private static func file(of state: SavedState) throws(Errno) -> FileDescriptor {
        var record = StateRecord("process")
        record[number: "pid"] = Int(CurrentProcess.id)
        return try MemoryFile.make("daemonkit-state", SavedState([record] + state.records).bytes)
    }

    /// For the next image, which may find itself in another directory.
    package func note(in head: inout StateRecord) {
        head["directory"] = directory
        head["path"] = path
    }

    /// Never returns, but for a failure and its reason.
    package func execute(_ state: SavedState, kept: [Int32]) -> String {
        do {
            let file = try Self.file(of: state)
            defer { for number in kept { try? Descriptor.setCloseOnExec(number, true) } }
            for number in kept + [file.number] { try Descriptor.setCloseOnExec(number, false) }
            let reason = CurrentProcess.execute(
                path, arguments,
                environment: environment + [Array("\(Self.stateVariable)=\(file.number)".utf8)], if: isAsProven)
            if reason == .stale { return "\(path) is another file than the one that was tried" }
            return "cannot execute \(path): \(reason)"
        } catch {
            return "cannot hand over the state: \(error)"
        }
    }

    /// The moment between this look and the exec is all that is left for a mistake.
    private func isAsProven() -> Bool {
        guard let tried = proven.status else { return true }
        return (try? FileStatus(following: path))?.isSameFile(as: tried) == true
    }

    /// Asks the executable on disk, in a process of its own, whether it understands this state.
    package func prove(_ state: SavedState, in master: Master, limit: Duration, then: @escaping (String?) -> Void) {
        do {
            proven.status = try? FileStatus(following: path)
            let file = try Self.file(of: state)
            let ends = try FileDescriptor.pipe()
            let null = try FileDescriptor.open("/dev/null", .readWrite)
            let variables = ["\(Self.stateVariable)=3", "\(Self.proofVariable)=4"]
            var spawn = Spawn(path, Array(arguments.dropFirst()))
            spawn.environment = environment + variables.map { Array($0.utf8) }
            spawn.name = arguments.first
            // Without us it is no proof, and must not become a daemon of its own.
            spawn.deathSignal = .kill
            // What it complains of goes the same way as its proof, which comes last.
            spawn.descriptors = [(0, null.number), (2, ends.write.number), (3, file.number), (4, ends.write.number)]
            let (reading, writing) = ends.release()
            defer { Descriptor.close(writing) }
            var isLate = false
            var timer: Int?
            let ended = { [path] (ending: TerminationStatus, failure: SpawnFailure?) in
                timer.map(master.cancel)
                defer { Descriptor.close(reading) }
                if let failure { return then("cannot try \(path): \(failure.errno)") }
                var buffer = [UInt8](repeating: 0, count: 4096)
                let count = Poll.readable(reading, timeout: .zero) ? try? Descriptor.read(reading, into: &buffer) : nil
                // bounded: a call gives no more than the buffer holds
                let said = String(decoding: buffer.prefix(count ?? 0), as: UTF8.self)
                if isLate { return then("\(path) did not answer within \(DurationText.text(limit))") }
                guard ending == .exited(0), said.hasSuffix(Self.proof) else {
                    let complaints = said.split(separator: "\n").filter { $0 != Self.proof }
                    let complaint = complaints.first.map { ": \(VisibleText.line($0))" } ?? ""
                    return then("\(path) does not understand the state (\(Self.text(ending)))\(complaint)")
                }
                then(nil)
            }
            do {
                let pid = try master.start(helper: spawn, ended: ended)
                timer = master.after(limit) {
                    isLate = true
                    try? Unix.Child.send(.kill, to: pid, group: true)
                }
            } catch {
                Descriptor.close(reading)
                throw error
            }
        } catch {
            then("cannot try \(path): \(error)")
        }
    }

    private static func text(_ ending: TerminationStatus) -> String {
        switch ending {
        case .exited(let code): "exit status \(code)"
        case .signaled(let number, _): "\(Signal(rawValue: number))"
        }
    }
}
