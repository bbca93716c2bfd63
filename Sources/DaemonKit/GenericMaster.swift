import DeploymentFiles
import MasterRuntime
import Unix

/// What a master's front end has when its children may be started.
package struct MasterStart {
    package let values: OptionValues
    package let log: Log
    package let inherited: HandedDown

    init(_ listening: borrowing Listening) {
        values = listening.facts.plan.values
        log = listening.runtime.log
        inherited = listening.handedDown
    }
}

/// A daemon whose main is the supervision of other processes: the same start as `genericMain`, one thread for life.
///
/// `frontEnd` gets what `check` returned, and nil when this process goes on after an exec: then nothing that is wrong with
/// the configuration may end it. `manual` is for its page.
package func genericMaster<Checked>(
    _ daemon: Daemon, options: OptionList, manual: ManualNotes, check: (OptionValues) throws -> Checked,
    frontEnd: (MasterStart, Checked?) throws -> FrontEnd
) -> Never {
    switch startUp(daemon, options, manual: manual, isFrontEnd: true, check: check) {
    case .resumed(let listening, let state):
        listening.supervise(resuming: state) { listening, _ in try frontEnd(MasterStart(listening), nil) }
    case .begun(let listening, let checked):
        listening.supervise { listening, _ in try frontEnd(MasterStart(listening), checked) }
    }
}
