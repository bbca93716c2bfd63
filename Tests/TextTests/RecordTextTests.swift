import TestSupport
import Testing
import Text

@Suite(.timeLimit(.minutes(20))) struct RecordTextTests {
    private func roundTrip(_ records: [RecordText.Record]) -> RecordText {
        RecordText(decoding: RecordText(records).bytes)
    }

    @Test func recordsComeBackAsTheyWere() {
        let record = RecordText.Record(
            "name with = and %",
            [
                "plain": "value", "empty": "", "text": "line\nline two=three %20 ~ \u{0} ü 🐙", "key with space": "x",
            ])
        let text = roundTrip([record, RecordText.Record("bare")])
        #expect(text.records == [record, RecordText.Record("bare")] && text.damagedLines == 0)
    }

    private static func records(_ count: Int) -> [RecordText.Record] {
        (0..<count).map { RecordText.Record("r", ["n": "\($0)"]) }
    }

    /// Bytes that mean something to the decoder, and others.
    private static let bytes = Array(" =%~\n0129af".utf8) + [0x00, 0x7F, 0xC3, 0xFF]

    @Test(arguments: 0..<8 as Range<UInt64>) func aMutatedLineCostsOnlyThatLine(seed: UInt64) {
        var random = Seeded(seed)
        let records = Self.records(2)
        let whole = RecordText(records).bytes
        for _ in 0..<rounds(65_000) {
            var line = RecordText([records[1]]).bytes.dropLast()
            for _ in 0...random.next() % 3 {
                let index = line.startIndex + Int(random.next() % UInt64(line.count))
                let byte = Self.bytes[Int(random.next() % UInt64(Self.bytes.count))]
                switch random.next() % 3 {
                case 0: line[index] = byte
                case 1: line.insert(byte, at: index)
                default: if line.count > 1 { line.remove(at: index) }
                }
            }
            let text = RecordText(
                decoding: whole.prefix(whole.count / 2) + line + [0x0A] + whole.prefix(whole.count / 2))
            let others = text.records.filter { $0 == records[0] }
            // What a line has become is no record, or it is as it was.
            guard others.count == 2, text.records.allSatisfy(records.contains) else {
                Issue.record("seed \(seed): \(String(decoding: line, as: UTF8.self).debugDescription)")
                return
            }
        }
    }

    @Test(arguments: 0..<4 as Range<UInt64>) func bytesThatMeanSomethingAreNoRecord(seed: UInt64) {
        var random = Seeded(seed)
        for _ in 0..<rounds(130_000) {
            let text = (0..<random.next() % 12).map { _ in Self.bytes[Int(random.next() % UInt64(Self.bytes.count))] }
            if RecordText(decoding: text).records.isEmpty { continue }
            Issue.record("seed \(seed): \(text)")
            return
        }
    }

    @Test func aDamagedLineCostsThatLineOnly() {
        let record = RecordText.Record("r", ["pid": "1234"])
        let bytes = RecordText([record, record, record]).bytes
        let length = bytes.count / 3
        var wrong: [(index: Int, byte: UInt8)] = []
        for index in length..<2 * length - 1 {
            for byte in 0...255 as ClosedRange<UInt8> where byte != bytes[index] {
                var garbled = bytes
                garbled[index] = byte
                let text = RecordText(decoding: garbled)
                let isWhole = text.records == [record, record, record]
                if !isWhole && (text.records != [record, record] || text.damagedLines == 0) {
                    wrong.append((index, byte))
                }
            }
        }
        #expect(wrong.isEmpty)
    }

    @Test func aTruncatedTextKeepsItsWholeLines() {
        let record = RecordText.Record("r", ["key": "value"])
        let bytes = RecordText([record, record]).bytes
        for count in 0..<bytes.count {
            let text = RecordText(decoding: Array(bytes.prefix(count)))
            // The last newline is not missed.
            #expect(text.records.count == (count + 1) / (bytes.count / 2))
        }
    }

    @Test(arguments: ["", "\n", "\n\n", " ", "~", " ~", "~0", " ~2166136261", "a ~", "a~1", "%", "= ~1"])
    func nonsenseIsNoRecord(text: String) {
        #expect(RecordText(decoding: Array(text.utf8)).records.isEmpty)
    }

    @Test func noiseIsNoRecord() {
        var random = Seeded(7)
        for _ in 0..<2000 {
            let alphabet = Array("ab=% ~\n019".utf8)
            let bytes = (0..<Int.random(in: 0..<60, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? alphabet.randomElement(using: &random)! : UInt8.random(in: 0...255, using: &random)
            }
            #expect(RecordText(decoding: bytes).records.isEmpty)
        }
    }

    @Test func textAtRandomComesBack() {
        var random = Seeded(7)
        func word() -> String {
            String(
                decoding: (0..<Int.random(in: 0..<12, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                },
                as: UTF8.self)
        }
        for _ in 0..<500 {
            var record = RecordText.Record("r" + word())
            for _ in 0..<4 { record.values["k" + word()] = word() }
            #expect(roundTrip([record]).records == [record])
        }
    }
}
