import DaemonCore
import Supervision
import Text
import Unix

/// The control groups that children have for themselves, below the one in which the master was started. What is left in
/// one after its child's end is killed in the end, wherever it has gone in the meantime.
final class ChildGroups {
    private unowned let master: Master
    private let log: any SessionLog
    /// Where the master was started; nil until a service wants a group.
    private var base: ControlGroup?
    private var groups: [Supervision.Child.ID: ControlGroup] = [:]
    /// Of children that have ended.
    private var left: Set<ControlGroup> = []

    init(_ master: Master, _ log: any SessionLog) { (self.master, self.log) = (master, log) }

    /// Everything that these programs want can be had, as the kernel itself says.
    func prepare(_ programs: [String: Program]) throws(DaemonError) {
        let wanted = programs.compactMapValues(\.resources.controlGroup)
        guard !wanted.isEmpty else { return }
        do throws(ControlGroup.Failure) {
            let base = if let base { base } else { try ControlGroup.own() }
            try base.delegate(Set(wanted.values.joined().map(\.controller)))
            if self.base == nil { Self.removeStale(in: base) }
            self.base = base
        } catch {
            throw DaemonError("\(error)")
        }
        for (service, settings) in wanted.sorted(by: { $0.key < $1.key }) {
            do throws(ControlGroup.Failure) {
                try base?.make(Self.name("check", "0"), settings).remove()
            } catch {
                throw DaemonError("\(service): \(error)")
            }
        }
    }

    /// Other masters may have groups below the same one.
    private static func name(_ service: String, _ child: String) -> String {
        let letters = service.filter { $0.isASCII && ($0.isLetter || $0.isNumber) }.prefix(64)
        return "\(letters).\(CurrentProcess.id)-\(child)"
    }

    /// Of masters that were killed, where nobody is in it any more.
    private static func removeStale(in base: ControlGroup) {
        for name in base.names {
            let parts = name.split(separator: ".").last?.split(separator: "-") ?? []
            guard parts.count == 2, let pid: ProcessID = DecimalText.parse(parts[0], in: 1...ProcessID.max),
                DecimalText.isDigits(parts[1]), CurrentProcess.session(of: pid) == nil
            else { continue }
            ControlGroup(path: "\(base.path)/\(name)").remove()
        }
    }

    /// nil where it wants none.
    func make(for child: Supervision.Child, _ program: Program) throws(Errno) -> ControlGroup? {
        guard let settings = program.resources.controlGroup, let base else { return nil }
        let name = Self.name(child.service, "\(child.id)")
        do throws(ControlGroup.Failure) {
            let group = try base.make(name, settings)
            groups[child.id] = group
            return group
        } catch {
            log.write(.error, "\(error)")
            throw error.errno
        }
    }

    /// The child is no more. Who is left in its group has as long as whoever is left of the child's process group.
    func ended(_ child: Supervision.Child.ID, limit: Duration) {
        guard let group = groups.removeValue(forKey: child), !group.remove() else { return }
        left.insert(group)
        master.after(limit) { [unowned self] in
            group.kill()
            remove(group, tries: 50)
        }
    }

    /// Those who were killed may take a moment to be gone.
    private func remove(_ group: ControlGroup, tries: Int) {
        guard !group.remove(), tries > 0 else {
            _ = left.remove(group)
            return
        }
        master.after(.milliseconds(100)) { [unowned self] in remove(group, tries: tries - 1) }  // bounded: above 0
    }

    /// The last thing that a master does.
    func end() {
        let all = left.union(groups.values)
        for group in all { group.kill() }
        for group in all {
            for _ in 0..<200 where !group.remove() { Poll.pause(.milliseconds(5)) }
        }
        base?.release()
    }

    // MARK: Over an exec

    var records: [StateRecord] {
        guard let base else { return [] }
        var head = StateRecord("cgroups")
        head["path"] = base.path
        head[list: "left"] = left.map(\.path).sorted()
        let all = groups.sorted { $0.key < $1.key }
        head[numbers: "children"] = all.map(\.key)
        head[list: "groups"] = all.map(\.value.path)
        return [head]
    }

    func restore(_ state: SavedState) {
        guard let head = state.first("cgroups"), let path = head["path"] else { return }
        base = ControlGroup(path: path)
        for (child, path) in zip(head[numbers: "children"], head[list: "groups"]) {
            groups[child] = ControlGroup(path: path)
            if master.supervisor.children[child] == nil { ended(child, limit: .seconds(5)) }
        }
        for path in head[list: "left"] {
            left.insert(ControlGroup(path: path))
            remove(ControlGroup(path: path), tries: 50)
        }
    }
}
