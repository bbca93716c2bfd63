import Unix

/// What a log could not take.
package struct LogLoss: Equatable, Sendable {
    /// Lines, counted by their ends.
    package private(set) var records = 0
    package private(set) var bytes = 0
    /// Why the last of it was lost.
    package private(set) var cause = Errno.noSpace

    package var isEmpty: Bool { records == 0 && bytes == 0 }

    package mutating func add(_ lost: ArraySlice<UInt8>, _ cause: Errno) {
        var rest = lost
        while let end = rest.firstPlace(of: UInt8(ascii: "\n")) {
            records &+= 1
            rest = rest[(end + 1)...]  // bounded: places within the bytes
        }
        bytes &+= lost.count
        self.cause = cause
    }

    /// A message whose end is its own, not marked by a byte.
    package mutating func add(message: [UInt8], _ cause: Errno) {
        records &+= 1
        bytes &+= message.count
        self.cause = cause
    }

    package mutating func add(_ other: LogLoss) {
        guard !other.isEmpty else { return }
        records &+= other.records
        bytes &+= other.bytes
        cause = other.cause
    }

    /// `3 log records were lost: No space left on device`
    var ofRecords: String { "\(records) log records were lost: \(cause)" }

    /// `3 lines (412 bytes) were lost: No space left on device`
    package var ofLines: String { "\(records) lines (\(bytes) bytes) were lost: \(cause)" }

    package init() {}

    package init(records: Int, bytes: Int, cause: Errno) {
        self.records = max(0, records)
        self.bytes = max(0, bytes)
        self.cause = cause
    }
}
