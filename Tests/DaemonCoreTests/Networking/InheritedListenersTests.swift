import Testing
import Unix

@testable import DaemonCore

/// The bodies run in forked children of processes of their own: descriptors from 3 on and the environment are theirs.
@Suite("Inherited listeners", .timeLimit(.minutes(20)))
struct InheritedListenersTests {
    /// A socket that listens, bound to a free port of 127.0.0.1, with this number: the port.
    private static func socket(_ number: Int32, _ kind: SocketKind = .stream, listens: Bool = true) throws -> UInt16 {
        let socket = try Socket.open(AF_INET, kind)
        try Socket.bind(socket.number, to: .ipv4(0x7F00_0001, port: 0))
        if listens && kind == .stream { try Socket.listen(socket.number) }
        try place(socket, at: number)
        return try Socket.localAddress(number)?.port ?? 0
    }

    /// Gives the file this number, for good; a number that is in use before is taken over.
    private static func place(_ file: consuming FileDescriptor, at number: Int32) throws {
        let high = FileDescriptor(owning: try Descriptor.duplicate(file.number, above: [100]))
        Descriptor.close(file.release())
        try Descriptor.duplicate(high.number, ontoStandard: number)
    }

    private static func setVariables(_ variables: [String: String]) {
        for (name, value) in variables { setenv(name, value, 1) }
    }

    private static let names = ["SERVER_STARTER_PORT", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"]

    private static var hasVariables: Bool { names.contains { Environment[$0] != nil } }

    @Test("without variables there are none")
    func none() async {
        await #expect(processExitsWith: .success) {
            for name in Self.names { unsetenv(name) }
            let found = try InheritedListeners.take(for: [.stream])
            #expect(found.listeners.isEmpty && found.source == "")
        }
    }

