import Testing
import Unix

@Suite("Names of signals", .timeLimit(.minutes(20)))
struct SignalNamesTests {
    @Test(
        "a name is read with or without SIG, in any case",
        arguments: [
            ("TERM", SIGTERM), ("SIGTERM", SIGTERM), ("term", SIGTERM), ("sigTerm", SIGTERM), ("HUP", SIGHUP),
            ("usr1", SIGUSR1), ("SIGUSR2", SIGUSR2), ("quit", SIGQUIT), ("KILL", SIGKILL), ("winch", SIGWINCH),
            ("CHLD", SIGCHLD), ("IOT", SIGABRT), ("STOP", SIGSTOP),
        ])
    func names(text: String, number: Int32) { #expect(Signal(parsing: text)?.rawValue == number) }

    @Test("a number is read", arguments: [("1", 1), ("15", 15), ("09", 9), ("31", 31)] as [(String, Int32)])
    func numbers(text: String, number: Int32) { #expect(Signal(parsing: text)?.rawValue == number) }

    @Test(
        "anything else is no signal",
        arguments: [
            "", "SIG", "TERMX", "XTERM", "SIGSIGTERM", "0", "-1", "-15", "+15", "65", "99999999999", "15 ", " TERM",
            "TERM ", "SIG15", "1.5", "0x0f", "١٥", "ſigterm", "-TERM", "RTMIN+", "RTMIN-1", "RTMIN+31", "RTMAX-31",
            "RTMIN+-1", "RTMAX+1", "NUM34", "ZERO", "te\u{301}rm",
        ])
    func nonsense(text: String) { #expect(Signal(parsing: text) == nil) }

    #if os(Linux)
    @Test(
        "real-time signals count from both ends",
        arguments: [
            ("RTMIN", 34), ("sigrtmin", 34), ("RTMIN+1", 35), ("SIGRTMIN+30", 64), ("RTMAX", 64), ("rtmax-30", 34),
            ("64", 64), ("CLD", 17), ("PWR", 30), ("STKFLT", 16), ("POLL", 29), ("IO", 29),
        ] as [(String, Int32)])
    func realTime(text: String, number: Int32) throws {
        // Musl keeps one more of them for itself.
        let shift = text.lowercased().contains("rtm") ? try #require(Signal(parsing: "RTMIN")).rawValue - 34 : 0
        guard shift == 0 else { return }
        #expect(Signal(parsing: text)?.rawValue == number)
    }
    #endif

    @Test("every number of a signal has a name that is read back")
    func roundTrip() {
        var names: Set<String> = []
        for number: Int32 in 1...31 {
            let name = Signal(rawValue: number).shortName
            #expect(Signal(parsing: name)?.rawValue == number)
            names.insert(name)
        }
        #expect(names.count == 31)
        #expect(Signal.terminate.shortName == "TERM" && Signal(rawValue: SIGABRT).shortName == "ABRT")
        #expect(Signal.child.shortName == "CHLD" && Signal(rawValue: 200).shortName == "200")
    }

    #if os(Linux)
    @Test("real-time signals have names")
    func realTimeNames() throws {
        let first = try #require(Signal(parsing: "RTMIN"))
        #expect(first.shortName == "RTMIN" && Signal(rawValue: first.rawValue + 2).shortName == "RTMIN+2")
        for number in first.rawValue...64 {
            #expect(Signal(parsing: Signal(rawValue: number).shortName)?.rawValue == number)
        }
    }
    #endif
}
