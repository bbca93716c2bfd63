import ArgumentParser

@main struct Quote: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Says quotes, one after the other.")

    @Option(name: .shortAndLong, help: "Milliseconds between two quotes") var interval = 1000
    @Flag(help: "Say them in upper case") var loud = false
    @Argument(help: "What is said") var quotes: [String]

    func validate() throws {
        guard interval > 0 else { throw ValidationError("an interval of \(interval) ms is no time") }
    }

    func run() async throws {
        for number in 0... {
            let quote = quotes[number % quotes.count]
            print(loud ? quote.uppercased() : quote)
            try await Task.sleep(for: .milliseconds(interval))
        }
    }
}
