import Testing

@testable import DaemonCore

@Suite("Ports", .timeLimit(.minutes(20)))
struct PortTests {
    @Test(
        "1 to 65535 in decimal is a port",
        arguments: [("1", 1), ("80", 80), ("65535", 65535), ("00080", 80), ("0000000000000000000000000080", 80)])
    func right(text: String, number: UInt16) {
        for words in [["--port=\(text)"], ["--port", text], ["-p\(text)"], ["-p", text]] {
            let line = parse(words)
            #expect(line.mistakes.isEmpty && line.values[StandardOption.port] == number)
        }
    }

    @Test(
        "anything else is an error, never wrapped",
        arguments: [
            "", "0", "000", "65536", "70000", "131152", "4294967376", "18446744073709551696", "-1", "-0", "-80", "--80",
            "+80", " 80", "80 ", "\t80", "80\n", "8 0", "8_0", "0x50", "0b1", "0o7", "80x", "80.0", "8e1", "80,", "٨٠",
            "８０", "²", "८०", "NaN", "http", "80\u{301}", "\u{FEFF}80",
        ])
    func wrong(text: String) {
        let reason = "'\(text)' is not a port (1 to 65535)"
        #expect(parse(["--port", text]).mistakes == ["option '--port': \(reason)"])
        #expect(parse(["--port=\(text)"]).mistakes.count == 1)
        #expect(parse(["-p", text]).mistakes == ["option '-p': \(reason)"])
        #expect(parse(["--port", text]).values[StandardOption.port] == nil)
    }
}
