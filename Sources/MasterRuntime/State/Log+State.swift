import DaemonCore
import Supervision
import Unix

/// What waits in a log, and what it has lost, goes over an exec.
extension Log {
    package var records: [StateRecord] {
        [("file", writers.file), ("error", writers.error)].compactMap { name, writer in
            guard let writer else { return nil }
            var record = StateRecord("log")
            record["of"] = name
            writer.write(to: &record)
            return record
        }
    }

    package func restore(_ state: SavedState) {
        for record in state.all("log") {
            switch record["of"] {
            case "file": writers.file?.restore(record)
            case "error": writers.error?.restore(record)
            default: break
            }
        }
    }
}

extension LogWriter {
    package func write(to record: inout StateRecord) {
        let saved = saved
        record[bytes: "waiting"] = saved.waiting
        record[flag: "cut"] = saved.isCut
        record[flag: "midLine"] = saved.isMidLine
        record[number: "source"] = saved.source.map(Int.init)
        record[number: "size"] = saved.size.map { Int($0) }
        record.set("loss", saved.loss)
        record.set("lost", saved.total)
    }

    package func restore(_ record: StateRecord) {
        var saved = Saved()
        saved.waiting = record[bytes: "waiting"]
        saved.isCut = record[flag: "cut"]
        saved.isMidLine = record[flag: "midLine"]
        saved.source = record[number: "source"].flatMap { Int32(exactly: $0) }
        saved.size = record[number: "size"].map { Int64($0) }
        saved.loss = record.loss("loss")
        saved.total = record.loss("lost")
        restore(saved)
    }
}

extension StateRecord {
    fileprivate mutating func set(_ key: String, _ loss: LogLoss) {
        self[numbers: key] = loss.isEmpty ? [] : [loss.records, loss.bytes, Int(loss.cause.rawValue)]
    }

    fileprivate func loss(_ key: String) -> LogLoss {
        let numbers = self[numbers: key]
        guard numbers.count == 3 else { return LogLoss() }
        return LogLoss(records: numbers[0], bytes: numbers[1], cause: Errno(rawValue: Int32(clamping: numbers[2])))
    }
}
