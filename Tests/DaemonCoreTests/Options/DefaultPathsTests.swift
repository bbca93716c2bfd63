import Testing
import Unix

@testable import DaemonCore

/// The bodies run as another user, and with another environment: in processes of their own.
@Suite("Default paths", .enabled(if: CurrentProcess.userID == 0, "needs root"), .timeLimit(.minutes(20)))
struct DefaultPathsTests {
    private let folder = TemporaryFolder()

    private static func becomeUser(_ id: UInt32) throws {
        for name in ["XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME"] { unsetenv(name) }
        try Privileges.drop(to: User(id: id, name: "", group: id), group: id)
    }

    @Test("root's are the system's")
    func root() {
        let paths = DefaultPaths(name: "testd")
        #expect(paths.pidFile == "\(DefaultPaths.systemRuntime)/testd.pid")
        #expect(paths.logFile == "/var/log/testd.log")
    }

    @Test("root's do not depend on the environment")
    func rootsEnvironment() async {
        await #expect(processExitsWith: .success) { [path = folder.path as String] in
            for name in ["XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME"] { setenv(name, path, 1) }
            #expect(DefaultPaths(name: "testd").pidFile == "\(DefaultPaths.systemRuntime)/testd.pid")
        }
    }

    @Test("a user's log is in the state folder, and the pid file where it stays when a login's folder comes or goes")
    func user() async throws {
        chmod(folder.path, 0o755)
        for (name, mode) in [("run", 0o700), ("state", 0o755)] as [(String, FileMode)] {
            try Files.makeDirectory(folder[name], mode: mode)
            #expect(chown(folder[name], 54321, 54321) == 0)
        }
        await #expect(processExitsWith: .success) { [path = folder.path as String] in
            try Self.becomeUser(54321)
            setenv("XDG_RUNTIME_DIR", "\(path)/run", 1)
            setenv("XDG_STATE_HOME", "\(path)/state", 1)
            let paths = DefaultPaths(name: "testd")
            #expect(paths.pidFile == "/tmp/testd-54321/testd.pid" && paths.logFile == "\(path)/state/testd.log")
        }
    }

    @Test("without a state folder the log is in the home's, and without that beside the pid file")
    func fallbacks() async throws {
        chmod(folder.path, 0o755)
        for name in ["run", "home", "home/.local", "home/.local/state"] {
            try Files.makeDirectory(folder[name], mode: name == "run" ? 0o700 : 0o755)
            #expect(chown(folder[name], 54321, 54321) == 0)
        }
        await #expect(processExitsWith: .success) { [path = folder.path as String] in
            try Self.becomeUser(54321)
            setenv("XDG_RUNTIME_DIR", "\(path)/run", 1)
            setenv("HOME", "\(path)/home", 1)
            #expect(DefaultPaths(name: "testd").logFile == "\(path)/home/.local/state/testd.log")
            setenv("HOME", "\(path)/none", 1)
            #expect(DefaultPaths(name: "testd").logFile == "/tmp/testd-54321/testd.log")
        }
    }

    @Test("without any folder they are in one of their own in /tmp; what is relative or no folder is none")
    func nothing() async {
        await #expect(processExitsWith: .success) {
            try Self.becomeUser(54321)
            for folder in ["", "run", "/dev/null", "/nonexistent"] { Self.expectTemporary(folder) }
        }
    }

    @Test("nor are those of others, and those that others can change, or see into")
    func others() async throws {
        chmod(folder.path, 0o755)
        for (name, mode, owner) in [("theirs", 0o700, 54322), ("open", 0o777, 54321), ("link", 0, 0)]
            as [(String, FileMode, UserID)]
        {
            if name == "link" {
                symlink("own", folder[name])
                continue
            }
            try Files.makeDirectory(folder[name], mode: 0o700)
            #expect(chown(folder[name], owner, owner) == 0 && chmod(folder[name], mode) == 0)
        }
        try Files.makeDirectory(folder["own"], mode: 0o755)
        #expect(chown(folder["own"], 54321, 54321) == 0)
        await #expect(processExitsWith: .success) { [path = folder.path as String] in
            try Self.becomeUser(54321)
            for folder in ["theirs", "open", "link"] { Self.expectTemporary("\(path)/\(folder)") }
            // Others may look into a folder of state, and not into one of what runs.
            setenv("XDG_RUNTIME_DIR", "\(path)/own", 1)
            setenv("XDG_STATE_HOME", "\(path)/own", 1)
            let paths = DefaultPaths(name: "testd")
            #expect(paths.pidFile == "/tmp/testd-54321/testd.pid" && paths.logFile == "\(path)/own/testd.log")
        }
    }

    private static func expectTemporary(_ folder: String) {
        for name in ["XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME"] { setenv(name, folder, 1) }
        let paths = DefaultPaths(name: "testd")
        #expect(paths.pidFile == "/tmp/testd-54321/testd.pid" && paths.logFile == "/tmp/testd-54321/testd.log")
    }
}
