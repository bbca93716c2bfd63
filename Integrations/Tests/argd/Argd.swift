import ArgumentParser
import DaemonKit
import DaemonKitArguments

// What the tests of ArgumentParser run: every kind of argument, told in the log.

@main struct Argd: DaemonCommand {
    static let daemon = Daemon("argd", version: "1.0", summary: "Tells its arguments.")
    static let configuration = CommandConfiguration(abstract: "Tells its arguments.")

    enum Color: String, ExpressibleByArgument, CaseIterable { case red, green }

    @ArgumentParser.Flag(name: .shortAndLong, help: "Say nothing twice") var quiet = false
    @ArgumentParser.Option(name: .shortAndLong, help: "Seconds between two ticks") var interval = 60
    @ArgumentParser.Option(help: "A color") var color: Color?
    @ArgumentParser.Option(help: "A tag, as often as you like") var tag: [String] = []
    @ArgumentParser.Argument(help: "Files to look at") var files: [String] = []

    func validate() throws {
        if interval > 1000 { throw ValidationError("an interval of \(interval) s is too long") }
    }

    func run(_ context: Context) async throws {
        let color = color?.rawValue ?? "none"
        context.log.notice("quiet=\(quiet) interval=\(interval) color=\(color) tag=\(tag) files=\(files)")
        try context.ready()
        await context.stop.wait()
    }
}
