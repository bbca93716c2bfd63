import DeploymentFiles
import Supervision
import Unix

/// Where the roles part: every socket is bound, and the process has its caller's rights still.
enum Started<Checked>: ~Copyable {
    /// With what `check` has returned.
    case begun(Listening, Checked)
    /// A master after an exec, with what its earlier image left.
    case resumed(Listening, SavedState)
}

/// The start-up of every process, daemon, worker or master, in the order of the specification. Whatever fails in it ends
/// the process, and is told to whoever waits for it.
func startUp<Checked>(
    _ daemon: Daemon, _ options: OptionList, _ arguments: [String] = ProgramArguments.all,
    manual: ManualNotes? = nil, isFrontEnd: Bool, check: (OptionValues) throws -> Checked
) -> Started<Checked> {
    let resumption = Resumption.take()
    let plan = StartPlan(
        daemon, Resumption.read(resumption, daemon, options, arguments, manual: manual), isFrontEnd: isFrontEnd)
    if let resumption {
        resumption.answerProof()
        let listening = Detached(resuming: resumption, plan).openLog().makeContext().keepListeners()
        return .resumed(listening, resumption.state)
    }
    let inherited = Invoked(plan).takeInheritance()
    let checked = inherited.check(check)
    let locked = inherited.lockPidFile()
    let detached = locked.detach()
    let logging = detached.openLog().writePidFile()
    let listening = logging.makeContext().listen()
    return .begun(listening, checked)
}
