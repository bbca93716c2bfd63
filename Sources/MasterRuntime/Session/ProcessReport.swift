import DaemonCore
import Supervision
import Unix

/// `show proc` and `show metrics`: a head, then one child after the other, for each part. It is consistent in this: of
/// the children that there were when it began each stands in it as it is when its turn comes, unless it has ended.
package final class ProcessReport: ControlReport {
    package enum Format: String { case table, debug, json, metrics }

    struct Part: Sendable {
        enum Rows: Sendable {
            case none
            case children(@Sendable (ProcessReport, Supervision.Child) -> String?)
            /// Of each instance, those without a child among them.
            case vacancies(@Sendable (ProcessReport, Vacancy) -> String?)
            /// Of each service of the plan in force.
            case services(@Sendable (ProcessReport, String) -> String?)
        }

        let head: @Sendable (ProcessReport) -> String
        var rows = Rows.none
    }

    package unowned let host: Session
    package let format: Format
    private let parts: [Part]
    private var order: ChildOrder
    private let slots: [SlotID]
    private var part = 0
    /// In the part: 0 is its head.
    private var position = 0
    /// Of the children in their order, while one part has asked the kernel and another is to say it.
    private var processorTimes: [Duration?] = []
    /// A child stands in the array of JSON already.
    private var hasChild = false
    /// And one that does not run in the other array.
    private var hasVacancy = false

    package init(_ format: Format, _ host: Session) {
        self.format = format
        self.host = host
        parts = Self.parts(of: format)
        order = ChildOrder(host.children.keys)
        slots = host.master.supervisor.slotIDs
    }

    package func next() -> String? {
        guard order.isComplete else {
            order.advance { host.children[$0] }
            return ""
        }
        guard part < parts.count else { return nil }
        defer { position += 1 }
        if position == 0 { return parts[part].head(self) }
        return row(position - 1) ?? endPart()
    }

    /// nil at the end of the part.
    private func row(_ index: Int) -> String? {
        switch parts[part].rows {  // bounded: `part` is below the count
        case .none: return nil
        case .children(let text):
            guard index < order.ids.count else { return nil }
            guard let text = host.children[order.ids[index]].flatMap({ text(self, $0) }) else { return "" }
            hasChild = true
            return text
        case .vacancies(let text):
            guard index < slots.count else { return nil }
            let vacancy = host.master.supervisor.vacancy(of: slots[index])  // bounded: below the count
            guard let text = vacancy.flatMap({ text(self, $0) }) else { return "" }
            hasVacancy = true
            return text
        case .services(let text):
            let services = host.services
            guard index < services.count else { return nil }
            return text(self, services[index].name) ?? ""
        }
    }

    private func endPart() -> String {
        part += 1
        position = -1
        return ""
    }

    /// Its place in the order, and its processor time.
    package var size: Int { order.count * 32 + slots.count * 8 }  // bounded: lengths in memory

    // MARK: Facts

    package func kind(_ child: Supervision.Child) -> Program.Kind { host.kind(of: child) }

    package func state(_ child: Supervision.Child) -> String {
        if child.phase == .ready, let note = host.notes[child.id] {
            if note.isStopping { return "stopping" }
            if note.isReloading { return "reloading" }
        }
        return child.isRetired && child.phase == .ready ? "old" : child.phase.rawValue
    }

    package var separator: String { hasChild ? "," : "" }
    package var vacancySeparator: String { hasVacancy ? "," : "" }

    /// In bytes; keeps the processor time for a later part.
    package func residentSize(_ child: Supervision.Child) -> Int? {
        let facts = ProcessFacts(of: child.pid)
        if processorTimes.isEmpty { processorTimes = Array(repeating: nil, count: order.ids.count) }
        processorTimes[position - 1] = facts?.processorTime
        return facts?.residentSize
    }

    package func processorTime(_ child: Supervision.Child) -> Duration? {
        // After an exec nothing is kept.
        guard !processorTimes.isEmpty, let time = processorTimes[position - 1] else {
            return ProcessFacts(of: child.pid)?.processorTime
        }
        return time
    }

    /// Seconds with three digits behind the point.
    func decimals(_ time: Duration) -> String {
        let milliseconds = max(0, time.wholeNanoseconds) / 1_000_000
        let rest = "\(milliseconds % 1000)"
        // bounded: less than 1000
        return "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
    }

    // MARK: Over an exec

    package var record: StateRecord {
        var record = StateRecord("report")
        record["format"] = format.rawValue
        // Where nothing was said yet, the next image begins anew.
        guard part > 0 || position > 0 else { return record }
        record[number: "part"] = part
        record[number: "position"] = position
        record[flag: "hasChild"] = hasChild
        record[flag: "hasVacancy"] = hasVacancy
        record[numbers: "children"] = order.ids
        record[numbers: "slots"] = slots
        return record
    }

    package init?(_ record: StateRecord, _ host: Session) {
        guard let format = record["format"].flatMap(Format.init) else { return nil }
        self.format = format
        self.host = host
        parts = Self.parts(of: format)
        slots = record["slots"] == nil ? host.master.supervisor.slotIDs : record[numbers: "slots"]
        guard let part = record[number: "part"], let position = record[number: "position"] else {
            order = ChildOrder(host.children.keys)
            return
        }
        guard parts.indices.contains(part), (0...(1 << 32)).contains(position) else { return nil }
        self.part = part
        self.position = position
        hasChild = record[flag: "hasChild"]
        hasVacancy = record[flag: "hasVacancy"]
        order = ChildOrder(found: record[numbers: "children"])
    }
}
