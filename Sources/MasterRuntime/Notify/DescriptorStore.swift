import DaemonCore
import Supervision
import Unix

/// Descriptors that children have given the master to keep: the next children of their service get them back, behind
/// the sockets of LISTEN_FDS. FDSTORE=1 in sd_pid_notify_with_fds(3)
struct DescriptorStore {
    struct Entry {
        let name: String
        let descriptor: Int32
        /// It goes when nobody is behind it any more: unless FDPOLL=0 was said.
        var isPolled = true
    }

    enum Outcome: Equatable {
        /// Under this number.
        case kept(Int32)
        /// The same open file is there already, whatever its name.
        case duplicate
        case noRoom
    }

    /// Of one service; what comes beyond is refused.
    static let most = 64

    private var entries: [String: [Entry]] = [:]

    subscript(service: String) -> [Entry] { entries[service] ?? [] }

    func room(for service: String) -> Int { max(0, Self.most - self[service].count) }

    /// Keeps a copy.
    mutating func add(_ descriptor: Int32, name: String?, isPolled: Bool = true, for service: String) -> Outcome {
        if self[service].contains(where: { Descriptor.isSameOpenFile($0.descriptor, descriptor) }) { return .duplicate }
        guard self[service].count < Self.most, let copy = try? Descriptor.duplicate(descriptor, above: [2]) else {
            return .noRoom
        }
        entries[service, default: []].append(Entry(name: name ?? "stored", descriptor: copy, isPolled: isPolled))
        return .kept(copy)
    }

    /// Forgets the descriptor, which is the caller's then, for `SentDescriptors.close`.
    mutating func remove(_ descriptor: Int32, for service: String) {
        entries[service] = self[service].filter { $0.descriptor != descriptor }
    }

    var polled: [(service: String, descriptor: Int32)] {
        entries.flatMap { service, stored in stored.filter(\.isPolled).map { (service, $0.descriptor) } }
    }

    /// FDSTOREREMOVE=1: what goes is the caller's, for `SentDescriptors.close`.
    mutating func remove(name: String, for service: String) -> [Int32] {
        defer { entries[service] = self[service].filter { $0.name != name } }
        return self[service].filter { $0.name == name }.map(\.descriptor)
    }

    /// Services that are gone need nothing any more: what goes is the caller's, for `SentDescriptors.close`.
    mutating func keep(_ services: Set<String>) -> [Int32] {
        defer { entries = entries.filter { services.contains($0.key) } }
        return entries.filter { !services.contains($0.key) }.flatMap { $1.map(\.descriptor) }
    }

    // MARK: Over an exec

    var descriptors: [Int32] { entries.values.flatMap { $0.map(\.descriptor) } }

    var records: [StateRecord] {
        entries.flatMap { service, stored in
            stored.map { entry in
                var record = StateRecord("stored")
                record["service"] = service
                record["name"] = entry.name
                record[number: "descriptor"] = Int(entry.descriptor)
                record[flag: "unpolled"] = !entry.isPolled
                return record
            }
        }
    }

    mutating func restore(_ state: SavedState) {
        for record in state.all("stored") {
            guard let service = record["service"], let name = record["name"],
                let number = record[descriptor: "descriptor"]
            else { continue }
            entries[service, default: []].append(
                Entry(name: name, descriptor: number, isPolled: !record[flag: "unpolled"]))
        }
    }
}
