import Testing
import Unix

@testable import DaemonCore

extension SingleThreaded {
    @Suite("PidFile", .timeLimit(.minutes(20)))
    struct PidFileTests {
        private let folder = TemporaryFolder()

        private var path: String { folder["testd.pid"] }

        private func lock() throws -> PidFile { try PidFile.lock(path, daemon: "testd") }

        /// What locking the file says.
        private func complaint() -> DaemonError? { #expect(throws: DaemonError.self) { try lock().close() } }

        // MARK: Locking and writing

        @Test("it is made empty with 0600, and holds the pid and a newline once it is written")
        func content() throws {
            let file = try lock()
            defer { file.close() }
            #expect(try folder.contents("testd.pid") == "")
            #expect(try FileStatus(path: path).mode == 0o600)
            try file.write(4711)
            #expect(try folder.contents("testd.pid") == "4711\n")
        }

        @Test("an older, longer content is gone before the new one comes, and the mode is mended")
        func oldContent() throws {
            chmod(try folder.write("1234567890\nand more\n", to: "testd.pid"), 0o644)
            let file = try lock()
            defer { file.close() }
            #expect(try folder.contents("testd.pid") == "")
            try file.write(42)
            #expect(try folder.contents("testd.pid") == "42\n")
            #expect(try FileStatus(path: path).mode == 0o600)
        }

        @Test("a second lock is refused, naming file and pid, and changes nothing")
        func second() throws {
            let file = try lock()
            defer { file.close() }
            try file.write(4711)
            let error = complaint()
            #expect(error?.code == .alreadyRunning && error?.exitStatus == 1)
            #expect(error?.message == "testd is already running: pid file \(path) is locked by pid 4711")
            #expect(try folder.contents("testd.pid") == "4711\n")
        }

        @Test(
            "a lock whose owner has not written yet, or wrote nonsense, is refused all the same",
            arguments: ["", "x\n", "0\n", "-5\n", "12", "12\n\n", "1 2\n", "99999999999\n"])
        func unknownOwner(content: String) throws {
            try folder.write(content, to: "testd.pid")
            let holder = try FileDescriptor.open(path, .readWrite)
            #expect(try Descriptor.tryLock(holder.number))
            let message = "testd is already running: pid file \(path) is locked by a process that is just starting"
            #expect(complaint()?.message == message)
            #expect(try folder.contents("testd.pid") == content)
        }

        @Test("a lock that is free again can be had, whatever pid is in the file")
        func stale() throws {
            try folder.write("1\n", to: "testd.pid")
            try lock().close()
            // A program that another test starts just now may hold a copy until its exec.
            var next: PidFile?
            #expect(
                eventually {
                    next = try? lock()
                    return next != nil
                })
            next?.close()
        }

        @Test("the lock is close-on-exec")
        func closeOnExec() throws {
            let file = try lock()
            defer { file.close() }
            let identity = try FileStatus(path: path).identity
            let number = (3..<4096).first { (try? FileStatus(descriptor: $0))?.identity == identity }
            #expect(fcntl(try #require(number), F_GETFD) == FD_CLOEXEC)
        }

        @Test("signals wait no longer when the lock is there or refused")
        func signals() throws {
            var before = sigset_t()
            pthread_sigmask(SIG_SETMASK, nil, &before)
            defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
            let file = try lock()
            defer { file.close() }
            _ = complaint()
            var now = sigset_t()
            pthread_sigmask(SIG_SETMASK, nil, &now)
            #expect(sigismember(&now, SIGTERM) == 0)
        }

        // MARK: What stands in the way

        @Test("a symbolic link is refused, and the file behind it stays")
        func symbolicLink() throws {
            try folder.write("precious", to: "target")
            symlink(folder["target"], path)
            let error = complaint()
            #expect(error?.code == .pidFile && error?.message == "pid file \(path): is a symbolic link")
            #expect(try folder.contents("target") == "precious")
        }

        @Test("a dangling link is refused, and nothing is made behind it")
        func danglingLink() throws {
            symlink(folder["none"], path)
            #expect(complaint()?.message == "pid file \(path): is a symbolic link")
            #expect(throws: Errno.noSuchFile) { try FileStatus(path: folder["none"]) }
        }

