import TestSupport
import Testing
import Unix

@Suite("Files of one's own", .enabled(if: CurrentProcess.userID == 0, "needs root"), .timeLimit(.minutes(20)))
struct OwnedFileTests {
    private let folder = TemporaryFolder()
    private static let stranger: UserID = 65534

    init() throws {
        chmod(folder.path, 0o755)
        try Files.makeDirectory(folder["theirs"], mode: 0o755)
        #expect(chown(folder["theirs"], Self.stranger, Self.stranger) == 0)
        try folder.write("secret\n", to: "secret")
    }

    /// In a process of its own, whose umask is nobody else's.
    @Test("a socket has its mode from the first moment on, in anybody's directory; or what the umask leaves")
    func bind() throws {
        #expect(
            try holdsInFork {
                Files.setUmask(0o022)
                for (index, place) in ["", "theirs/"].enumerated() {
                    for (mode, expected) in [(0o660, 0o660), (0o777, 0o777), (nil, 0o755)] as [(FileMode?, FileMode)] {
                        let name = "\(place)\(index)\(expected)"
                        let socket = try Socket.open(AF_UNIX, .stream)
                        let file = try OwnedFile.bind(socket.number, to: folder[name], mode: mode)
                        guard file.isProven, file.isInPlace, file.mode == expected, Files.setUmask(0o022) == 0o022,
                            try Socket.localAddress(socket.number) == .unix(folder[name])
                        else { return false }
                    }
                }
                return true
            })
    }

    @Test("mode and owner change as long as it is the same file")
    func change() throws {
        for name in ["socket", "theirs/socket"] {
            let socket = try Socket.open(AF_UNIX, .stream)
            let file = try OwnedFile.bind(socket.number, to: folder[name], mode: name == "socket" ? nil : 0o600)
            try file.setMode(0o606)
            try file.setOwner(Self.stranger, 4321)
            let status = try FileStatus(path: folder[name])
            #expect(status.mode == 0o606 && status.owner == Self.stranger)
            #expect(file.remove() && (try? FileStatus(path: folder[name])) == nil)
        }
    }

    @Test(
        "what was put in its place is neither changed nor removed", arguments: ["link", "hard link", "socket", "none"])
    func swapped(by kind: String) throws {
        let socket = try Socket.open(AF_UNIX, .stream)
        let path = folder["theirs/socket"]
        let file = try OwnedFile.bind(socket.number, to: path, mode: 0o600)
        try Files.rename(path, to: folder["theirs/away"])
        let other = try Socket.open(AF_UNIX, .stream)
        switch kind {
        case "link": symlink(folder["secret"], path)
        case "hard link": #expect(linkat(AT_FDCWD, folder["secret"], AT_FDCWD, path, 0) == 0)
        case "socket": try Socket.bind(other.number, to: .unix(path))
        default: break
        }
        let before = try? FileStatus(path: path)
        for attempt in 0..<2 {
            let refusal = #expect(throws: FileRefusal.self) {
                if attempt == 0 { try file.setMode(0o666) } else { try file.setOwner(Self.stranger, Self.stranger) }
            }
            #expect(refusal?.errno == (kind == "none" ? .noSuchFile : .stale))
        }
        file.remove()
        let (now, secret) = (try? FileStatus(path: path), try FileStatus(path: folder["secret"]))
        #expect(now?.identity == before?.identity && now?.mode == before?.mode && now?.owner == before?.owner)
        #expect(secret.mode == 0o600 && secret.owner == 0)
    }

    @Test("behind a directory that was swapped for a link nothing is removed")
    func swappedDirectory() throws {
        try Files.makeDirectory(folder["theirs/x"], mode: 0o755)
        try folder.write("", to: "file")
        // The same file under the same name elsewhere: only the way to it is a stranger's.
        let file = OwnedFile(path: folder["theirs/x/file"], identity: try FileStatus(path: folder["file"]).identity)
        try Files.rename(folder["theirs/x"], to: folder["theirs/y"])
        symlink(folder.path, folder["theirs/x"])
        #expect(!file.isInPlace && file.mode == nil)
        #expect(file.remove() && (try? FileStatus(path: folder["file"])) != nil)
    }

    @Test("where nobody can tell which file a socket has, it keeps its mode and owner")
    func unproven() throws {
        let identity = try FileStatus(path: folder["secret"]).identity
        let file = OwnedFile(path: folder["secret"], identity: identity, isProven: false)
        #expect(throws: FileRefusal(.unproven, folder["secret"])) { try file.setMode(0o666) }
        #expect(throws: FileRefusal(.unproven, folder["secret"])) { try file.setOwner(7, 7) }
    }

    #if os(Linux)
    @Test("a stranger who puts root's other socket in its place at once does not get it")
    func race() throws {
        // In a directory of the service's: it may rename root's control socket, and not use it.
        let control = try Socket.open(AF_UNIX, .stream)
        let kept = try OwnedFile.bind(control.number, to: folder["theirs/control"], mode: 0o600)
        let held = try FileLocation(kept.path).hold()
        let names = ["web", "control"].map { strdup(folder["theirs/\($0)"]) }
        defer { for name in names { free(name) } }
        guard let web = names[0], let root = names[1] else { return }
        let attacker = forked {
            guard setgid(Self.stranger) == 0, setuid(Self.stranger) == 0 else { CurrentProcess.exitNow(1) }
            while true {
                if access(web, F_OK) == 0 { rename(root, web) }
                rename(web, root)
            }
        }
        // In a process of its own, whose umask is nobody else's.
        _ = try holdsInFork {
            for _ in 0..<3000 {
                let socket = try Socket.open(AF_UNIX, .stream)
                guard let file = try? OwnedFile.bind(socket.number, to: folder["theirs/web"], mode: 0o666) else {
                    continue
                }
                try? file.setOwner(Self.stranger, Self.stranger)
                file.remove()
            }
            return true
        }
        try? Signal.kill.send(to: attacker)
        _ = try? Child.reap(attacker, waiting: true)
        let status = try held.status
        #expect(status.mode == 0o600 && status.owner == 0)
        withExtendedLifetime(control.number) {}
    }
    #endif
}
