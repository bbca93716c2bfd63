import Supervision
import Text

extension SavedState {
    /// As another image wrote it.
    package init(decoding bytes: [UInt8]) {
        let text = RecordText(decoding: bytes)
        self.init(text.records.map { StateRecord($0.name, $0.values) }, damaged: text.damagedLines)
    }

    package var bytes: [UInt8] { RecordText(records.map { RecordText.Record($0.name, $0.values) }).bytes }
}

extension StateRecord {
    private static let digits = Array("0123456789abcdef".utf8)

    /// Any bytes, as hexadecimal digits: a text may be cut within a character.
    package subscript(bytes key: String) -> [UInt8] {
        get {
            // bounded: bytes and their halves
            let digits = Array((self[key] ?? "").utf8).map { UInt8(Self.digits.firstIndex(of: $0) ?? 0) }
            // bounded: bytes and their halves
            return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
        }
        set {
            // bounded: bytes and their halves
            let digits = newValue.flatMap { [Self.digits[Int($0 >> 4)], Self.digits[Int($0 & 15)]] }
            self[key] = digits.isEmpty ? nil : String(decoding: digits, as: UTF8.self)
        }
    }
}
