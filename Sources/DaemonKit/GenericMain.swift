import MasterRuntime
import Unix

/// A daemon with a main. With `--workers` this process becomes the master of several.
///
/// `arguments` come without the program's name; nil is the process's own command line. `serve` is the rest of the
/// process's life.
func run<Settings>(
    _ daemon: Daemon, _ options: OptionList, _ arguments: [String]?, check: (OptionValues) throws -> Settings,
    serve: (Context, Keeper?, Settings) -> Never
) -> Never {
    let words = arguments.map { [daemon.name] + $0 } ?? ProgramArguments.all
    switch startUp(daemon, options, words, isFrontEnd: false, check: check) {
    case .resumed(let listening, let state):
        listening.supervise(resuming: state, workers)
    case .begun(let listening, let settings):
        if listening.facts.role.isMaster { listening.supervise(workers) }
        let (context, keeper) = listening.dropPrivileges().handOver()
        serve(context, keeper, settings)
    }
}

private func workers(_ listening: borrowing Listening, _ image: MasterImage) -> FrontEnd {
    let runtime = listening.runtime
    let workers = Workers(runtime, count: runtime.values[StandardOption.workers], image: image)
    var frontEnd = FrontEnd.workers(workers, version: runtime.daemon.version)
    if let control = listening.facts.control { frontEnd.controls = [control] }
    return frontEnd
}
