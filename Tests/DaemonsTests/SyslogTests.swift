import Foundation
import Testing
import Unix

/// Each test has a /dev of its own, in a mount namespace, with a log socket that it makes and takes away.
@Suite(
    "Syslog: absent, there, gone and back", .enabled(if: Machine.canUnshare, "needs root and namespaces"), .blocking,
    .timeLimit(.minutes(20)))
struct SyslogTests {
    private func start(_ daemon: TestDaemon, _ mode: String, _ more: String...) throws -> TestProcess {
        mkdir(daemon.folder["dev"], 0o755)  // A logger that is there first has made it.
        let script = """
            mknod -m 666 "$2/dev/null" c 1 3; mknod -m 666 "$2/dev/urandom" c 1 9
            exec unshare -m bash -c 'mount --bind "$2/dev" /dev && exec "$1" -f -d --syslog "$3" --pid-file "$2/d.pid" --log-file "$2/d.log" --fault-output "$2/report" "${@:4}"' bash "$@"
            """
        return try daemon.folder.start(
            "/bin/bash", ["-c", script, "bash", Product.faultd, daemon.folder.path, mode] + more)
    }

    private func logger(_ daemon: TestDaemon) throws -> FileDescriptor {
        mkdir(daemon.folder["dev"], 0o755)
        let socket = try Socket.open(AF_UNIX, .datagram)
        try Socket.bind(socket.number, to: .unix(daemon.folder["dev/log"]))
        try Descriptor.setNonBlocking(socket.number, true)
        return socket
    }

    /// Takes what has come until a record holds the text.
    private func receives(_ socket: borrowing FileDescriptor, _ text: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: 8192)
        var record = ""
        let number = socket.number
        let has = eventually {
            guard let count = try? Descriptor.read(number, into: &buffer) else { return false }
            record = String(decoding: buffer[..<count], as: UTF8.self)
            return record.contains(text)
        }
        return has ? record : nil
    }

    @Test("No log socket at the start: it starts; when the socket comes, records come, and the loss is told")
    func absentThenThere() throws {
        let daemon = try TestDaemon()
        let running = try start(daemon, "yes")
        #expect(eventually { daemon.report(holds: "registered") }, "\(running.standardError)")
        let socket = try logger(daemon)
        #expect(eventually { daemon.pid != nil })
        // A connection is tried again some time after it failed: keep logging until one arrives.
        var record: String?
        #expect(
            eventually {
                daemon.signal(.hangup)
                var buffer = [UInt8](repeating: 0, count: 8192)
                guard let count = try? Descriptor.read(socket.number, into: &buffer) else { return false }
                record = String(decoding: buffer[..<count], as: UTF8.self)
                return true
            })
        #expect(
            record?.contains(/^<28>\w{3} [ \d]\d \d\d:\d\d:\d\d faultd\[\d+\]: \d+ log records were lost$/) == true,
            "\(record ?? "none")")
        daemon.signal(.terminate)
        #expect(receives(socket, "faultd daemon shutdown") != nil)
        #expect(running.wait() == .exited(0))
        #expect(daemon.log.contains("daemon shutdown"))
        #expect(daemon.isClean)
    }

    @Test(
        "A logger that goes away and comes back gets records again; debug messages never reach it; only means no file")
    func goneAndBack() throws {
        let daemon = try TestDaemon()
        let first = try logger(daemon)
        let running = try start(daemon, "only")
        #expect(eventually { daemon.report(holds: "registered") })
        daemon.signal(.hangup)
        let firstHears = hangsUp(daemon, until: first)
        #expect(firstHears)
        Descriptor.close(first.release())
        #expect(unlink(daemon.folder["dev/log"]) == 0)
        // Without a logger it goes on: its standard error tells of the next reopening.
        let before = running.standardError.utf8.count
        daemon.signal(.hangup)
        #expect(eventually { running.standardError.utf8.count > before })
        #expect(daemon.pid != nil)
        let second = try logger(daemon)
        let secondHears = hangsUp(daemon, until: second)
        #expect(secondHears)
        daemon.signal(.terminate)
        let last = receives(second, "daemon shutdown")
        #expect(last?.contains("<29>") == true)
        #expect(running.wait() == .exited(0))
        #expect(!daemon.folder.exists("d.log"))
        #expect(running.standardError.contains("DEBUG"))
    }

    @Test("In a changed root a logger that was started anew is reached from outside; the file's mode, facility and tag")
    func chroot() throws {
        let daemon = try TestDaemon()
        #expect(mkdir(daemon.folder["root"], 0o755) == 0)
        let first = try logger(daemon)
        let running = try start(
            daemon, "yes", "--chroot", daemon.folder["root"], "--syslog-facility", "local1", "--syslog-tag", "web")
        #expect(eventually { daemon.log.contains("daemon startup") && daemon.pid != nil })
        let firstHears = hangsUp(daemon, until: first)
        #expect(firstHears)
        Descriptor.close(first.release())
        #expect(unlink(daemon.folder["dev/log"]) == 0)
        let second = try logger(daemon)
        let secondHears = hangsUp(daemon, until: second)
        #expect(secondHears)
        daemon.signal(.terminate)
        let last = receives(second, "daemon shutdown")
        #expect(last?.contains(/^<141>.* web\[\d+\]: faultd daemon shutdown$/) == true, "\(last ?? "none")")
        #expect(running.wait() == .exited(0))
    }

    @Test("The line of a reopening goes to syslog too")
    func reopening() throws {
        let daemon = try TestDaemon()
        let socket = try logger(daemon)
        let running = try start(daemon, "yes")
        #expect(eventually { daemon.report(holds: "registered") })
        daemon.signal(.hangup)
        #expect(receives(socket, "Reopening log files after receiving SIGHUP") != nil)
        daemon.signal(.terminate)
        #expect(running.wait() == .exited(0))
    }

    /// SIGHUP again and again, until the logger has a record of it.
    private func hangsUp(_ daemon: TestDaemon, until socket: borrowing FileDescriptor) -> Bool {
        let number = socket.number
        return eventually {
            daemon.signal(.hangup)
            return receivesNow(number)
        }
    }

    private func receivesNow(_ socket: Int32) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 8192)
        var found = false
        while let count = try? Descriptor.read(socket, into: &buffer) {
            let record = String(decoding: buffer[..<count], as: UTF8.self)
            #expect(record.hasPrefix("<") && !record.contains("DEBUG") && !record.contains("stopping"))
            found = true
        }
        return found
    }
}
