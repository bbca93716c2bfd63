import Foundation
import Testing
import Unix

@Suite(
    "Rights that are given up", .enabled(if: Machine.isRoot, "needs root"),
    .enabled(if: Machine.has("setpriv"), "needs setpriv"), .timeLimit(.minutes(20)))
struct StartPrivilegeTests {
    private func launch(_ daemon: TestDaemon, _ setpriv: String, _ more: String...) throws -> TestProcess.Outcome {
        try daemon.folder.shell(
            "exec setpriv \(setpriv) \"$1\" \"${@:2}\"", daemon.executable, daemon.arguments(more))
    }

    @Test("No further group of root's stays")
    func groups() throws {
        let daemon = try TestDaemon()
        #expect(chown(daemon.folder.path, 65534, 65534) == 0)
        let outcome = try launch(daemon, "--groups 0,4,27,54321", "-u", "nobody", "-g", "nogroup")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let pid = try #require(daemon.pid)
        let look = try daemon.folder.shell("grep -E '^Groups:' /proc/$2/status", "", ["\(pid)"])
        let groups = look.output.split { $0 == "\t" || $0 == " " || $0 == "\n" }.dropFirst().map(String.init)
        #expect(groups == ["65534"])
        daemon.end()
    }

    @Test("A change of user forbids core dumps, unless they are asked for")
    func coreDumps() throws {
        for (words, owner) in [([], 0), (["--core-dumps"], 65534)] as [([String], UserID)] {
            let daemon = try TestDaemon()
            #expect(chown(daemon.folder.path, 65534, 65534) == 0)
            let outcome = try daemon.folder.shell(
                "ulimit -S -c 0; exec \"$1\" \"${@:2}\"", daemon.executable,
                daemon.arguments(["-u", "nobody", "-g", "nogroup"] + words))
            #expect(outcome.code == 0, "\(outcome.errors)")
            let pid = try #require(daemon.pid)
            // What may leave no core belongs to root in /proc.
            #expect(try FileStatus(following: "/proc/\(pid)/status").owner == owner)
            let limits = try String(contentsOfFile: "/proc/\(pid)/limits", encoding: .utf8)
            let limit = try #require(limits.firstMatch(of: /Max core file size +(\w+) +(\w+)/))
            #expect(limit.1 == (words.isEmpty ? "0" : limit.2))
            daemon.end()
        }
    }

    @Test("A process that could become root again does not start: setuid(2) leaves it capabilities")
    func regain() throws {
        let daemon = try TestDaemon()
        #expect(chown(daemon.folder.path, 65534, 65534) == 0)
        let outcome = try launch(daemon, "--securebits=+no_setuid_fixup", "-u", "nobody", "-g", "nogroup")
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("cannot drop privileges to user 65534, group 65534"), "\(outcome.errors)")
        #expect(daemon.isClean && daemon.pid == nil)
    }

    @Test("A socket's file belongs to whom the daemon becomes")
    func socketFile() throws {
        let daemon = try TestDaemon.echo()
        #expect(chown(daemon.folder.path, 65534, 65534) == 0)
        let outcome = try daemon.launch("-u", "nobody", "-g", "nogroup")
        #expect(outcome.code == 0, "\(outcome.errors)")
        var raw = stat()
        #expect(lstat(daemon.folder["s"], &raw) == 0 && raw.st_uid == 65534 && raw.st_gid == 65534)
        daemon.end()
        #expect(daemon.isClean)
    }
}
