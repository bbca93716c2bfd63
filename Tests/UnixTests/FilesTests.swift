import Testing
import Unix

@Suite("Files", .timeLimit(.minutes(20)))
struct FilesTests {
    private let folder = TemporaryFolder()

    @Test("an open without create does not make the file")
    func openMissing() {
        #expect(throws: Errno.noSuchFile) { _ = try FileDescriptor.open(folder["none"], .readWrite) }
    }

    @Test("an exclusive create refuses what is there")
    func exclusive() throws {
        try folder.write("", to: "file")
        #expect(throws: Errno.fileExists) {
            _ = try FileDescriptor.open(folder["file"], [.readWrite, .create, .exclusive])
        }
    }

    @Test("noFollow refuses a symbolic link, a dangling one too")
    func noFollow() throws {
        symlink("target", folder["link"])
        #expect(throws: Errno.symbolicLinkLoop) {
            _ = try FileDescriptor.open(folder["link"], [.readWrite, .create, .noFollow])
        }
        #expect(throws: Errno.noSuchFile) { try FileStatus(path: folder["target"]) }
    }

    @Test("a relative path counts from the folder that is given")
    func relative() throws {
        try folder.write("inside", to: "file")
        let directory = try FileDescriptor.open(folder.path, .directory)
        let file = try FileDescriptor.open("file", in: directory.number, [])
        #expect(try readAll(file.number) == "inside")
        #expect(try FileStatus(path: "file", in: directory.number).size == 6)
        try Files.unlink("file", in: directory.number)
        #expect(Files.names(in: folder.path).isEmpty)
    }

    @Test("the directory option refuses a file")
    func directoryOnly() throws {
        let path = try folder.write("", to: "file")
        #expect(throws: Errno(rawValue: ENOTDIR)) { _ = try FileDescriptor.open(path, .directory) }
    }

    @Test("names are those in the folder, without the two dots")
    func names() throws {
        for name in ["a", ".hidden", "mit Leerzeichen", "grüße"] { try folder.write("", to: name) }
        #expect(Set(Files.names(in: folder.path)) == ["a", ".hidden", "mit Leerzeichen", "grüße"])
    }

    @Test("there are no names in what is no directory")
    func noNames() { #expect(Files.names(in: "/dev/null").isEmpty) }

    @Test("a folder is made with its mode")
    func makeDirectory() throws {
        try Files.makeDirectory(folder["new"], mode: 0o700)
        let status = try FileStatus(path: folder["new"])
        #expect(status.kind == .directory && status.mode == 0o700)
        #expect(throws: Errno.fileExists) { try Files.makeDirectory(folder["new"], mode: 0o700) }
    }

    @Test("what may be executed is told from what may not")
    func executable() throws {
        #expect(Files.isExecutable("/bin/sh"))
        #expect(Files.isExecutable(try folder.write("", to: "file")) == false)
        #expect(Files.isExecutable(folder["none"]) == false)
    }

    @Test("the path of the running executable is an executable")
    func executablePath() throws {
        let path = try #require(Files.executablePath())
        #expect(path.hasPrefix("/") && Files.isExecutable(path))
    }

    @Test("the working folder is followed, and nil once it is deleted")
    func workingDirectory() async {
        await #expect(processExitsWith: .success) { [path = folder["working"] as String] in
            try Files.makeDirectory(path, mode: 0o700)
            try Files.changeDirectory(path)
            #expect(Files.workingDirectory() == path)
            rmdir(path)
            #expect(Files.workingDirectory() == nil)
            #expect(throws: Errno.noSuchFile) { try Files.changeDirectory(path) }
        }
    }

    @Test("the umask takes bits from new files")
    func umask() async {
        await #expect(processExitsWith: .success) { [path = folder["masked"] as String] in
            Files.setUmask(0o077)
            _ = try FileDescriptor.open(path, [.writeOnly, .create], mode: 0o666)
            #expect(try FileStatus(path: path).mode == 0o600)
        }
    }
}
