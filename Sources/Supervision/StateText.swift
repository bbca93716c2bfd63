/// What a master hands to its next image: one record a line, `name key=value … ~checksum`. Unknown records and keys are
/// skipped, missing ones have defaults, a damaged line costs that line only: a garbled pid must not become a stranger's.
package struct StateText: Sendable {
    package static let version = 1
    package private(set) var records: [Record] = []
    /// Lines that made no sense.
    package private(set) var damagedLines = 0

    package struct Record: Equatable, Sendable {
        package let name: String
        package private(set) var values: [String: String] = [:]

        package init(_ name: String) { self.name = name }

        package subscript(key: String) -> String? {
            get { values[key] }
            set { values[key] = newValue }
        }

        /// So large at the most, either way: what the next image counts on does not overflow. In nanoseconds 73 years.
        private static let largest = 1 << 61

        private static func bounded(_ text: some StringProtocol) -> Int? {
            // bounded: here
            Int(text).map { min(max($0, -largest), largest) }
        }

        package subscript(number key: String) -> Int? {
            get { values[key].flatMap(Self.bounded) }
            set { values[key] = newValue.map(String.init) }
        }

        package subscript(flag key: String) -> Bool {
            get { values[key] == "1" }
            set { values[key] = newValue ? "1" : nil }
        }

        package subscript(numbers key: String) -> [Int] {
            get { (values[key] ?? "").split(separator: ",").compactMap(Self.bounded) }
            set { values[key] = newValue.isEmpty ? nil : newValue.map(String.init).joined(separator: ",") }
        }

        /// Any bytes, as hexadecimal digits: a text may be cut within a character.
        package subscript(bytes key: String) -> [UInt8] {
            get {
                // bounded: bytes and their halves
                let digits = Array((values[key] ?? "").utf8).map { UInt8(Self.value($0)) }
                // bounded: bytes and their halves
                return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
            }
            set {
                let digits = newValue.flatMap { [StateText.digits[Int($0 >> 4)], StateText.digits[Int($0 & 15)]] }
                values[key] = digits.isEmpty ? nil : String(decoding: digits, as: UTF8.self)
            }
        }

        private static func value(_ digit: UInt8) -> Int { StateText.digits.firstIndex(of: digit) ?? 0 }

        /// Whole nanoseconds.
        package subscript(duration key: String) -> Duration? {
            get { values[key].flatMap(Self.bounded).map { .nanoseconds($0) } }
            set { values[key] = newValue.map { String($0.wholeNanoseconds) } }
        }

        subscript(instant key: String) -> Instant? {
            get { values[key].flatMap(Self.bounded).map { Instant(nanoseconds: Int64($0)) } }
            set { values[key] = newValue.map { String($0.nanoseconds) } }
        }
    }

    package init(_ records: [Record]) { self.records = records }

    package init(decoding bytes: [UInt8]) {
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            if let record = Self.record(line) { records.append(record) } else { damagedLines += 1 }
        }
    }

    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        for record in records {
            var line = Self.escaped(record.name)
            for (key, value) in record.values.sorted(by: { $0.key < $1.key }) {
                line.append(UInt8(ascii: " "))
                line += Self.escaped(key)
                line.append(UInt8(ascii: "="))
                line += Self.escaped(value)
            }
            bytes += line + " ~\(Self.checksum(line[...]))\n".utf8
        }
        return bytes
    }

    package func all(_ name: String) -> [Record] { records.filter { $0.name == name } }
    package func first(_ name: String) -> Record? { records.first { $0.name == name } }

    /// FNV-1a, 32 bits.
    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }  // bounded: bytes and their halves
    }

    private static func record(_ whole: ArraySlice<UInt8>) -> Record? {
        guard let mark = whole.lastIndex(of: UInt8(ascii: "~")), mark > whole.startIndex,
            whole[mark - 1] == UInt8(ascii: " ")
        else { return nil }
        let line = whole[..<(mark - 1)]
        guard String(decoding: whole[(mark + 1)...], as: UTF8.self) == String(checksum(line)) else { return nil }
        let words = line.split(separator: UInt8(ascii: " "))
        guard let name = words.first.flatMap(unescaped) else { return nil }
        var record = Record(name)
        for word in words.dropFirst() {
            let parts = word.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let key = unescaped(parts[0]), let value = unescaped(parts[1]) else { return nil }
            record[key] = value
        }
        return record
    }

    fileprivate static let digits = Array("0123456789abcdef".utf8)

    private static func escaped(_ text: String) -> [UInt8] {
        text.utf8.flatMap { byte in
            byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "%") && byte != UInt8(ascii: "=")
                // bounded: bytes and their halves
                ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }

    private static func unescaped(_ bytes: ArraySlice<UInt8>) -> String? {
        var plain: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                plain.append(byte)
                continue
            }
            let high = rest.popFirst().flatMap(digits.firstIndex)
            guard let high, let low = rest.popFirst().flatMap(digits.firstIndex) else { return nil }
            plain.append(UInt8(high << 4 | low))  // bounded: bytes and their halves
        }
        return String(validating: plain, as: UTF8.self)
    }
}
