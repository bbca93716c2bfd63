import DaemonCore
import Testing
import Unix

@testable import DeploymentFiles

@Suite("Where printed files find the executable", .timeLimit(.minutes(20)))
struct InstalledProgramTests {
    private let folder = TemporaryFolder()
    /// This test's own executable, which lies in a directory of the package manager's.
    private let own = Files.executablePath() ?? ""

    /// `current` leads to a release with a link to this executable in it.
    private func releases() throws {
        try Files.makeDirectory(folder["1"], mode: 0o700)
        #expect(symlink(own, folder["1/testd"]) == 0)
        #expect(symlink("1", folder["current"]) == 0)
    }

    @Test("it is as it was called: a link to a release stays one")
    func links() throws {
        try releases()
        let called = folder["current/testd"]
        #expect(
            InstalledProgram.running(as: called, search: nil, in: "/") == InstalledProgram(path: called, target: own))
    }

    @Test(
        "a path of the working directory is made absolute",
        arguments: ["testd", "./testd", ".//testd", "../current/testd"])
    func relative(word: String) throws {
        try releases()
        let here = folder["current"]
        let program = InstalledProgram.running(as: word, search: ":/bin", in: here)
        // A bare word is looked for in PATH, whose empty entry is the process's own directory: that is not this one.
        #expect(program?.path == (word == "testd" ? nil : "\(here)/testd"))
    }

    @Test("a bare word is looked for in PATH")
    func bare() throws {
        try releases()
        let program = InstalledProgram.running(as: "testd", search: "/nowhere:\(folder["current"])", in: "/")
        #expect(program?.path == folder["current/testd"])
    }

    @Test(
        "what another program is called by is not believed",
        arguments: ["/bin/sh", "sh", "", "-testd", "/nowhere/testd"])
    func lies(word: String) {
        // The executable's own path, which is in .build.
        #expect(InstalledProgram.running(as: word, search: "/bin", in: "/") == nil)
    }

    private func text(_ kind: ServiceFile, _ path: String, target: String? = nil, _ words: [String] = []) -> String {
        kind.text(for: testd, parse(words).values, program: InstalledProgram(path: path, target: target ?? path))
    }

    @Test("every file of this machine calls it by its path, those for an image do not")
    func everyFile() {
        let path = "/opt/a b/current/testd"
        #expect(text(.systemd, path).contains("\nExecStart=\"\(path)\" --foreground "))
        #expect(text(.systemdTemplate, path).contains("\nExecStart=\"\(path)\" --foreground "))
        #expect(text(.sysv, path).contains("\nDAEMON='/opt/a b/current'/$NAME\n"))
        #expect(text(.openrc, "/opt/web-1.2").contains("\nDAEMON=/opt/web-1.2\n"))
        #expect(text(.logrotate, path).contains(" '\(path)' --reopen-logs "))
        #expect(text(.daemonctl, path).contains("command \"\(path)\" "))
        for kind in [ServiceFile.containerfile, .kubernetes] {
            #expect(!text(kind, path).contains("/opt/") && text(kind, path).contains("/usr/sbin/testd"))
        }
    }

    @Test("what a sandbox would hide from itself stays visible, also behind a link")
    func sandbox() {
        #expect(text(.systemd, "/usr/bin/testd").contains("\nProtectHome=yes\nPrivateTmp=yes\n"))
        #expect(
            text(.systemd, "/opt/testd", target: "/home/u/testd").contains("\nProtectHome=read-only\nPrivateTmp=yes\n"))
        #expect(!text(.systemd, "/var/tmp/x/testd").contains("PrivateTmp"))
    }

    @Test(
        "a path that a file cannot hold is refused", arguments: ["/opt/a\nb", "/opt/a\u{1B}b", "/opt/a\"b", "/opt/$b"])
    func refused(path: String) {
        let program = InstalledProgram(path: path, target: path)
        let reason = ["'systemd' cannot hold the path of the executable"]
        #expect(ServiceFile.systemd.mistakes(testd, parse([]).values, program: program) == reason)
    }

    @Test("in a template %i is the instance, and any other percent sign is one")
    func instances() {
        let words = ["--bind=unix:/run/testd/%i/s", "--chdir=/srv/%n%%i"]
        let unit = text(.systemdTemplate, "/usr/sbin/testd", words)
        #expect(unit.contains(" --bind=/run/testd/%i/s ") && unit.contains(" --chdir=/srv/%%n%%%i "))
        #expect(unit.contains("--pid-file=/run/testd/%i/testd.pid --log-file=/var/log/testd/%i.log"))
        #expect(unit.contains("\nRuntimeDirectory=testd/%i\n") && unit.contains("\nLogsDirectory=testd\n"))
        #expect(unit.contains("\nEnvironmentFile=-/etc/default/testd.%i\n"))
        #expect(text(.systemdSocketTemplate, "/x", words).contains("\nListenStream=/run/testd/%i/s\n"))
        #expect(text(.systemdSocketTemplate, "/x", []).hasPrefix("# All instances of testd would have one address"))
        #expect(text(.systemd, "/x", words).contains(" --chdir=/srv/%%n%%%%i "))
        let both = "for pid_file in /run/testd/testd.pid /run/testd/*/testd.pid; do"
        #expect(text(.logrotateTemplate, "/x").contains(both))
        let rotation = text(.logrotateTemplate, "/x", ["--log-file=/srv/%i/a.log", "--pid-file=/run/t-%i.pid"])
        #expect(rotation.contains("\n/srv/*/a.log {\n") && rotation.contains("for pid_file in /run/t-*.pid; do"))
    }

    @Test("a directory in /run that others use too, or a socket unit, is not removed with a service")
    func runDirectories() {
        let keeps = "\nRuntimeDirectoryPreserve=yes\n"
        #expect(!text(.systemd, "/x").contains(keeps) && !text(.systemdTemplate, "/x").contains(keeps))
        #expect(text(.systemd, "/x", ["--bind=unix:/run/testd/s"]).contains(keeps))
        #expect(text(.systemdTemplate, "/x", ["--control-socket=/run/testd/c-%i"]).contains(keeps))
    }
}
