import Supervision
import TestSupport
import Testing

/// Damaged states: in the thorough tests more than a million. Each is short: this is a debug build.
@Suite(.timeLimit(.minutes(20))) struct StateFuzzTests {
    private static func records(_ count: Int) -> [StateText.Record] {
        (0..<count).map { number in
            var record = StateText.Record("r")
            record["n"] = "\(number)"
            return record
        }
    }

    /// Bytes that mean something to the decoder, and others.
    private static let bytes = Array(" =%~\n0129af".utf8) + [0x00, 0x7F, 0xC3, 0xFF]

    @Test(arguments: 0..<8 as Range<UInt64>) func aMutatedLineCostsOnlyThatLine(seed: UInt64) {
        var random = Seeded(seed)
        let records = Self.records(2)
        let whole = StateText(records).bytes
        for _ in 0..<rounds(65_000) {
            var line = StateText([records[1]]).bytes.dropLast()
            for _ in 0...random.next() % 3 {
                let index = line.startIndex + Int(random.next() % UInt64(line.count))
                let byte = Self.bytes[Int(random.next() % UInt64(Self.bytes.count))]
                switch random.next() % 3 {
                case 0: line[index] = byte
                case 1: line.insert(byte, at: index)
                default: if line.count > 1 { line.remove(at: index) }
                }
            }
            let text = StateText(
                decoding: whole.prefix(whole.count / 2) + line + [0x0A] + whole.prefix(whole.count / 2))
            let others = text.records.filter { $0 == records[0] }
            // What a line has become is no record, or it is as it was.
            guard others.count == 2, text.records.allSatisfy(records.contains) else {
                Issue.record("seed \(seed): \(String(decoding: line, as: UTF8.self).debugDescription)")
                return
            }
        }
    }

    @Test(arguments: 0..<4 as Range<UInt64>) func noiseIsNoRecord(seed: UInt64) {
        var random = Seeded(seed)
        for _ in 0..<rounds(130_000) {
            let text = (0..<random.next() % 12).map { _ in Self.bytes[Int(random.next() % UInt64(Self.bytes.count))] }
            if StateText(decoding: text).records.isEmpty { continue }
            Issue.record("seed \(seed): \(text)")
            return
        }
    }

    private static let names = [
        "child", "child", "slot", "service", "plan", "round", "kept", "supervisor", "restarts", "wait", "order",
    ]
    private static let keys = [
        "pid", "id", "slot", "service", "generation", "index", "phase", "stage", "services", "slots", "current", "role",
        "round", "number", "deadline", "restartAt", "instances", "child", "retired", "counter", "restarts", "count",
        "requester", "verb", "goal", "lastAccepted", "reloadDue", "reloadInterval", "retireDelay", "startTimeout",
        "stopTimeout", "backoffBase", "backoffMaximum", "jitter", "limit", "window", "watchdog", "failures",
        "lastSpawn", "delayUntil", "groupID", "told", "stopSignal", "lastGeneration", "committed", "endBy", "spawnedAt",
    ]
    private static let values = [
        "-1", "0", "1", "2", "3", "-100", "9223372036854775807", "-9223372036854775808", "4294967297", "2147483647",
        "-2147483648", "x", "", "1,2", "1,1", "0,9223372036854775807", "ready", "starting", "current", "round", "on",
    ]

    /// Whole lines with values that nobody wrote.
    @Test(arguments: 0..<8 as Range<UInt64>) func noStateMakesTheEngineFallOrGivesItAStranger(seed: UInt64) {
        var random = Seeded(seed)
        for _ in 0..<rounds(130_000) {
            var records: [StateText.Record] = []
            for _ in 0...random.next() % 3 {
                var record = StateText.Record(Self.names[Int(random.next() % UInt64(Self.names.count))])
                for _ in 0...random.next() % 4 {
                    let key = Self.keys[Int(random.next() % UInt64(Self.keys.count))]
                    record[key] = Self.values[Int(random.next() % UInt64(Self.values.count))]
                }
                records.append(record)
            }
            var supervisor = Supervisor(restoring: StateText(records), seed: 2)
            guard supervisor.children.values.allSatisfy({ $0.pid > 1 }) else {
                Issue.record("seed \(seed): \(records)")
                return
            }
            // It says its state again, and goes on.
            if random.next() % 64 == 0 {
                _ = supervisor.records
                _ = supervisor.handle(.resumed, at: Instant(nanoseconds: 1))
                for moment in [1, Int64.max / 2, .max] {
                    for event in [Event.timer, .extend(pid: 2, .seconds(Int64.max)), .heartbeat(pid: 2), .reload(1)] {
                        _ = supervisor.handle(event, at: Instant(nanoseconds: moment))
                    }
                    _ = supervisor.handle(.exited(pid: 2, .exited(1)), at: Instant(nanoseconds: moment))
                }
            }
        }
    }
}
