import Testing
import Text

@testable import daemonctl

@Suite("Tables, sizes and loads", .timeLimit(.minutes(20)))
struct TopTests {
    @Test("sizes and tenths")
    func sizes() {
        #expect(TopSample.size(0) == "0.0K" && TopSample.size(1536) == "1.5K" && TopSample.size(1 << 20) == "1.0M")
        #expect(TopSample.size(5 << 30) == "5.0G")
        #expect(
            DecimalText.tenths(0.04) == "0.0" && DecimalText.tenths(0.05) == "0.1"
                && DecimalText.tenths(99.96) == "100.0" && DecimalText.tenths(-1) == "0.0")
        #expect(DecimalText.tenths(.nan) == "0.0")
        #expect(DecimalText.tenths(.infinity) == "1000000000000000.0")
    }

    @Test("columns are as wide as they must be")
    func table() {
        var table = TextTable(["A", "NUMBER", "C"], rightAligned: [1])
        table.rows = [["aaa", "1", ""], ["b", "1234567", "é"]]
        #expect(table.text == "A     NUMBER  C\naaa        1\nb    1234567  é\n")
    }

    @Test("an idle daemon and a busy one: the load is what they used between two looks")
    func load() throws {
        let folder = TemporaryFolder()
        // Who holds the lock of the file is the daemon, whose pid stands in it.
        let path = try folder.write("", to: "d.pid")
        let file = try FileDescriptor.open(path, .readWrite)
        #expect(try Descriptor.tryLock(file.number))
        var spawn = Spawn("/bin/sh", ["-c", "while :; do :; done"])
        spawn.descriptors = [(3, file.number)]
        let pid = try spawn.start()
        defer {
            try? Child.send(.kill, to: pid)
            _ = try? Child.reap(pid, waiting: true)
        }
        try Descriptor.writeAll(file.number, "\(pid)\n")
        let daemon = ConfiguredDaemon(name: "d", command: ["/x"], pidFile: folder["d.pid"])
        let first = TopSample([daemon])
        #expect(first.rows[0].load == nil && first.rows[0].state == "running" && first.rows[0].pid == pid)
        let used = { (sample: TopSample) in sample.rows[0].load ?? 0 }
        #expect(eventually { used(TopSample([daemon], since: first)) > 1 })
        let ended = ConfiguredDaemon(name: "e", command: ["/x"], pidFile: folder["none.pid"])
        let row = TopSample([ended], since: first).rows[0]
        #expect(row.state == "stopped" && row.pid == nil && row.load == nil)
    }
}

@Suite("What systemctl shows", .timeLimit(.minutes(20)))
struct SystemctlTests {
    @Test("a unit that is loaded, and others")
    func unit() {
        let text = "LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=12\n"
        let unit = Systemctl.unit("d.service", shown: text)
        #expect(unit == Systemctl.Unit(name: "d.service", active: "active", sub: "running", mainPID: 12))
        #expect(unit?.text == "d.service is active (running)" && unit?.isUp == true)
        let stopped = Systemctl.unit("d", shown: "MainPID=0\nActiveState=inactive\nLoadState=loaded\n")
        #expect(stopped?.mainPID == nil && stopped?.isUp == false)
        #expect(Systemctl.unit("d", shown: "LoadState=not-found\nActiveState=inactive\n") == nil)
        for nonsense in ["", "\n", "LoadState", "=", "LoadState=masked\n"] {
            #expect(Systemctl.unit("d", shown: nonsense) == nil)
        }
    }

    @Test("options for the command stand before its own --")
    func arguments() {
        #expect(Launch.arguments(["/x", "-a", "--", "b"], ["--check"]) == ["-a", "--check", "--", "b"])
        #expect(Launch.arguments(["/x", "-a", "--", "b"], []) == ["-a", "--", "b"])
        #expect(Launch.arguments(["/x"], ["--check"]) == ["--check"])
    }

    @Test("a text of somebody else's does nothing to the terminal")
    func printing() {
        #expect(VisibleText.line("plain") == "plain" && VisibleText.line("é日") == "é日")
        #expect(VisibleText.line("a\u{1B}[2Jb\r\u{9B}") == "a\\u{1B}[2Jb\\r\\u{009B}")
        #expect(VisibleText.line("\u{202E}x") == "\\u{202E}x")
        #expect(VisibleText.lines("a\tb\nc\u{7}\n") == "a\tb\nc\\u{07}\n")
    }
}
