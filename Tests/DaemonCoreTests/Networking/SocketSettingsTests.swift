import Synchronization
import TestSupport
import Testing
import Text
import Unix

@testable import DaemonCore

extension SingleThreaded {
    @Suite("Options of a socket", .timeLimit(.minutes(20)))
    struct SocketSettingsTests {
        private let folder = TemporaryFolder()

        private func bind(_ text: String) throws -> Listener {
            let bind = try BindAddress(parsing: text)
            return try #require(try Binding.bind([bind], port: 0, kinds: [.stream]).first)
        }

        @Test("an address has its options in its text, and its own name is without them")
        func text() throws {
            let bind = try BindAddress(parsing: "unix:/run/a,,b,mode=660")
            #expect(bind.path == "/run/a,b" && bind.description == "unix:/run/a,,b,mode=660")
            #expect(bind.located == "/run/a,,b,mode=660" && bind.options.mode == 0o660)
            #expect(bind != (try BindAddress(parsing: "unix:/run/a,,b")))
        }

        @Test(
            "what is no option, or does not fit the address, is a mistake that names it",
            arguments: [
                ("/x,mod=1", "has behind a comma the unknown word 'mod': did you mean 'mode'?"),
                ("/x,mode=9", "expects behind 'mode=' an octal number from 0 to 777: 'mode=9'"),
                ("127.0.0.1,mode=600", "has 'mode', which is for the path of a socket"),
                ("127.0.0.1:1,v6only", "has 'v6only', which is for an IPv6 address"),
                ("::1,v4v6", "has 'v4v6', which is for the address [::]"),
                ("/x,reuseport", "has 'reuseport', which is not for the path of a socket"),
            ])
        func mistakes(text: String, reason: String) {
            let mistake = #expect(throws: OptionMistake.self) { try BindAddress(parsing: text) }
            #expect(mistake?.reason == reason)
        }

        @Test("a group that is not there is an error that names it")
        func noGroup() {
            let error = #expect(throws: DaemonError.self) { try bind("\(folder["s"]),group=no-such-group-here") }
            #expect(error?.message == "cannot find group id for 'no-such-group-here'")
            #expect((try? FileStatus(path: folder["s"])) == nil)
        }

        @Test("IPv6 is alone, or has IPv4 with it", arguments: ["", ",v6only", ",v4v6"])
        func families(option: String) throws {
            let listener = try bind("[::]:0\(option)")
            let client = try Socket.open(AF_INET, .stream)
            let address = SocketAddress.ipv4(0x7F00_0001, port: try #require(listener.port))
            let connects = (try? Socket.connect(client.number, to: address)) != nil
            #expect(connects == (option == ",v4v6"))
        }

        #if os(Linux)
        @Test(
            "an address that the machine does not have is bound with freebind",
            arguments: ["192.0.2.1", "[2001:db8::1]"])
        func freebind(address: String) throws {
            #expect(throws: DaemonError.self) { try bind("\(address):0") }
            #expect(try bind("\(address):0,freebind").port != 0)
        }
        #endif

        @Test("with reuseport two share a port")
        func reuseport() throws {
            let first = try bind("127.0.0.1:0,reuseport")
            let port = try #require(first.port)
            #expect(throws: DaemonError.self) { try bind("127.0.0.1:\(port)") }
            #expect(try bind("127.0.0.1:\(port),reuseport").port == port)
        }

        /// As many as the backlog, and one more, are taken; then a connection waits.
        @Test("the queue is as long as backlog says, and a listener that is bound takes another length")
        func backlog() throws {
            let listener = try bind("\(folder["s"]),backlog=2")
            var clients: [Int32] = []
            defer { for number in clients { Descriptor.close(number) } }
            func fill() throws -> Int {
                while clients.count < 100 {
                    let client = try Socket.open(AF_UNIX, .stream)
                    try Descriptor.setNonBlocking(client.number, true)
                    guard (try? Socket.connect(client.number, to: listener.location)) != nil else { break }
                    clients.append(client.release())
                }
                return clients.count
            }
            #expect(try fill() == 3)
            var settings = SocketSettings()
            settings.backlog = 9
            #expect(try settings.adapt(listener) == [])
            #expect(try fill() == 10)
        }

        @Test("what only a bind can change is named")
        func missing() throws {
            var settings = SocketSettings()
            (settings.isIPv6Only, settings.reuseport) = (false, true)
            #expect(try settings.adapt(bind("[::1]:0")) == [.reuseport, .v4v6])
        }

        @Test(
            "mode and owner are there before anybody can connect, and change without a wider moment",
            .enabled(if: CurrentProcess.userID == 0, "needs root"))
        func noWindow() throws {
            let path = folder["s"]
            let watch = Watch()
            try Thread.start {
                while !watch.isDone.load(ordering: .acquiring) {
                    // stat(2) reads mode, user and group one after the other: what is so twice, was so.
                    guard let status = try? FileStatus(path: path), let again = try? FileStatus(path: path) else {
                        continue
                    }
                    let facts = [status.mode, status.owner, status.group]
                    guard facts == [again.mode, again.owner, again.group] else { continue }
                    _ = watch.seen.withLock { $0.insert(facts) }
                }
                watch.isDone.store(false, ordering: .releasing)
            }
            for _ in 0..<300 {
                let listener = try bind("\(path),mode=660,user=1234,group=4321")
                var settings = SocketSettings(mode: 0o606)
                settings.owner = FileOwner(user: nil, group: 77)
                #expect(try settings.adapt(listener) == [])
                listener.removeFile()
            }
            watch.isDone.store(true, ordering: .releasing)
            #expect(eventually { !watch.isDone.load(ordering: .acquiring) })
            let allowed: Set<[UInt32]> = [
                // The kernel sets the user, and then the group.
                [0, 0, 0], [0, 1234, 0], [0, 1234, 4321], [0o660, 1234, 4321],
                // The modes that both have, then the new one.
                [0o600, 1234, 4321], [0o600, 1234, 77], [0o606, 1234, 77],
            ]
            let seen = watch.seen.withLock { $0 }
            #expect(seen.subtracting(allowed).isEmpty && !seen.isEmpty, "\(seen)")
        }

        private final class Watch: Sendable {
            let seen = Mutex<Set<[UInt32]>>([])
            let isDone = Atomic(false)
        }
    }
}
