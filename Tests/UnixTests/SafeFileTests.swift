import TestSupport
import Testing
import Unix

@Suite("Files opened by name", .enabled(if: CurrentProcess.userID == 0, "needs root"), .timeLimit(.minutes(20)))
struct SafeFileTests {
    private let folder = TemporaryFolder()
    private static let stranger: UserID = 65534

    init() throws {
        try Files.makeDirectory(folder["theirs"], mode: 0o755)
        give("theirs")
        try folder.write("secret\n", to: "secret")
    }

    private func give(_ name: String) { #expect(lchown(folder[name], Self.stranger, Self.stranger) == 0) }

    private func refusal(_ name: String, owners: [UserID] = []) -> FileRefusal.Reason? {
        do {
            _ = try SafeFile.append(folder[name], mode: 0o640, owners: owners)
            return nil
        } catch {
            return error.reason
        }
    }

    // MARK: Writing

    @Test("a file is made with its mode, and opened again for appending; it waits again for what it is")
    func append() throws {
        for line in ["a\n", "b\n"] {
            let file = try SafeFile.append(folder["theirs/log"], mode: 0o640)
            try Descriptor.writeAll(file.number, line)
            #expect(fcntl(file.number, F_GETFL) & O_NONBLOCK == 0 && fcntl(file.number, F_GETFD) == FD_CLOEXEC)
        }
        #expect(try folder.contents("theirs/log") == "a\nb\n")
        #expect(try FileStatus(path: folder["theirs/log"]).mode == 0o640)
    }

    @Test("a symbolic link is refused wherever it is, and nothing is made where it leads", arguments: ["theirs/", ""])
    func link(place: String) throws {
        symlink(folder["cron"], folder["\(place)log"])
        #expect(refusal("\(place)log") == .kind(.symbolicLink))
        #expect((try? FileStatus(path: folder["cron"])) == nil)
    }

    @Test("a fifo makes nobody wait, with a reader and without")
    func fifo() throws {
        mkfifo(folder["theirs/log"], 0o666)
        #expect(refusal("theirs/log") == .kind(.fifo))
        let reader = try FileDescriptor.open(folder["theirs/log"], .nonBlocking)
        #expect(refusal("theirs/log") == .kind(.fifo))
        withExtendedLifetime(reader.number) {}
    }

    @Test("a socket, a directory and a hard link are refused")
    func others() throws {
        let socket = try Socket.open(AF_UNIX, .stream)
        try Socket.bind(socket.number, to: .unix(folder["theirs/socket"]))
        try Files.makeDirectory(folder["theirs/directory"], mode: 0o700)
        #expect(hardLink(folder["secret"], folder["theirs/other"]) == 0)
        #expect(refusal("theirs/socket") == .kind(.socket))
        #expect(refusal("theirs/directory") == .kind(.directory))
        #expect(refusal("theirs/other") == .hardLink)
    }

    @Test("a device is taken where it is wanted")
    func device() throws {
        _ = try SafeFile.append("/dev/null", mode: 0o600)
        let location = try FileLocation("/dev/null")
        let refusal = #expect(throws: FileRefusal.self) {
            _ = try SafeFile.open(location, .writeOnly, kinds: .regular, mode: 0o600)
        }
        #expect(refusal?.reason == .kind(.characterDevice))
    }

    @Test("a stranger's file is refused where he can have put it, and nowhere else; the service's own is taken")
    func owner() throws {
        for name in ["theirs/log", "log"] {
            try folder.write("", to: name)
            give(name)
        }
        #expect(refusal("theirs/log") == .owner(Self.stranger))
        #expect(refusal("theirs/log", owners: [Self.stranger]) == nil)
        #expect(refusal("log") == nil)
    }

