import Testing
import Unix

@testable import DaemonKit

/// The bodies run as another user, and with another environment: in processes of their own.
@Suite("Default paths", .enabled(if: CurrentProcess.userID == 0))
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

    @Test("a user's are in the runtime and the state folder")
    func user() async throws {
        chmod(folder.path, 0o755)
        for name in ["run", "state"] { try Files.makeDirectory(folder[name], mode: 0o755) }
        await #expect(processExitsWith: .success) { [path = folder.path as String] in
            try Self.becomeUser(54321)
            setenv("XDG_RUNTIME_DIR", "\(path)/run", 1)
            setenv("XDG_STATE_HOME", "\(path)/state", 1)
            let paths = DefaultPaths(name: "testd")
            #expect(paths.pidFile == "\(path)/run/testd.pid" && paths.logFile == "\(path)/state/testd.log")
        }
    }

    @Test("without a state folder the log is in the home's, and without that beside the pid file")
    func fallbacks() async throws {
        chmod(folder.path, 0o755)
        for name in ["run", "home", "home/.local", "home/.local/state"] {
            try Files.makeDirectory(folder[name], mode: 0o755)
        }
        await #expect(processExitsWith: .success) { [path = folder.path as String] in
            try Self.becomeUser(54321)
            setenv("XDG_RUNTIME_DIR", "\(path)/run", 1)
            setenv("HOME", "\(path)/home", 1)
            #expect(DefaultPaths(name: "testd").logFile == "\(path)/home/.local/state/testd.log")
            setenv("HOME", "\(path)/none", 1)
            #expect(DefaultPaths(name: "testd").logFile == "\(path)/run/testd.log")
        }
    }

    @Test("without any folder they are in /tmp, with the user's number; what is relative or no folder is none")
    func nothing() async {
        await #expect(processExitsWith: .success) {
            try Self.becomeUser(54321)
            for folder in ["", "run", "/dev/null", "/nonexistent"] {
                for name in ["XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME"] { setenv(name, folder, 1) }
                let paths = DefaultPaths(name: "testd")
                #expect(paths.pidFile == "/tmp/testd-54321.pid" && paths.logFile == "/tmp/testd-54321.log")
            }
        }
    }
}
