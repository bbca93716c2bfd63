/// Records as text, one a line: `name key=value … ~checksum`. A damaged line costs that line only: a garbled number must
/// not become another one.
package struct RecordText: Sendable {
    package struct Record: Equatable, Sendable {
        package let name: String
        package var values: [String: String]

        package init(_ name: String, _ values: [String: String] = [:]) {
            self.name = name
            self.values = values
        }
    }

    package private(set) var records: [Record] = []
    /// Lines that made no sense.
    package private(set) var damagedLines = 0

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
            record.values[key] = value
        }
        return record
    }

    private static let digits = Array("0123456789abcdef".utf8)

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