    @Test("without permission the system's reason is told")
    func permission() throws {
        #expect(
            try holdsInFork {
                guard setuid(54321) == 0 else { return false }
                return refusal("log") == .system(.permissionDenied)
            })
    }

    // MARK: Replacing

    @Test("a replaced file is a new one: a link, a hard link and a fifo at its name lead nowhere")
    func replace() throws {
        let kinds: [(String) -> Void] = [
            { _ in }, { symlink(folder["secret"], $0) }, { mkfifo($0, 0o666) },
            { #expect(hardLink(folder["secret"], $0) == 0) },
        ]
        for (index, prepare) in kinds.enumerated() {
            let name = "theirs/status\(index)"
            prepare(folder[name])
            let file = try SafeFile.replace(folder[name], with: "1:2\n", mode: 0o644)
            #expect(try folder.contents(name) == "1:2\n" && file.isInPlace)
            #expect(file.remove() && (try? FileStatus(path: folder[name])) == nil)
        }
        #expect(try folder.contents("secret") == "secret\n")
        #expect(Files.names(in: folder["theirs"]).isEmpty)
    }

    @Test("what cannot be replaced leaves nothing beside")
    func notReplaced() throws {
        try Files.makeDirectory(folder["theirs/status"], mode: 0o700)
        #expect(throws: FileRefusal.self) { _ = try SafeFile.replace(folder["theirs/status"], with: "", mode: 0o644) }
        #expect(Files.names(in: folder["theirs"]) == ["status"])
    }

    // MARK: Believing

    private func believes(_ name: String, owners: [UserID] = []) throws -> FileRefusal.Reason? {
        do {
            _ = try SafeFile.openBelieved(folder[name], owners: owners)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test("root believes only what root alone can have written", arguments: [0o666, 0o664, 0o602] as [FileMode])
    func believedMode(mode: FileMode) throws {
        #expect(try believes("secret") == nil)
        chmod(folder["secret"], mode)
        #expect(try believes("secret") == .changeable(owner: 0, mode: mode))
    }

    @Test("nor a stranger's file, nor one in his directory or in one that all may change, nor by a link of his")
    func believedOwner() throws {
        try folder.write("", to: "theirs/file")
        #expect(try believes("theirs/file") == .changeable(owner: Self.stranger, mode: 0o755))
        #expect(try believes("theirs/file", owners: [Self.stranger]) == nil)
        symlink(folder["secret"], folder["theirs/link"])
        #expect(try believes("theirs/link", owners: [Self.stranger]) == .link)
        #expect(hardLink(folder["secret"], folder["theirs/hard"]) == 0)
        #expect(try believes("theirs/hard", owners: [Self.stranger]) == .hardLink)
        unlink(folder["theirs/hard"])
        symlink("secret", folder["link"])
        #expect(try believes("link") == nil)
        give("secret")
        #expect(try believes("secret") == .changeable(owner: Self.stranger, mode: 0o600))
        #expect(try believes("link") == .changeable(owner: Self.stranger, mode: 0o600))
    }

    @Test("a descriptor of the caller's is believed, and who is not root believes whom he names")
    func believedAnyhow() throws {
        chmod(folder.path, 0o755)
        chmod(folder["secret"], 0o666)
        give("secret")
        let file = try FileDescriptor.open(folder["secret"], [])
        _ = try SafeFile.openBelieved("/dev/fd/\(file.number)")
        #expect(
            try holdsInFork {
                guard setuid(54321) == 0 else { return false }
                return try believes("secret") == nil
            })
    }

    // MARK: Directories

    @Test("a directory is made and given away in one go; one that is there stays as it is")
    func makeDirectory() throws {
        #expect(try SafeFile.makeDirectory(folder["theirs/new"], mode: 0o750, owner: (7, 8)))
        let status = try FileStatus(path: folder["theirs/new"])
        #expect(status.mode == 0o750 && status.owner == 7)
        #expect(try !SafeFile.makeDirectory(folder["theirs/new"], mode: 0o700, owner: (9, 9)))
        #expect(try FileStatus(path: folder["theirs/new"]).owner == 7)
        symlink(folder.path, folder["theirs/link"])
        #expect(throws: FileRefusal.self) { _ = try SafeFile.makeDirectory(folder["theirs/link/new"], mode: 0o700) }
        #expect((try? FileStatus(path: folder["new"])) == nil)
    }

    @Test("a directory of one's own is nobody else's, and closed to all others")
    func ownDirectory() throws {
        #expect(throws: FileRefusal(.system(.noSuchFile), folder["own"])) {
            try SafeFile.ownDirectory(folder["own"], isMade: false)
        }
        for _ in 0..<2 { try SafeFile.ownDirectory(folder["own"], isMade: true) }
        #expect(try FileStatus(path: folder["own"]).mode == 0o700)
        chmod(folder["own"], 0o750)
        #expect(throws: FileRefusal(.changeable(owner: 0, mode: 0o750), folder["own"])) {
            try SafeFile.ownDirectory(folder["own"], isMade: true)
        }
        chmod(folder["own"], 0o700)
        symlink("own", folder["link"])
        #expect(throws: FileRefusal(.kind(.symbolicLink), folder["link"])) {
            try SafeFile.ownDirectory(folder["link"], isMade: true)
        }
        give("own")
        #expect(throws: FileRefusal(.owner(Self.stranger), folder["own"])) {
            try SafeFile.ownDirectory(folder["own"], isMade: true)
        }
    }
}

/// link(2)
private func hardLink(_ old: String, _ new: String) -> Int32 { linkat(AT_FDCWD, old, AT_FDCWD, new, 0) }