    @Test("LISTEN_FDS: from 3 on, with their names, checked and close-on-exec; the variables are taken")
    func listenFDs() async {
        await #expect(processExitsWith: .success) {
            let isRight = try holdsInFork {
                let ports = [try Self.socket(3), try Self.socket(4, .datagram), try Self.socket(5)]
                Self.setVariables(["LISTEN_FDS": "3", "LISTEN_PID": "\(getpid())", "LISTEN_FDNAMES": "web::unknown"])
                let found = try InheritedListeners.take(for: [.stream, .datagram])
                let all = found.listeners
                return all.map(\.fileDescriptor) == [3, 4, 5] && all.map(\.port) == ports
                    && all.map(\.kind) == [.stream, .datagram, .stream] && found.source == "LISTEN_FDS"
                    && all.map(\.name) == ["web", "127.0.0.1:\(ports[1])", "127.0.0.1:\(ports[2])"]
                    && all.allSatisfy { fcntl($0.fileDescriptor, F_GETFD) == FD_CLOEXEC && $0.isInherited }
                    && all.allSatisfy { fcntl($0.fileDescriptor, F_GETFL) & O_NONBLOCK != 0 } && !Self.hasVariables
            }
            #expect(isRight)
        }
    }

    @Test("LISTEN_FDS for another process are not ours, and the variables are taken all the same")
    func otherProcess() async {
        await #expect(processExitsWith: .success) {
            Self.setVariables(["LISTEN_FDS": "1", "LISTEN_PID": "1"])
            let found = try InheritedListeners.take(for: [.stream])
            #expect(found.listeners.isEmpty && !Self.hasVariables)
        }
    }

    @Test("SERVER_STARTER_PORT goes before LISTEN_FDS, and its keys are the names")
    func serverStarter() async {
        await #expect(processExitsWith: .success) {
            let isRight = try holdsInFork {
                let (first, second) = (try Self.socket(7), try Self.socket(9))
                let unix = try Socket.open(AF_UNIX, .stream)
                let folder = TemporaryFolder()
                try Socket.bind(unix.number, to: .unix(folder["socket"]))
                try Socket.listen(unix.number)
                try Self.place(unix, at: 11)
                let value = "\(first)=7;127.0.0.1:\(second)=9;\(folder["socket"])=11"
                Self.setVariables(["SERVER_STARTER_PORT": value, "LISTEN_FDS": "nonsense"])
                let found = try InheritedListeners.take(for: [.stream])
                return found.listeners.map(\.fileDescriptor) == [7, 9, 11] && found.source == "SERVER_STARTER_PORT"
                    && found.listeners.map(\.name) == ["\(first)", "127.0.0.1:\(second)", folder["socket"]]
                    && found.listeners[2].address.path == folder["socket"] && !Self.hasVariables
            }
            #expect(isRight)
        }
    }

    @Test(
        "what is handed down wrongly is an error that names variable, descriptor and reason",
        arguments: [
            (["LISTEN_FDS": "x"], "LISTEN_FDS='x' is not a number of descriptors"),
            (["LISTEN_FDS": "-1"], "LISTEN_FDS='-1' is not a number of descriptors"),
            (["LISTEN_FDS": "99999"], "LISTEN_FDS='99999' is not a number of descriptors"),
            (["LISTEN_FDS": "1"], "LISTEN_FDS: descriptor 3: Bad file descriptor"),
            (["LISTEN_FDS": "1", "LISTEN_FDNAMES": "web"], "LISTEN_FDS: descriptor 3 ('web'): Bad file descriptor"),
            (
                ["SERVER_STARTER_PORT": "80"],
                "SERVER_STARTER_PORT='80': '80' is not of the form ADDRESS=DESCRIPTOR"
            ),
            (
                ["SERVER_STARTER_PORT": "80=x"],
                "SERVER_STARTER_PORT='80=x': '80=x' is not of the form ADDRESS=DESCRIPTOR"
            ),
            (
                ["SERVER_STARTER_PORT": "80=-1"],
                "SERVER_STARTER_PORT='80=-1': '80=-1' is not of the form ADDRESS=DESCRIPTOR"
            ),
            (["SERVER_STARTER_PORT": "80=5"], "SERVER_STARTER_PORT: descriptor 5 ('80') is not a stream socket"),
            (["SERVER_STARTER_PORT": "80=6"], "SERVER_STARTER_PORT: descriptor 6 ('80') does not listen"),
            (
                ["SERVER_STARTER_PORT": "80=8"],
                "SERVER_STARTER_PORT: descriptor 8 ('80'): Socket operation on non-socket"
            ),
            (["SERVER_STARTER_PORT": "0=7;0=7"], "SERVER_STARTER_PORT: descriptor 7 ('0') is named twice"),
            (["SERVER_STARTER_PORT": "1=7"], "SERVER_STARTER_PORT: descriptor 7 ('1') is bound to 127.0.0.1:PORT"),
            (["SERVER_STARTER_PORT": "/x=7"], "SERVER_STARTER_PORT: descriptor 7 ('/x') is bound to 127.0.0.1:PORT"),
        ])
    func wrong(variables: [String: String], message: String) async {
        await #expect(processExitsWith: .success) {
            [variables = variables as [String: String], message = message as String] in
            let isRight = try holdsInFork {
                _ = try Self.socket(5, .datagram)
                _ = try Self.socket(6, listens: false)
                let port = try Self.socket(7)
                try Self.place(FileDescriptor.open("/dev/null", []), at: 8)
                Descriptor.close(3)
                Self.setVariables(variables)
                do throws(DaemonError) {
                    _ = try InheritedListeners.take(for: [.stream])
                    return false
                } catch {
                    return error.message.replacing("127.0.0.1:\(port)", with: "127.0.0.1:PORT") == message
                        && error.code == .environment && !Self.hasVariables
                }
            }
            #expect(isRight)
        }
    }

    @Test("one that was handed down goes on listening when this daemon stops to")
    func stays() async {
        await #expect(processExitsWith: .success) {
            let isRight = try holdsInFork {
                let port = try Self.socket(7)
                Self.setVariables(["SERVER_STARTER_PORT": "\(port)=7"])
                let found = try InheritedListeners.take(for: [.stream])
                found.listeners[0].stopListening()
                let client = try Socket.open(AF_INET, .stream)
                try Socket.connect(client.number, to: .ipv4(0x7F00_0001, port: port))
                return true
            }
            #expect(isRight)
        }
    }
}
