import CoreMetrics
public import DaemonKit

extension Context {
    /// Makes a ``DaemonMetrics`` the factory of this process, and its values a worker's answer to `show metrics`. Call it
    /// once, in `prepare` or first in main.
    @discardableResult
    public func bootstrapMetrics() -> DaemonMetrics {
        let metrics = DaemonMetrics()
        MetricsSystem.bootstrap(metrics)
        answerMetrics(metrics)
        return metrics
    }

    /// The second half of it, for a factory that is bootstrapped elsewhere, for instance beside others.
    public func answerMetrics(_ metrics: DaemonMetrics) {
        command("show metrics", "what this worker has counted, as OpenMetrics text", level: .user) { _ in
            "\(metrics.text)# EOF\n"
        }
    }
}
