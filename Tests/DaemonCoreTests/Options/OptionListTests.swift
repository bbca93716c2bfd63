import Testing

@testable import DaemonCore

@Suite("Option lists", .timeLimit(.minutes(20)))
struct OptionListTests {
    private func names(_ list: OptionList, _ daemon: Daemon = testd) -> [String] {
        list.offered(by: daemon).map(\.name)
    }

    private let always = ["help", "version", "help-completion", "generate-completion-script"]

    @Test("the standard list has every option of the specification's table")
    func standard() {
        let table = [
            "foreground", "debug", "no-user-checks", "port", "bind", "syslog", "syslog-facility", "syslog-tag",
            "pid-file", "log-file", "log-format", "log-mode", "log-group", "core-dumps", "user", "group", "chroot",
            "umask", "chdir", "start-timeout", "workers", "control-socket", "check",
            "status",
            "stop", "reload", "reopen-logs", "signal", "print-service",
        ]
        #expect(Set(names(.standard)) == Set(table + always))
    }

    @Test("the short names are those of the table, each once")
    func shortNames() {
        let list = OptionList.standard.offered(by: testd)
        let pairs = list.compactMap { option in option.short.map { "\($0) \(option.name)" } }
        #expect(
            Set(pairs) == [
                "f foreground", "d debug", "p port", "b bind", "u user", "g group", "S control-socket", "h help",
                "V version",
            ])
        #expect(pairs.count == 9)
    }

    @Test("port and bind are offered only where the daemon listens")
    func listens() {
        let quiet = names(.standard, Daemon("quietd", version: "1"))
        #expect(!quiet.contains("port") && !quiet.contains("bind"))
        #expect(names(.standard).contains("port") && names(.standard).contains("bind"))
        #expect(names(.standard, Daemon("udpd", version: "1", listens: [.datagram])).contains("port"))
    }

    @Test("help, version and the completion options are always there")
    func none() { #expect(names(.none) == always) }

    @Test("options can be left out")
    func without() {
        let left = names(
            .standard.without(StandardOption.chroot, StandardOption.syslog, Option(flag: "other", help: "")))
        #expect(!left.contains("chroot") && !left.contains("syslog"))
        #expect(left.count == names(.standard).count - 2)
    }

    @Test("an array of options is the standard ones and these")
    func literal() {
        let list: OptionList = [Option(flag: "one", help: ""), Option("two", default: 2, help: "")]
        #expect(names(list) == names(.standard).dropLast(always.count) + ["one", "two"] + always)
    }

    @Test("the author's own come behind the standard ones")
    func own() {
        let list = names(.none + [Option(flag: "one", help: ""), Option("two", default: 2, help: "")])
        #expect(list == ["one", "two"] + always)
    }
}
