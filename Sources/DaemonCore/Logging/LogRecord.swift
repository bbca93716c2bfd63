import Text
import Unix

/// One record, and its forms as bytes of one line.
package struct LogRecord {
    package let level: LogLevel
    package let message: String
    package let metadata: [(key: String, value: String)]

    package init(level: LogLevel, message: String, metadata: [(key: String, value: String)] = []) {
        self.level = level
        self.message = message
        self.metadata = metadata
    }

    /// `YYYY-MM-DD HH:MM:SS,uuuuuu ZONE: NAME pid=PID LEVEL message key=value`
    func text(_ time: LogTime, _ identity: [UInt8]) -> [UInt8] {
        var line = started()
        Self.appendHead(time, identity, level, to: &line)
        appendMessage(to: &line)
        return line
    }

    /// What stands before the message of `text`.
    static func head(_ time: LogTime, _ identity: [UInt8], _ level: LogLevel) -> [UInt8] {
        var head: [UInt8] = []
        appendHead(time, identity, level, to: &head)
        return head
    }

    private static func appendHead(_ time: LogTime, _ identity: [UInt8], _ level: LogLevel, to line: inout [UInt8]) {
        line.append(contentsOf: time.date)
        line.append(UInt8(ascii: ","))
        line.appendDigits(Int(time.microseconds), width: 6)
        line.append(contentsOf: time.zone)
        line.append(contentsOf: identity)
        appendLevel(level, to: &line)
    }

    /// For the journal, which keeps the time itself: `<N>NAME pid=PID LEVEL message`. sd-daemon(3)
    func journal(_ identity: [UInt8]) -> [UInt8] {
        var line = started()
        line.append(contentsOf: Self.journalHead(identity, level))
        appendMessage(to: &line)
        return line
    }

    /// What stands before the message of `journal`.
    static func journalHead(_ identity: [UInt8], _ level: LogLevel) -> [UInt8] {
        var head = Array("<\(level.severity)>".utf8)
        head.append(contentsOf: identity)
        appendLevel(level, to: &head)
        return head
    }

    /// `<PRI>Mmm dd hh:mm:ss NAME[PID]: message`, without a newline. RFC 3164
    package func syslog(
        _ wall: WallTime, name: String, pid: ProcessID, from origin: Syslog.Origin = .init()
    ) -> [UInt8] {
        let local = wall.local
        var line = started()
        // bounded: of the calendar
        line.append(contentsOf: "<\(origin.facility.number * 8 + level.severity)>\(Self.months[local.month - 1]) ".utf8)
        // bounded: of the calendar
        line.append(local.day < 10 ? UInt8(ascii: " ") : UInt8(ascii: "0") + UInt8(local.day / 10))
        line.append(UInt8(ascii: "0") + UInt8(local.day % 10))  // bounded: of the calendar
        for (mark, number) in [(" ", local.hour), (":", local.minute), (":", local.second)] {
            line.append(contentsOf: mark.utf8)
            line.appendDigits(number, width: 2)
        }
        line.append(contentsOf: " \(origin.tag ?? name)[\(pid)]: ".utf8)
        line.appendEscaped(message)
        appendMetadata(to: &line)
        return line
    }

    /// Where `json` has its time.
    static let timeInJSON = "{\"time\":\"".utf8.count

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

    private static func appendLevel(_ level: LogLevel, to line: inout [UInt8]) {
        line.append(contentsOf: level.name.utf8)
        line.append(UInt8(ascii: " "))
    }

    private func appendMessage(to line: inout [UInt8]) {
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
