public import CoreMetrics
import Synchronization

/// A factory of swift-metrics that keeps the values in this process, and writes them as OpenMetrics text.
///
/// In a worker of `--workers` the command `@1 show metrics` of the control socket gives those of the first.
public final class DaemonMetrics: MetricsFactory, Sendable {
    private struct Key: Hashable {
        let label: String
        let dimensions: [Dimension]
    }

    private struct Dimension: Hashable, Comparable {
        let name: String
        let value: String
        static func < (left: Self, right: Self) -> Bool { (left.name, left.value) < (right.name, right.value) }
    }

    private struct State {
        /// Two metrics of the same label and dimensions are one value.
        var values: [Key: Metric] = [:]
    }

    private let state = Mutex(State())

    public init() {}

    /// The values as OpenMetrics 1.0 text, without `# EOF`: one family after the other, in the names' order.
    public var text: String {
        let values = state.withLock(\.values)
        let families = Dictionary(grouping: values) { Self.name($0.key.label) }.sorted { $0.key < $1.key }
        return families.map { name, members in
            let kind = members[0].value.kind
            let lines = members.filter { $0.value.kind == kind }
                .sorted { $0.key.dimensions.lexicographicallyPrecedes($1.key.dimensions) }
                .map { key, metric in metric.lines(name, Self.labels(key.dimensions)) }
            return "# TYPE \(name) \(kind.rawValue)\n\(lines.joined())"
        }.joined()
    }

    private func metric(_ label: String, _ dimensions: [(String, String)], _ kind: Metric.Kind) -> Metric {
        let key = Key(label: label, dimensions: dimensions.map { Dimension(name: $0, value: $1) }.sorted())
        return state.withLock { state in
            if let known = state.values[key], known.kind == kind { return known }
            let fresh = Metric(kind)
            state.values[key] = fresh
            return fresh
        }
    }

    // MARK: MetricsFactory

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        metric(label, dimensions, .counter)
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler { metric(label, dimensions, .counter) }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        metric(label, dimensions, .gauge)
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        metric(label, dimensions, aggregate ? .summary : .gauge)
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        metric(label, dimensions, .summary)
    }

    // Counters that went backwards or vanished would be taken for a restart: values stay as long as the process.
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}

    // MARK: Text

    /// A name of OpenMetrics: `http.requests` is `http_requests`.
    private static func name(_ label: String) -> String {
        let name = String(
            label.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") ? $0 : "_" })
        return name.first?.isNumber == true ? "_\(name)" : name
    }

    private static func labels(_ dimensions: [Dimension]) -> String {
        guard !dimensions.isEmpty else { return "" }
        let pairs = dimensions.map { dimension in
            let value = dimension.value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
                .replacing("\n", with: "\\n")
            return "\(name(dimension.name))=\"\(value)\""
        }
        return "{\(pairs.joined(separator: ","))}"
    }
}
