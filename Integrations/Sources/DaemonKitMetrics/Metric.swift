import CoreMetrics
import Synchronization

/// One value of one kind, whatever swift-metrics calls it.
final class Metric: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler, TimerHandler, Sendable {
    /// As OpenMetrics calls it.
    enum Kind: String, Sendable { case counter, gauge, summary }

    private struct State {
        var value = 0.0
        var count = 0
    }

    let kind: Kind
    private let state = Mutex(State())

    init(_ kind: Kind) { self.kind = kind }

    /// `labels` with their braces, or nothing.
    func lines(_ name: String, _ labels: String) -> String {
        let (value, count) = state.withLock { ($0.value, $0.count) }
        return switch kind {
        case .counter: "\(name)_total\(labels) \(value)\n"
        case .gauge: "\(name)\(labels) \(value)\n"
        case .summary: "\(name)_count\(labels) \(count)\n\(name)_sum\(labels) \(value)\n"
        }
    }

    func increment(by amount: Int64) { increment(by: Double(amount)) }
    func increment(by amount: Double) { state.withLock { $0.value += amount } }
    func decrement(by amount: Double) { increment(by: -amount) }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { state.withLock { $0.value = value } }
    func reset() { set(0.0) }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        state.withLock { state in
            if kind == .gauge {
                state.value = value
                return
            }
            state.value += value
            state.count &+= 1
        }
    }

    /// Seconds, as OpenMetrics wants them.
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
}
