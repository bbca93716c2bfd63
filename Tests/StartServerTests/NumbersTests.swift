import Testing

@testable import start_server

@Suite("Numbers of start_server's command line", .timeLimit(.minutes(20)))
struct NumbersTests {
    @Test(
        "none makes reading fall",
        arguments: [
            "9223372036854775807", "-9223372036854775808", "18446744073709551616", "1000000000.999999999",
            "0.0000000001",
            "2147483647", "2147483648", "99999999999999999999999999999999.9", "-0", "+", "1e9", "nan", "",
        ])
    func extremes(number: String) {
        let options = [
            "--interval", "--backlog", "--max-old-generations", "--start-timeout", "--stop-timeout", "--kill-old-delay",
            "--auto-restart-interval", "--signal-on-hup", "--port",
        ]
        for option in options { _ = try? SettingsParser.parse(["\(option)=\(number)", "p"]) }
        for words in [
            "--port=80=\(number)", "--port=\(number):80", "--backoff=\(number),\(number)", "--backoff=1,\(number)",
        ] {
            _ = try? SettingsParser.parse([words, "p"])
        }
    }

    @Test("the largest number of a descriptor in the worker is refused by the system, not by a trap")
    func descriptor() throws {
        let settings = try SettingsParser.parse(["--port=0=2147483647", "p"])
        #expect(settings.ports.first?.descriptor == .max)
    }
}
