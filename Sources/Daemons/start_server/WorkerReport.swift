import DaemonKit
import Supervision
import Unix

/// `show proc`: a line a process, in the columns of HAProxy's. Old workers may be many: it is made line by line.
final class WorkerReport: ControlReport {
    private enum Part: Int { case head, workers, oldWorkers, end }

    private unowned let host: Superdaemon
    private var order: ChildOrder
    private var part = Part.head
    private var position = 0

    init(_ host: Superdaemon) {
        self.host = host
        order = ChildOrder(host.master?.supervisor.children.keys.map(\.self) ?? [])
    }

    var size: Int { order.count * 16 }  // bounded: a length in memory

    func next() -> String? {
        guard order.isComplete else {
            order.advance { host.master?.supervisor.children[$0] }
            return ""
        }
        switch part {
        case .head:
            part = .workers
            return ProcessTable.row(["#<PID>", "<type>", "<generation>", "<uptime>", "<state>"])
                + ProcessTable.row([
                    "\(CurrentProcess.id)", "master", "\(host.master?.supervisor.generation ?? 0)", "", "",
                ]) + "# workers\n"
        case .workers: return row(isOld: false) ?? begin(.oldWorkers, "# old workers\n")
        case .oldWorkers: return row(isOld: true) ?? begin(.end, "")
        case .end: return nil
        }
    }

    private func begin(_ next: Part, _ title: String) -> String {
        part = next
        position = 0
        return title
    }

    /// nil at the end of the part.
    private func row(isOld: Bool) -> String? {
        guard position < order.ids.count else { return nil }
        defer { position += 1 }
        let child = host.master?.supervisor.children[order.ids[position]]
        guard let child, child.isRetired == isOld else { return "" }
        return ProcessTable.row([
            "\(child.pid)", "worker", "\(child.generation)", ProcessTable.uptime(Master.now - child.spawnedAt),
            child.phase.rawValue,
        ])
    }

    // MARK: Over an exec

    var record: StateText.Record {
        var record = StateText.Record("report")
        // Where nothing was said yet, the next image begins anew.
        guard part != .head else { return record }
        record[number: "part"] = part.rawValue
        record[number: "position"] = position
        record[numbers: "children"] = order.ids
        return record
    }

    convenience init?(_ record: StateText.Record, _ host: Superdaemon) {
        self.init(host)
        guard let part = record[number: "part"] else { return }
        guard let part = Part(rawValue: part), let position = record[number: "position"], position >= 0 else {
            return nil
        }
        self.part = part
        self.position = position
        order = ChildOrder(found: record[numbers: "children"])
    }
}
