import Testing
import Unix

@testable import DaemonCore

extension SingleThreaded {
    @Suite("Looking for the running daemon", .timeLimit(.minutes(20)))
    struct RunningInstanceTests {
        private let folder = TemporaryFolder()

        private var path: String { folder["testd.pid"] }
        private var instance: RunningInstance { RunningInstance(daemon: "testd", path: path, stopLimit: .seconds(1)) }

        @Test("who looks at a file that nobody holds keeps no other from looking, and no daemon from starting")
        func looking() throws {
            try folder.write("\(CurrentProcess.id)\n", to: "testd.pid")
            let look = try FileDescriptor.open(path, .readWrite)
            #expect(try Descriptor.tryLock(look.number, shared: true))
            // The recorded pid is a running process: but it is not the daemon.
            #expect(instance.status().exitStatus == 1)
            let number = look.release()
            try Thread.start {
                Poll.pause(.milliseconds(20))
                Descriptor.close(number)
            }
            let file = try PidFile.lock(path, daemon: "testd")
            #expect(instance.status().text == "testd is starting")
            try file.write(CurrentProcess.id)
            #expect(instance.status().text == "testd is running (pid \(CurrentProcess.id))")
            file.remove()
            file.close()
            #expect(instance.status().exitStatus == 3)
        }

        @Test("a stop of what does not run removes what was left, and a reload says so")
        func leftover() throws {
            try folder.write("1\n", to: "testd.pid")
            let reload = instance.reload()
            #expect(reload.exitStatus == 7 && reload.isFailure)
            #expect(reload.text == "cannot reload testd: it is not running")
            #expect(instance.stop().exitStatus == 0 && (try? FileStatus(path: path)) == nil)
        }
    }
}
