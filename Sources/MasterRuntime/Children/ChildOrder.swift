import DaemonCore
import Supervision

/// The children of one moment in their order: generation, service, instance, pid. It is found piece by piece, since
/// there may be ten thousand; who ends meanwhile is left out.
package struct ChildOrder {
    package typealias ID = Supervision.Child.ID

    /// A sorted part.
    private struct Run {
        var rest: ArraySlice<ID>
        /// The first that is not merged yet.
        var head: Supervision.Child
    }

    /// How many there were.
    package let count: Int
    private var unsorted: ArraySlice<ID>
    private var runs: [Run] = []
    /// As far as it is found.
    package private(set) var ids: [ID] = []

    package init(_ children: some Sequence<ID>) {
        unsorted = Array(children)[...]
        count = unsorted.count
    }

    /// As an earlier image had found it.
    package init(found ids: [ID]) {
        unsorted = []
        self.ids = ids
        count = ids.count
    }

    package var isComplete: Bool { unsorted.isEmpty && runs.isEmpty }

    /// Sorts or merges a few; `child` looks one up.
    package mutating func advance(_ child: (ID) -> Supervision.Child?) {
        guard unsorted.isEmpty else {
            let part = unsorted.prefix(256)
            unsorted = unsorted.dropFirst(256)
            let sorted = part.compactMap(child).filter { $0.pid > 0 }.sorted(by: Self.precedes)
            if let head = sorted.first { runs.append(Run(rest: sorted.dropFirst().map(\.id)[...], head: head)) }
            return
        }
        for _ in 0..<16 {
            guard var first = runs.indices.first else { return }
            for index in runs.indices.dropFirst() where Self.precedes(runs[index].head, runs[first].head) {
                first = index
            }
            ids.append(runs[first].head.id)
            popHead(of: first, child)
        }
    }

    private mutating func popHead(of run: Int, _ child: (ID) -> Supervision.Child?) {
        while let id = runs[run].rest.popFirst() {  // bounded: an index of the runs
            guard let next = child(id) else { continue }
            runs[run].head = next  // bounded: an index of the runs
            return
        }
        runs.remove(at: run)  // bounded: an index of the runs
    }

    private static func precedes(_ one: Supervision.Child, _ other: Supervision.Child) -> Bool {
        (one.generation, one.service, one.instance, one.pid)
            < (other.generation, other.service, other.instance, other.pid)
    }
}