        @Test("a hard link is refused, and the file stays")
        func hardLink() throws {
            try folder.write("precious", to: "target")
            link(folder["target"], path)
            #expect(complaint()?.message == "pid file \(path): has another name (hard link)")
            #expect(try folder.contents("target") == "precious")
        }

        @Test("a fifo is refused without waiting at it")
        func fifo() {
            mkfifo(path, 0o600)
            #expect(complaint()?.message == "pid file \(path): is a fifo")
        }

        @Test("a folder, a socket and a device are refused")
        func otherKinds() throws {
            try Files.makeDirectory(path, mode: 0o700)
            #expect(complaint()?.message == "pid file \(path): is a directory")
            rmdir(path)
            let socket = try Socket.open(AF_UNIX, .stream)
            try Socket.bind(socket.number, to: .unix(path))
            #expect(complaint()?.message == "pid file \(path): is a socket")
            let device = #expect(throws: DaemonError.self) { try PidFile.lock("/dev/null", daemon: "testd").close() }
            #expect(device?.message == "pid file /dev/null: is a character device")
        }

        @Test("a missing folder and a path through a file are named with the system's reason")
        func missingFolder() throws {
            try folder.write("", to: "file")
            for (name, reason) in [("none/x.pid", "No such file or directory"), ("file/x.pid", "Not a directory")] {
                let error = #expect(throws: DaemonError.self) {
                    try PidFile.lock(folder[name], daemon: "testd").close()
                }
                #expect(error?.message == "pid file \(folder[name]): \(reason)" && error?.code == .pidFile)
            }
        }

        @Test("a full disk is told, not hidden")
        func fullDisk() async {
            await #expect(processExitsWith: .success) { [path = path as String] in
                signal(SIGXFSZ, SIG_IGN)
                let file = try PidFile.lock(path, daemon: "testd")
                fileSizeLimit = 0
                let error = #expect(throws: DaemonError.self) { try file.write(4711) }
                #expect(error?.message == "pid file \(path): File too large")
            }
        }

        // MARK: Removing

        @Test("it is removed")
        func removes() throws {
            let file = try lock()
            defer { file.close() }
            file.remove()
            #expect(Files.names(in: folder.path).isEmpty)
            file.remove()  // once more is no harm
        }

        @Test("a successor's file of the same name is not removed")
        func successor() throws {
            let file = try lock()
            defer { file.close() }
            try folder.write("successor\n", to: "new")
            rename(folder["new"], path)
            file.remove()
            file.removeIfUnlocked()
            #expect(try folder.contents("testd.pid") == "successor\n")
        }

        @Test("the launcher removes a dead daemon's file, and never one that is locked")
        func removesIfUnlocked() throws {
            let file = try lock()
            file.removeIfUnlocked()
            #expect(Files.names(in: folder.path) == ["testd.pid"])
            file.close()
            #expect(
                eventually {
                    file.removeIfUnlocked()
                    return Files.names(in: folder.path).isEmpty
                })
        }

        @Test("a start that is aborted removes it")
        func aborted() async {
            await #expect(processExitsWith: .exitCode(143)) { [path = path as String] in
                try StartAbort.arm()
                try PidFile.lock(path, daemon: "testd").write(CurrentProcess.id)
                raiseHere(SIGTERM)
            }
            #expect(Files.names(in: folder.path).isEmpty)
        }

        // MARK: Contention

        @Test("processes that take turns never hold it together, though each removes the file at its end")
        func contention() async {
            let folder = folder
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        await #expect(processExitsWith: .success) {
                            [path = folder["testd.pid"] as String, witness = folder["witness"] as String] in
                            var rounds = 0
                            while rounds < 200 {
                                guard let file = try? PidFile.lock(path, daemon: "testd") else { continue }
                                // Only one at a time can make it.
                                _ = try FileDescriptor.open(witness, [.create, .exclusive, .writeOnly])
                                try file.write(CurrentProcess.id)
                                let content = try TemporaryFolder.contents(of: path)
                                #expect(content == "\(CurrentProcess.id)\n")
                                try Files.unlink(witness)
                                file.remove()
                                file.close()
                                rounds += 1
                            }
                        }
                    }
                }
            }
            #expect(Files.names(in: folder.path).isEmpty)
        }
    }
}
