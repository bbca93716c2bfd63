import Synchronization
import Unix

/// The time of a record: its date and zone as bytes, made once a second, and the microseconds.
struct LogTime: Sendable {
    /// `YYYY-MM-DD HH:MM:SS`
    let date: [UInt8]
    /// ` ZONE: `
    let zone: [UInt8]
    /// `Z` or `+hh:mm`
    let offset: [UInt8]
    let second: Int64
    var microseconds: Int32

    private static let latest = Mutex<LogTime?>(nil)

    static func of(_ wall: WallTime) -> LogTime {
        latest.withLock { latest in
            if let known = latest, known.second == wall.seconds {
                var time = known
                time.microseconds = wall.microseconds
                return time
            }
            let time = LogTime(wall)
            latest = time
            return time
        }
    }

    private init(_ wall: WallTime) {
        let local = wall.local
        var date: [UInt8] = []
        date.appendDigits(local.year, width: 4)
        for (mark, number) in [("-", local.month), ("-", local.day), (" ", local.hour), (":", local.minute)] {
            date.append(contentsOf: mark.utf8)
            date.appendDigits(number, width: 2)
        }
        date.append(UInt8(ascii: ":"))
        date.appendDigits(local.second, width: 2)
        self.date = date
        zone = Array(" \(local.zone): ".utf8)
        if local.offset == 0 {
            offset = [UInt8(ascii: "Z")]
        } else {
            var text = Array((local.offset < 0 ? "-" : "+").utf8)
            text.appendDigits(abs(local.offset) / 3600, width: 2)
            text.append(UInt8(ascii: ":"))
            text.appendDigits(abs(local.offset) / 60 % 60, width: 2)
            offset = text
        }
        second = wall.seconds
        microseconds = wall.microseconds
    }
}
