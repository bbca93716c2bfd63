import ArgumentParser
import DaemonKit
import DaemonKitArguments

import struct ArgumentParser.Option

@main struct Quote: DaemonCommand {
    static let daemon = Daemon("quoted", version: "1.0", summary: "Says quotes, one after the other.")

    @Option(name: .shortAndLong, help: "Milliseconds between two quotes") var interval = 1000
    @Flag(help: "Say them in upper case") var loud = false
    @Argument(help: "What is said") var quotes: [String]

    func validate() throws {
        guard interval > 0 else { throw ValidationError("an interval of \(interval) ms is no time") }
    }

    func run(_ context: Context) async throws {
        try context.ready()
        for number in 0... {
            let quote = quotes[number % quotes.count]
            context.log.notice(loud ? quote.uppercased() : quote)
            guard await context.sleep(for: .milliseconds(interval)) else { return }
        }
    }
}
