import Unix

/// One record, and its forms as bytes of one line.
package struct LogRecord {
    let level: LogLevel
    let message: String
    let metadata: [(key: String, value: String)]

    package init(level: LogLevel, message: String, metadata: [(key: String, value: String)] = []) {
        self.level = level
        self.message = message
        self.metadata = metadata
    }

    /// `YYYY-MM-DD HH:MM:SS,uuuuuu ZONE: NAME pid=PID LEVEL message key=value`
    func text(_ time: LogTime, _ identity: [UInt8]) -> [UInt8] {
        var line = started()
        line.append(contentsOf: time.date)
        line.append(UInt8(ascii: ","))
        line.appendDigits(Int(time.microseconds), width: 6)
        line.append(contentsOf: time.zone)
        line.append(contentsOf: identity)
        appendLevelAndMessage(to: &line)
        return line
    }

    /// For the journal, which keeps the time itself: `<N>NAME pid=PID LEVEL message`. sd-daemon(3)
    func journal(_ identity: [UInt8]) -> [UInt8] {
        var line = started()
        line.append(contentsOf: "<\(level.severity)>".utf8)
        line.append(contentsOf: identity)
        appendLevelAndMessage(to: &line)
        return line
    }

    /// `<PRI>Mmm dd hh:mm:ss NAME[PID]: message`, without a newline. RFC 3164
    package func syslog(_ wall: WallTime, name: String, pid: ProcessID) -> [UInt8] {
        let facilityDaemon = 3
        let local = wall.local
        var line = started()
        // bounded: of the calendar
        line.append(contentsOf: "<\(facilityDaemon * 8 + level.severity)>\(Self.months[local.month - 1]) ".utf8)
        // bounded: of the calendar
        line.append(local.day < 10 ? UInt8(ascii: " ") : UInt8(ascii: "0") + UInt8(local.day / 10))
        line.append(UInt8(ascii: "0") + UInt8(local.day % 10))  // bounded: of the calendar
        for (mark, number) in [(" ", local.hour), (":", local.minute), (":", local.second)] {
            line.append(contentsOf: mark.utf8)
            line.appendDigits(number, width: 2)
        }
        line.append(contentsOf: " \(name)[\(pid)]: ".utf8)
        line.appendEscaped(message)
        appendMetadata(to: &line)
        return line
    }

    /// One object a line: time (RFC 3339), level, name, pid, message, metadata.
    func json(_ time: LogTime, name: String, pid: ProcessID) -> [UInt8] {
        var line = started()
        line.append(contentsOf: "{\"time\":\"".utf8)
        line.append(contentsOf: time.date)
        line[line.count - 9] = UInt8(ascii: "T")
        line.append(UInt8(ascii: "."))
        line.appendDigits(Int(time.microseconds), width: 6)
        line.append(contentsOf: time.offset)
        line.append(contentsOf: "\",\"level\":\"\(level.name)\",\"name\":".utf8)
        line.appendJSON(name)
        line.append(contentsOf: ",\"pid\":\(pid),\"message\":".utf8)
        line.appendJSON(message)
        if !metadata.isEmpty {
            line.append(contentsOf: ",\"metadata\":{".utf8)
            for (index, entry) in metadata.enumerated() {
                if index > 0 { line.append(UInt8(ascii: ",")) }
                line.appendJSON(entry.key)
                line.append(UInt8(ascii: ":"))
                line.appendJSON(entry.value)
            }
            line.append(UInt8(ascii: "}"))
        }
        line.append(contentsOf: "}\n".utf8)
        return line
    }

    private func started() -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(message.utf8.count + 128)  // bounded: a length in memory
        return line
    }

    private func appendLevelAndMessage(to line: inout [UInt8]) {
        line.append(contentsOf: level.name.utf8)
        line.append(UInt8(ascii: " "))
        line.appendEscaped(message)
        appendMetadata(to: &line)
        line.append(UInt8(ascii: "\n"))
    }

    private func appendMetadata(to line: inout [UInt8]) {
        for (key, value) in metadata {
            line.append(UInt8(ascii: " "))
            line.appendEscaped(key)
            line.append(UInt8(ascii: "="))
            line.appendEscaped(value)
        }
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}

extension [UInt8] {
    /// Decimal, with zeros before it.
    mutating func appendDigits(_ number: Int, width: Int) {
        let start = count
        for _ in 0..<width { append(UInt8(ascii: "0")) }  // bounded: a width that the code names
        var (index, rest) = (start + width - 1, UInt32(truncatingIfNeeded: number))
        while rest > 0, index >= start {
            self[index] &+= UInt8(truncatingIfNeeded: rest % 10)  // bounded: a width that the code names
            rest /= 10
            index -= 1
        }
    }

    /// The text with whatever `VisibleText` hides written out, so that no message can forge a line or steer a terminal.
    mutating func appendEscaped(_ text: String) {
        let start = count
        append(contentsOf: text.utf8)
        guard mayNeedEscapes(from: start) else { return }
        removeSubrange(start...)  // bounded: `start` was the length
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0A: append(contentsOf: "\\n".utf8)
            case 0x0D: append(contentsOf: "\\r".utf8)
            case 0x09: append(contentsOf: "\\t".utf8)
            case 0..<0x20, 0x7F..<0xA0: append(contentsOf: "\\x\(hex(scalar.value, width: 2))".utf8)
            case 0..<0x1_0000 where VisibleText.isHidden(scalar):
                append(contentsOf: "\\u\(hex(scalar.value, width: 4))".utf8)
            case _ where VisibleText.isHidden(scalar):
                append(contentsOf: "\\U\(hex(scalar.value, width: 8))".utf8)
            default: append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
    }

    /// Whether a byte from `start` on belongs to a control character, or begins one. Plain ASCII passes eight at a time.
    private func mayNeedEscapes(from start: Int) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops = ones << 7
        return unsafe withUnsafeBytes { bytes in
            var index = start
            while index + 8 <= bytes.count {
                // bounded: the loop ends 8 before the end
                let word = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                // Per byte: below 0x20, 0x7F, or not ASCII.
                let isDelete = word ^ (ones &* 0x7F)
                if ((word &- ones &* 0x20) | (isDelete &- ones) | word) & tops != 0 { break }
                index += 8
            }
            return unsafe bytes[index...].contains(where: VisibleText.mayBeHidden)
        }
    }

    /// A JSON string with its quotes. RFC 8259; what `VisibleText` hides is escaped too.
    package mutating func appendJSON(_ text: String) {
        append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22: append(contentsOf: "\\\"".utf8)
            case 0x5C: append(contentsOf: "\\\\".utf8)
            case 0x0A: append(contentsOf: "\\n".utf8)
            case 0x0D: append(contentsOf: "\\r".utf8)
            case 0x09: append(contentsOf: "\\t".utf8)
            case _ where VisibleText.isHidden(scalar):
                for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
                    append(contentsOf: "\\u\(hex(UInt32(unit), width: 4))".utf8)  // bounded: of 16 bits
                }
            default: append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        append(UInt8(ascii: "\""))
    }
}

private func hex(_ number: UInt32, width: Int) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: Swift.max(0, width - digits.utf8.count)) + digits
}
