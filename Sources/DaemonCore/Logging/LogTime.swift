import Synchronization
import Text
import Unix

/// The time of a record: the text of its second, made once for all its records, and the microseconds.
package struct LogTime: Sendable {
    /// One second as bytes: a class, so that a record costs one reference and no copy.
    final class Second: Sendable {
        let number: Int64
        /// `YYYY-MM-DD HH:MM:SS`
        let date: [UInt8]
        /// ` ZONE: `
        let zone: [UInt8]
        /// `Z` or `+hh:mm`
        let offset: [UInt8]

        init(_ wall: WallTime) {
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
                text.appendDigits(abs(local.offset) / 3600, width: 2)  // bounded: of a time zone
                text.append(UInt8(ascii: ":"))
                text.appendDigits(abs(local.offset) / 60 % 60, width: 2)  // bounded: of a time zone
                offset = text
            }
            number = wall.seconds
        }
    }

    let second: Second
    let microseconds: Int32

    private static let latest = Mutex<Second?>(nil)

    /// The time zone, or the file that says what it is, may be another one now.
    package static func reread() {
        WallTime.rereadZone()
        latest.withLock { $0 = nil }
    }

    static func of(_ wall: WallTime) -> LogTime {
        let second = latest.withLock { latest in
            if let known = latest, known.number == wall.seconds { return known }
            let second = Second(wall)
            latest = second
            return second
        }
        return LogTime(second: second, microseconds: wall.microseconds)
    }

    var date: [UInt8] { second.date }
    var zone: [UInt8] { second.zone }
    var offset: [UInt8] { second.offset }
}
