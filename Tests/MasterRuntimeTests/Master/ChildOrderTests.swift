import Testing
import Text
import Unix

@testable import MasterRuntime
@testable import Supervision

@Suite("ChildOrder, and what a report makes of texts", .timeLimit(.minutes(20)))
struct ChildOrderTests {
    private static func child(_ id: Int, _ random: inout Seeded) -> Supervision.Child {
        let life = Life.ready(
            Life.Identity(pid: Int32(id + 100), group: nil), since: Instant(nanoseconds: 0), heartbeatBy: nil)
        return Supervision.Child(
            id: id, service: ["web", "api", "ü"][Int(random.next() % 3)], instance: Int(random.next() % 5),
            generation: Int(random.next() % 4), spawnedAt: Instant(nanoseconds: 0), life: life, duty: .adopted,
            stop: StopRule(signal: 15, timeout: nil))
    }

    @Test("children stand by generation, service, instance and pid", arguments: [0, 1, 255, 256, 257, 3000])
    func order(count: Int) {
        var random = Seeded(UInt64(count))
        var children: [Int: Supervision.Child] = [:]
        for id in 0..<count { children[id] = Self.child(id, &random) }
        var order = ChildOrder(children.keys)
        #expect(order.count == count)
        while !order.isComplete { order.advance { children[$0] } }
        let sorted = children.values.sorted {
            ($0.generation, $0.service, $0.instance, $0.pid) < ($1.generation, $1.service, $1.instance, $1.pid)
        }
        #expect(order.ids == sorted.map(\.id))
    }

    @Test("who ends meanwhile, or has no pid yet, is left out")
    func gone() {
        var random = Seeded(3)
        var children: [Int: Supervision.Child] = [:]
        for id in 0..<1000 { children[id] = Self.child(id, &random) }
        children[5]?.life = .spawning(leadsGroup: true)
        var order = ChildOrder(children.keys)
        var steps = 0
        while !order.isComplete {
            if steps == 6 { for id in 100..<200 { children[id] = nil } }
            order.advance { children[$0] }
            steps += 1
        }
        #expect(!order.ids.contains(5))
        #expect(Set(children.keys).subtracting(order.ids) == [5])
        #expect(order.ids.count(where: { (100..<200).contains($0) }) < 100)
    }

    @Test("a row is a row, and a label a label, whatever stands in it")
    func texts() {
        let row = ProcessTable.row(["1", "web\n99", "\u{1B}[2J\u{85}\u{2028}", "\u{202E}x"])
        #expect(row.unicodeScalars.count(where: { $0 == "\n" }) == 1)
        #expect(row.dropLast().unicodeScalars.allSatisfy { !VisibleText.isHidden($0) })
        #expect(ProcessReport.label("a\r\n\"\\b") == "\"a\r\\n\\\"\\\\b\"")
        #expect(!ProcessReport.label("x\"} 1\r\nforged 1").unicodeScalars.contains("\n"))
    }
}
