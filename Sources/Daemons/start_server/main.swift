import DaemonKit
import Unix

// Server::Starter's superdaemon: binds sockets, starts a program with them, and replaces it without closing them.

try? Descriptor.fillStandard()
Signal.resetDispositions()
let image = MasterImage(arguments: CommandLine.arguments)
let handed = MasterImage.takeState()
// After an exec signals wait until there are handlers again.
if handed == nil { Signal.unblockAll() }
do {
    let settings = try SettingsParser.parse(Array(CommandLine.arguments.dropFirst()))
    if let handed {
        // Reading the command line and the state is all that a new executable is asked for before it takes over.
        if let prove = handed.proof { prove(handed.state.damagedLines == 0 && handed.state.first("supervisor") != nil) }
        try Start.resume(handed.state, settings, image)
    }
    switch settings.action {
    case .help: Start.say(HelpText.help)
    case .version: Start.say(HelpText.version)
    case .stop: try Remote(settings: settings).stop()
    case .restart: try Remote(settings: settings).restart()
    case .upgrade: try Remote(settings: settings).upgrade()
    case .run: try Start.run(settings, image)
    }
} catch let error as UsageError {
    handed?.proof?(false)
    try? Descriptor.writeAll(2, error.text)
    CurrentProcess.exitNow(error.exitStatus)
} catch let failure as Failure {
    failure.end()
}
