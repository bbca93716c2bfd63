import Foundation
import Testing
import Unix

@Suite("start_server --upgrade", .blocking, .timeLimit(.minutes(20)))
struct StartServerUpgradeTests {
    private func upgrade(_ server: StartServer) throws -> TestProcess.Outcome {
        try server.folder.run(Product.startServer, ["--upgrade", "--pid-file", server.folder["s.pid"]])
    }

    #if os(Linux)
    @Test("nobody elsewhere can take the place where the answer comes to")
    func squatted() throws {
        let server = try StartServer()
        let squatter = try Socket.open(AF_UNIX, .datagram)
        try Socket.bind(squatter.number, to: .unix("@start_server-upgrade-\(server.pid)"))
        let outcome = try upgrade(server)
        #expect(outcome.code == 0, "\(outcome) \(server.log)")
        #expect(!Poll.readable(squatter.number, timeout: .zero))
        #expect(!server.folder.exists("s.pid.upgrade"))
        server.end()
    }
    #endif

    @Test("what an asking process left behind is no hindrance, whatever else lies there is")
    func leftBehind() throws {
        let server = try StartServer()
        do {
            let old = try Socket.open(AF_UNIX, .datagram)
            try Socket.bind(old.number, to: .unix(server.folder["s.pid.upgrade"]))
            #expect(try upgrade(server).code == 1)
        }
        #expect(isDeserted(server.folder["s.pid.upgrade"], .datagram))
        #expect(try upgrade(server).code == 0)
        try server.folder.write("s.pid.upgrade", "a file")
        #expect(try upgrade(server).code == 1)
        #expect(server.folder.read("s.pid.upgrade") == "a file")
        server.end()
    }
}
