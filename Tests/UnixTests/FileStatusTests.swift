import Testing
import Unix

@Suite("FileStatus", .timeLimit(.minutes(20)))
struct FileStatusTests {
    private let folder = TemporaryFolder()

    @Test("a regular file has its size, mode and links")
    func regular() throws {
        let path = try folder.write("12345", to: "file")
        chmod(path, 0o4640)
        link(path, folder["other"])
        let status = try FileStatus(path: path)
        #expect(status.kind == .regular && status.size == 5 && status.mode == 0o4640 && status.links == 2)
        #expect(status.owner == CurrentProcess.userID)
    }

    @Test("a file's time may be any: its owner sets it", arguments: [Int.min, -1, 9_300_000_000, 1 << 40, .max])
    func farTimes(seconds: Int) throws {
        let path = try folder.write("", to: "old")
        var times = [timespec(tv_sec: seconds, tv_nsec: 999_999_999), timespec(tv_sec: seconds, tv_nsec: 999_999_999)]
        _ = utimensat(AT_FDCWD, path, &times, 0)
        let status = try FileStatus(path: path)
        #expect(status.isSameFile(as: try FileStatus(following: path)))
    }

    @Test("a symbolic link is not followed")
    func symbolicLink() throws {
        symlink("/dev/null", folder["link"])
        #expect(try FileStatus(path: folder["link"]).kind == .symbolicLink)
    }

    @Test("folder, fifo, socket and device are told apart")
    func kinds() throws {
        mkfifo(folder["fifo"], 0o600)
        let socket = try Socket.open(AF_UNIX, .stream)
        try Socket.bind(socket.number, to: .unix(folder["socket"]))
        #expect(try FileStatus(path: folder.path).kind == .directory)
        #expect(try FileStatus(path: folder["fifo"]).kind == .fifo)
        #expect(try FileStatus(path: folder["socket"]).kind == .socket)
        #expect(try FileStatus(descriptor: socket.number).kind == .socket)
        #expect(try FileStatus(path: "/dev/null").kind == .characterDevice)
    }

    @Test("the pipe behind a descriptor is a fifo")
    func pipe() throws {
        let ends = try FileDescriptor.pipe()
        #expect(try FileStatus(descriptor: ends.read.number).kind == .fifo)
    }

    @Test("hard links are one file, and a new file of the same name is another")
    func identity() throws {
        let path = try folder.write("", to: "file")
        link(path, folder["other"])
        let before = try FileStatus(path: path).identity
        #expect(try FileStatus(path: folder["other"]).identity == before)
        try Files.unlink(path)
        try folder.write("", to: "file")
        #expect(try FileStatus(path: path).identity != before)
    }

    @Test("what is not there has none")
    func missing() {
        #expect(throws: Errno.noSuchFile) { try FileStatus(path: folder["none"]) }
        #expect(throws: Errno.badDescriptor) { try FileStatus(descriptor: -1) }
    }

    @Test("a path through a file is refused")
    func throughFile() throws {
        try folder.write("", to: "file")
        #expect(throws: Errno(rawValue: ENOTDIR)) { try FileStatus(path: folder["file/below"]) }
    }
}
