import DaemonCore
import Testing
import Unix

@testable import MasterRuntime

/// What the master believes of what a worker writes into its channel.
@Suite("MasterChannel", .timeLimit(.minutes(20)))
struct MasterChannelTests {
    private let ends: (master: Int32, worker: Int32)
    private let channel: MasterChannel

    init() throws {
        let (master, worker) = try Socket.pair()
        ends = (master, worker)
        try Descriptor.setNonBlocking(master, true)
        channel = MasterChannel(master)
    }

    /// What one reading takes, and whether the channel goes on.
    private func read(_ frames: ChannelFrame...) throws -> (answers: [String], goesOn: Bool) {
        for frame in frames { _ = try Socket.send(ends.worker, frame.bytes.span) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        var answers: [String] = []
        let goesOn = channel.read(&buffer) { word in
            if case .answer(let requester, let text) = word { answers.append("\(requester) \(text)") }
        }
        return (answers, goesOn)
    }

    private func answer(_ id: Int, _ text: String) -> ChannelFrame {
        ChannelFrame(id: id, kind: .answer, body: Array(text.utf8))
    }

    private func close() { for number in [ends.master, ends.worker] { Descriptor.close(number) } }

    @Test("An answer is taken once, by whoever asked; one that nobody asked for, or a second one, ends the channel")
    func answers() throws {
        defer { close() }
        channel.pending = [7, 8]
        let first = try read(answer(7, "seven"))
        #expect(first.answers == ["7 seven"] && first.goesOn && channel.pending == [8])
        let second = try read(answer(7, "again"))
        #expect(second.answers.isEmpty && !second.goesOn && channel.pending == [8])
    }

    @Test("A worker gives no commands")
    func commands() throws {
        defer { close() }
        let command = ChannelFrame(id: 1, kind: .command(level: .admin), body: Array("stop".utf8))
        #expect(try !read(command).goesOn)
    }

    @Test("The end of the worker is the end of the channel")
    func end() throws {
        Descriptor.close(ends.worker)
        defer { Descriptor.close(ends.master) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        #expect(!channel.read(&buffer) { _ in })
    }
}
