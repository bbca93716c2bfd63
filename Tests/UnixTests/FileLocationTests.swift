import TestSupport
import Testing
import Unix

/// Whose a file is decides: so they run as root, who can give files away.
@Suite("Ways to files", .enabled(if: CurrentProcess.userID == 0, "needs root"), .timeLimit(.minutes(20)))
struct FileLocationTests {
    private let folder = TemporaryFolder()
    private static let stranger: UserID = 65534

    private func give(_ name: String) { #expect(lchown(folder[name], Self.stranger, Self.stranger) == 0) }

    private func makeFolder(_ name: String, ofStranger: Bool = false, mode: FileMode = 0o755) throws {
        try Files.makeDirectory(folder[name], mode: 0o755)
        #expect(chmod(folder[name], mode) == 0)
        if ofStranger { give(name) }
    }

    @Test("root's links are followed, in its own directories and in such as /tmp")
    func followed() throws {
        try makeFolder("real")
        try makeFolder("sticky", mode: 0o1777)
        symlink("real", folder["link"])
        symlink(folder["real"], folder["sticky/link"])
        for way in ["real", "link", "sticky/link", "./link/../real/."] {
            let location = try FileLocation(folder["\(way)/file"])
            #expect(location.isSafe && location.name == "file")
            #expect(
                try FileStatus(descriptor: location.directory.number).identity
                    == FileStatus(path: folder["real"]).identity)
        }
    }

    @Test("a stranger's link is not, nor one in a stranger's directory, whoever it names as its owner")
    func refused() throws {
        try makeFolder("real")
        try makeFolder("sticky", mode: 0o1777)
        symlink(folder["real"], folder["sticky/link"])
        give("sticky/link")
        try makeFolder("theirs", ofStranger: true)
        symlink(folder["real"], folder["theirs/link"])
        try makeFolder("open", mode: 0o777)
        symlink(folder["real"], folder["open/link"])
        for way in ["sticky/link", "theirs/link", "open/link"] {
            let refusal = #expect(throws: FileRefusal.self) { _ = try FileLocation(folder["\(way)/file"]) }
            #expect(refusal?.reason == .link && refusal?.path == folder[way])
        }
    }

    @Test("who may change anything on the way is seen")
    func safety() throws {
        try makeFolder("theirs", ofStranger: true)
        try makeFolder("theirs/deep")
        try makeFolder("group", mode: 0o775)
        try makeFolder("sticky", mode: 0o1777)
        for (way, isSafe, isOpen) in [
            (".", true, false), ("theirs", false, true), ("theirs/deep", false, true), ("group", false, true),
            ("sticky", true, true),
        ] {
            let location = try FileLocation(folder["\(way)/file"])
            #expect(location.isSafe == isSafe && location.isOpenToOthers == isOpen, "\(way)")
        }
        let refusal = #expect(throws: FileRefusal.self) {
            _ = try FileLocation(folder["theirs/deep/file"], isDemanded: true)
        }
        #expect(refusal?.reason == .changeable(owner: Self.stranger, mode: 0o755))
        #expect(refusal?.path == folder["theirs"])
        #expect(refusal?.description.contains("'chown root \(folder["theirs"])'") == true)
    }

    @Test("a circle of links ends, what is missing is told, and a path without a name is none")
    func dead() throws {
        symlink("circle", folder["circle"])
        for (path, error) in [
            (folder["circle/file"], Errno.symbolicLinkLoop), (folder["missing/file"], .noSuchFile),
            ("/", .isDirectory), (folder[".."], .isDirectory), ("", .noSuchFile),
        ] {
            let refusal = #expect(throws: FileRefusal.self) { _ = try FileLocation(path) }
            #expect(refusal?.errno == error, "\(path)")
        }
        try folder.write("", to: "file")
        let refusal = #expect(throws: FileRefusal.self) { _ = try FileLocation(folder["file/x"]) }
        #expect(refusal?.errno == .notADirectory)
    }

    @Test("what a path led to stays the same, whatever the path leads to then")
    func held() throws {
        try makeFolder("a")
        try makeFolder("b")
        let location = try FileLocation(folder["a/file"])
        try Files.rename(folder["a"], to: folder["moved"])
        try Files.rename(folder["b"], to: folder["a"])
        _ = try SafeFile.open(location, .writeOnly, mode: 0o600)
        #expect(Files.names(in: folder["moved"]) == ["file"] && Files.names(in: folder["a"]).isEmpty)
    }

    #if os(Linux)
    @Test("a stranger who swaps a directory for a link as fast as he can leads root nowhere")
    func race() throws {
        chmod(folder.path, 0o755)
        try makeFolder("victim")
        try makeFolder("theirs", ofStranger: true)
        try makeFolder("theirs/x", ofStranger: true)
        symlink(folder["victim"], folder["theirs/link"])
        give("theirs/link")
        let names = ["x", "link", "spare"].map { strdup(folder["theirs/\($0)"]) }
        defer { for name in names { free(name) } }
        guard let directory = names[0], let link = names[1], let spare = names[2] else { return }
        let attacker = forked {
            guard setgid(Self.stranger) == 0, setuid(Self.stranger) == 0 else { CurrentProcess.exitNow(1) }
            while true {
                rename(directory, spare)
                rename(link, directory)
                rename(directory, link)
                rename(spare, directory)
            }
        }
        defer {
            try? Signal.kill.send(to: attacker)
            _ = try? Child.reap(attacker, waiting: true)
        }
        var (made, refused) = (0, 0)
        let deadline = MonotonicTime.now + .seconds(30)
        while made < 200 || refused < 200, MonotonicTime.now < deadline {
            do {
                _ = try SafeFile.append(folder["theirs/x/cron"], mode: 0o600)
                made += 1
                unlink(folder["theirs/x/cron"])
                unlink(folder["theirs/spare/cron"])
            } catch {
                refused += 1
            }
        }
        #expect(made > 0 && refused > 0)
        #expect(Files.names(in: folder["victim"]).isEmpty)
    }
    #endif
}
