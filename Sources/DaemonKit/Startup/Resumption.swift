import DeploymentFiles
import MasterRuntime
import Supervision
import Unix

/// A master that goes on in a new image of its process: what the earlier one left, instead of a start.
struct Resumption {
    let state: SavedState
    let head: StateRecord
    /// Ends this process, which was only started to be asked.
    private let prove: ((Bool) -> Never)?

    /// Called first of all: nil for an ordinary start.
    static func take() -> Resumption? {
        guard let (state, prove) = MasterImage.takeState() else { return nil }
        return Resumption(state: state, head: state.first("master") ?? StateRecord("master"), prove: prove)
    }

    /// Where relative paths on the command line count from.
    var directory: String { head["directory"] ?? "/" }

    /// The command line as the first start read it.
    static func read(
        _ resumption: Resumption?, _ daemon: Daemon, _ options: OptionList,
        _ arguments: [String] = ProgramArguments.all, manual: ManualNotes? = nil
    ) -> OptionValues {
        let interface = CommandLineInterface(daemon, options, manual: manual)
        guard let resumption else { return interface.read(arguments) }
        let here = try? FileDescriptor.open(".", .directory).release()
        try? Files.changeDirectory(resumption.directory)
        defer {
            if let here {
                try? Files.changeDirectory(here)
                Descriptor.close(here)
            }
        }
        return interface.read(arguments)
    }

    /// What can be known before the exec: the command line, which was read already, and the state are understood.
    func answerProof() {
        prove?(MasterImage.understands(state))
    }

    var pidFile: PidFile? {
        guard let number = head[descriptor: "pidFile"], let path = head["pidPath"] else { return nil }
        return try? PidFile(path: path, lockedAs: number)
    }
}
