import Supervision
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(20))) struct StateTextTests {
    private func roundTrip(_ records: [StateText.Record]) -> StateText {
        StateText(decoding: StateText(records).bytes)
    }

    @Test func recordsComeBackAsTheyWere() {
        var record = StateText.Record("name with = and %")
        record["plain"] = "value"
        record["empty"] = ""
        record["text"] = "line\nline two=three %20 ~ \u{0} ü 🐙"
        record["key with space"] = "x"
        record[number: "number"] = Int.min
        record[flag: "flag"] = true
        record[numbers: "numbers"] = [3, -1, .max]
        record[duration: "duration"] = .seconds(1) + .nanoseconds(1)
        let text = roundTrip([record, StateText.Record("bare")])
        #expect(text.records == [record, StateText.Record("bare")] && text.damagedLines == 0)
        #expect(text.first("bare") != nil && text.all("bare").count == 1)
    }

    @Test func valuesAreReadInTheirOwnWay() {
        var record = StateText.Record("r")
        record[number: "number"] = 42
        record[flag: "flag"] = true
        record[numbers: "numbers"] = [1, 2]
        record[duration: "duration"] = .milliseconds(5)
        #expect(record[number: "number"] == 42 && record[flag: "flag"] && record[numbers: "numbers"] == [1, 2])
        #expect(record[duration: "duration"] == .milliseconds(5))
        record[number: "number"] = nil
        record[flag: "flag"] = false
        record[numbers: "numbers"] = []
        record[duration: "duration"] = nil
        #expect(record.values.isEmpty)
        #expect(record[number: "number"] == nil && !record[flag: "flag"] && record[numbers: "numbers"] == [])
    }

    @Test func aDurationOfCenturiesIsNoOverflow() {
        var record = StateText.Record("r")
        record[duration: "long"] = .seconds(Int64.max)
        #expect(record[duration: "long"] == .nanoseconds(1 << 61))
    }

    @Test func aDamagedLineCostsThatLineOnly() {
        var record = StateText.Record("r")
        record[number: "pid"] = 1234
        let bytes = StateText([record, record, record]).bytes
        let length = bytes.count / 3
        var wrong: [(index: Int, byte: UInt8)] = []
        for index in length..<2 * length - 1 {
            for byte in 0...255 as ClosedRange<UInt8> where byte != bytes[index] {
                var garbled = bytes
                garbled[index] = byte
                let text = StateText(decoding: garbled)
                let isWhole = text.records == [record, record, record]
                if !isWhole && (text.records != [record, record] || text.damagedLines == 0) {
                    wrong.append((index, byte))
                }
            }
        }
        #expect(wrong.isEmpty)
    }

    @Test func aTruncatedTextKeepsItsWholeLines() {
        var record = StateText.Record("r")
        record["key"] = "value"
        let bytes = StateText([record, record]).bytes
        for count in 0..<bytes.count {
            let text = StateText(decoding: Array(bytes.prefix(count)))
            // The last newline is not missed.
            #expect(text.records.count == (count + 1) / (bytes.count / 2))
        }
    }

    @Test(arguments: ["", "\n", "\n\n", " ", "~", " ~", "~0", " ~2166136261", "a ~", "a~1", "%", "= ~1"])
    func nonsenseIsNoRecord(text: String) {
        #expect(StateText(decoding: Array(text.utf8)).records.isEmpty)
    }

    @Test func noiseIsNoRecord() {
        var random = Seeded(SimulationTests.base)
        for _ in 0..<2000 {
            let alphabet = Array("ab=% ~\n019".utf8)
            let bytes = (0..<Int.random(in: 0..<60, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? alphabet.randomElement(using: &random)! : UInt8.random(in: 0...255, using: &random)
            }
            #expect(StateText(decoding: bytes).records.isEmpty)
        }
    }

    @Test func textAtRandomComesBack() {
        var random = Seeded(SimulationTests.base)
        func word() -> String {
            String(
                decoding: (0..<Int.random(in: 0..<12, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                },
                as: UTF8.self)
        }
        for _ in 0..<500 {
            var record = StateText.Record("r" + word())
            for _ in 0..<4 { record["k" + word()] = word() }
            #expect(roundTrip([record]).records == [record])
        }
    }
}
