import Testing
import Unix

@testable import DaemonCore

@Suite("LogFile", .timeLimit(.minutes(20)))
struct LogFileTests {
    private let folder = TemporaryFolder()

    /// What opening the file says.
    private func complaint(_ name: String) -> String? {
        let path = name.hasPrefix("/") ? name : folder[name]
        let error = #expect(throws: DaemonError.self) { _ = try LogFile(path: path).open() }
        #expect(error?.code == .logFile)
        return error.map { $0.message.replacing(path, with: "PATH") }
    }

    @Test("it is made with 0600, close-on-exec and for appending")
    func makes() throws {
        let file = try LogFile(path: folder["log"]).open()
        #expect(try FileStatus(path: folder["log"]).mode == 0o600)
        #expect(fcntl(file.number, F_GETFD) == FD_CLOEXEC)
        #expect(fcntl(file.number, F_GETFL) & (O_APPEND | O_NONBLOCK | O_ACCMODE) == O_APPEND | O_WRONLY)
    }

    @Test("what is there is kept, with its mode")
    func keeps() throws {
        chmod(try folder.write("old\n", to: "log"), 0o640)
        let file = try LogFile(path: folder["log"]).open()
        try Descriptor.writeAll(file.number, "new\n")
        #expect(try folder.contents("log") == "old\nnew\n")
        #expect(try FileStatus(path: folder["log"]).mode == 0o640)
    }

    @Test("a symbolic link is refused, a dangling one too, and nothing is made behind it")
    func symbolicLink() throws {
        try folder.write("", to: "target")
        symlink(folder["target"], folder["link"])
        symlink(folder["none"], folder["dangling"])
        for name in ["link", "dangling"] {
            #expect(complaint(name) == "log file PATH: is a symbolic link: --log-file - is standard error")
        }
        #expect(throws: Errno.noSuchFile) { try FileStatus(path: folder["none"]) }
    }

    @Test("a fifo is refused, with a reader or without, and nobody waits")
    func fifo() throws {
        mkfifo(folder["fifo"], 0o600)
        #expect(complaint("fifo") == "log file PATH: is a fifo")
        let reader = try FileDescriptor.open(folder["fifo"], .nonBlocking)
        #expect(complaint("fifo") == "log file PATH: is a fifo")
        _ = reader
    }

    @Test("a folder, a socket and a file with a second name are refused")
    func otherKinds() throws {
        let socket = try Socket.open(AF_UNIX, .stream)
        try Socket.bind(socket.number, to: .unix(folder["socket"]))
        try folder.write("", to: "file")
        link(folder["file"], folder["second"])
        #expect(complaint(folder.path) == "log file PATH: is a directory")
        #expect(complaint("socket") == "log file PATH: is a socket")
        #expect(complaint("second") == "log file PATH: has another name (hard link)")
    }

    @Test("a missing folder and a path through a file are named with the system's reason")
    func missingFolder() throws {
        try folder.write("", to: "file")
        #expect(complaint("none/log") == "log file PATH: No such file or directory")
        #expect(complaint("file/log") == "log file PATH: Not a directory")
        #expect(complaint("") == "log file PATH: is a directory")
        #expect(complaint(String(repeating: "x", count: 300)) == "log file PATH: File name too long")
    }

    @Test("a user without the right is told so", .enabled(if: CurrentProcess.userID == 0, "needs root"))
    func permission() async {
        await #expect(processExitsWith: .success) { [path = folder["log"] as String] in
            try Privileges.drop(to: User(id: 54321, name: "", group: 54321), group: 54321)
            let error = #expect(throws: DaemonError.self) { _ = try LogFile(path: path).open() }
            #expect(error?.message == "log file \(path): Permission denied")
            #expect(error?.systemError == EACCES)
        }
    }

    @Test("a device may be a log", arguments: ["/dev/null", "/dev/full"])
    func device(path: String) { #expect(throws: Never.self) { _ = try LogFile(path: path).open() } }

    @Test(
        "a path is divided into folder and name",
        arguments: [("/a/b/c", "/a/b", "c"), ("/a", "/", "a"), ("a", ".", "a"), ("a/b", "a", "b"), ("/a/", "/a", "")])
    func splits(path: String, folder: String, name: String) {
        let parts = split(path: path)
        #expect(parts.directory == folder && parts.name == name)
    }
}
