import Supervision
import Testing
import Unix

@testable import MasterRuntime

@Suite("A master's exec", .timeLimit(.minutes(20)))
struct MasterExecTests {
    /// It belongs to the test, not to the process of its exit test, which never ends its life.
    private let folder = TemporaryFolder()

    /// A script to be executed; its path.
    private func image(_ script: String) throws -> String {
        let path = try folder.write("#!/bin/sh\n\(script)\n", to: "image")
        chmod(path, 0o755)
        return path
    }

    // MARK: One that fails

    @Test("the reason is told, and the master goes on")
    func failure() async {
        await #expect(processExitsWith: .success) {
            try runMaster { master, host in
                let image = MasterImage(arguments: ["/nonexistent/daemon"])
                host.proves = { master.send(.proven) }
                host.execs = { master.exec(image, kept: []) { [] } }
                host.answers = { number, answer in
                    #expect(number == 5)
                    #expect(
                        answer == .failed(.notUpgraded("cannot execute /nonexistent/daemon: No such file or directory"))
                    )
                    master.after(.milliseconds(1)) { CurrentProcess.exit(0) }
                }
                master.after(.zero) { master.send(.upgrade(5)) }
            }
        }
    }

    @Test("signals that came before it and during it are handed on, each once, and none is blocked")
    func signals() async {
        await #expect(processExitsWith: .success) {
            try runMaster([.terminate, .user1, .hangup]) { master, host in
                let image = MasterImage(arguments: ["/nonexistent/daemon"])
                var received: [Signal] = []
                host.receives = { received.append($0) }
                host.proves = { master.send(.proven) }
                host.execs = {
                    raiseHere(SIGHUP)
                    return master.exec(image, kept: []) {
                        raise(SIGUSR1)
                        return []
                    }
                }
                host.reports = { report in
                    guard case .upgradeFailed = report else { return }
                    master.after(.milliseconds(5)) {
                        #expect(received == [.hangup, .user1])
                        var blocked = sigset_t()
                        pthread_sigmask(SIG_BLOCK, nil, &blocked)
                        #expect([SIGTERM, SIGUSR1, SIGHUP, SIGCHLD].allSatisfy { sigismember(&blocked, $0) == 0 })
                        CurrentProcess.exit(0)
                    }
                }
                master.after(.zero) { master.send(.upgrade(nil)) }
            }
        }
    }

    @Test("a child that ends during it is reaped")
    func child() async {
        await #expect(processExitsWith: .success) {
            try runMaster { master, host in
                let image = MasterImage(arguments: ["/nonexistent/daemon"])
                host.proves = { master.send(.proven) }
                host.execs = {
                    master.exec(image, kept: []) {
                        if let pid = try? Spawn("/bin/sh", ["-c", "exit 4"]).start() {
                            _ = (try? ProcessHandle(pid: pid))?.waitForEnd(.seconds(20))
                            master.adopt(helper: pid) { ending in
                                #expect(ending == .exited(4))
                                CurrentProcess.exit(0)
                            }
                        }
                        return []
                    }
                }
                master.after(.zero) { master.send(.upgrade(nil)) }
            }
        }
    }

    @Test("what was kept for the new image is close-on-exec again, and nothing else is left open")
    func descriptors() async {
        await #expect(processExitsWith: .success) {
            let file = try FileDescriptor.open("/dev/null", .readWrite).release()
            try runMaster { master, _ in
                let image = MasterImage(arguments: ["/nonexistent/daemon"])
                let before = openDescriptors()
                #expect(master.exec(image, kept: [file]) { [] }.hasPrefix("cannot execute"))
                #expect(fcntl(file, F_GETFD) == FD_CLOEXEC)
                #expect(openDescriptors() == before)
                CurrentProcess.exit(0)
            }
        }
    }

    @Test("one of the kept that is not open spoils it, and leaves the others close-on-exec")
    func notOpen() async {
        await #expect(processExitsWith: .success) {
            let file = try FileDescriptor.open("/dev/null", .readWrite).release()
            try runMaster { master, _ in
                let image = MasterImage(arguments: ["/nonexistent/daemon"])
                #expect(
                    master.exec(image, kept: [file, 9999]) { [] } == "cannot hand over the state: Bad file descriptor")
                #expect(fcntl(file, F_GETFD) == FD_CLOEXEC)
                CurrentProcess.exit(0)
            }
        }
    }

    // MARK: One that succeeds

    @Test("the new image has the state, what was kept, and the arguments")
    func success() async throws {
        let script = """
            test "$1" = 'an argument' || exit 1
            test "$DAEMONKIT_STATE" -ge 3 || exit 2
            grep -q '^signals pending=\(SIGHUP) ~' /dev/fd/$DAEMONKIT_STATE || exit 3
            grep -q '^mine key=value ~' /dev/fd/$DAEMONKIT_STATE || exit 4
            read word <&7 && test "$word" = kept || exit 5
            exit 42
            """
        let path = try image(script)
        await #expect(processExitsWith: .exitCode(42)) { [path = path as String] in
            let ends = try FileDescriptor.pipe().release()
            try Descriptor.writeAll(ends.write, "kept\n")
            try Descriptor.duplicate(ends.read, onto: 7)
            let image = MasterImage(arguments: [path, "an argument"])
            try runMaster([.terminate, .hangup]) { master, _ in
                raiseHere(SIGHUP)
                var record = StateRecord("mine")
                record["key"] = "value"
                Issue.record("\(master.exec(image, kept: [7]) { [record] })")
                CurrentProcess.exit(1)
            }
        }
    }

    @Test("in the new image every signal waits until it is ready for it")
    func blocked() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let all = "SigBlk:.*fffffffe7ffbfeff$"
            let image = MasterImage(arguments: ["/bin/grep", "-q", all, "/proc/self/status"])
            try runMaster { master, _ in
                Issue.record("\(master.exec(image, kept: []) { [] })")
                CurrentProcess.exit(1)
            }
        }
    }

    @Test("signals of the old image are redelivered in the new one")
    func redeliver() async {
        await #expect(processExitsWith: .success) {
            try runMaster([.user1, .hangup]) { master, host in
                var received: [Signal] = []
                host.receives = { received.append($0) }
                var record = StateRecord("signals")
                record[numbers: "pending"] = [Int(SIGHUP), Int(SIGUSR1)]
                master.resume(SavedState([record]))
                master.resume(SavedState([]))
                #expect(received == [.hangup, .user1])
                CurrentProcess.exit(0)
            }
        }
    }

    // MARK: The proof

    /// What a proof by this executable says: nil when it is good.
    private static func prove(_ path: String, limit: Duration, _ check: @escaping (String?) -> Void) throws -> Never {
        let image = MasterImage(arguments: [path])
        try runMaster { master, _ in
            master.after(.zero) {
                image.prove(SavedState([StateRecord("supervisor")]), in: master, limit: limit) { reason in
                    check(reason)
                    #expect(CurrentProcess.children.isEmpty)
                    CurrentProcess.exit(0)
                }
            }
        }
    }

    @Test("an executable that understands the state is proven")
    func proven() async throws {
        let path = try image("grep -q supervisor /dev/fd/3 && printf understood >&4")
        await #expect(processExitsWith: .success) { [path = path as String] in
            try Self.prove(path, limit: .seconds(20)) { #expect($0 == nil) }
        }
    }

    @Test(
        "one that ends without a word, or badly, is not",
        arguments: [("exit 0", "exit status 0"), ("printf understood >&4; kill -KILL $$", "SIGKILL")])
    func unproven(script: String, ending: String) async throws {
        let path = try image(script)
        await #expect(processExitsWith: .success) { [path = path as String, ending = ending as String] in
            try Self.prove(path, limit: .seconds(20)) { reason in
                #expect(reason == "\(path) does not understand the state (\(ending))")
            }
        }
    }

    @Test("one that hangs is killed with all that it started")
    func hangs() async throws {
        let path = try image("printf understood >&4; sleep 600 & sleep 600")
        await #expect(processExitsWith: .success) { [path = path as String] in
            try Self.prove(path, limit: .milliseconds(50)) { reason in
                #expect(reason?.hasPrefix("\(path) did not answer within ") == true)
            }
        }
    }

    @Test("one that cannot be started says why")
    func notStarted() async {
        await #expect(processExitsWith: .success) {
            try runMaster { master, _ in
                MasterImage(arguments: ["/nonexistent/daemon"]).prove(SavedState([]), in: master, limit: .seconds(20)) {
                    #expect($0 == "cannot try /nonexistent/daemon: No such file or directory")
                    CurrentProcess.exit(0)
                }
            }
        }
    }
}
