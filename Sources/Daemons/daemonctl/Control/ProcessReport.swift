import MasterRuntime
import Text
import Unix

/// What a master answers to `show proc json`. What it does not say is nil: other versions may know less.
struct ProcessReport: Equatable, Sendable {
    struct Child: Equatable, Sendable {
        let pid: ProcessID
        var service: String?
        var type: String?
        var instance: Int?
        var generation: Int?
        var state: String?
        var uptime: Int?
        var restarts: Int?
        var residentSize: Int?
        var processorSeconds: Double?
    }

    /// An instance that does not run.
    struct Vacancy: Equatable, Sendable {
        var service: String?
        var type: String?
        var instance: Int?
        var state: String?
        /// Of its last end, as a shell reports it.
        var status: Int?
        /// In seconds.
        var nextAttempt: Double?
    }

    let pid: ProcessID
    var version: String?
    var generation: Int?
    var failedReloads: Int?
    var isReloading: Bool
    var isStopping: Bool
    var uptime: Int?
    let children: [Child]
    let vacancies: [Vacancy]

    /// nil where it is none.
    init?(_ bytes: [UInt8]) {
        guard let value = try? JSON(bytes), let pid = Self.pid(value), let children = value["children"]?.list else {
            return nil
        }
        self.pid = pid
        version = value["version"]?.text
        generation = value["generation"]?.whole
        failedReloads = value["failed_reloads"]?.whole
        isReloading = value["reloading"]?.flag ?? false
        isStopping = value["stopping"]?.flag ?? false
        uptime = value["uptime_seconds"]?.whole
        vacancies = (value["not_running"]?.list ?? []).map { vacancy in
            Vacancy(
                service: vacancy["service"]?.text, type: vacancy["type"]?.text, instance: vacancy["instance"]?.whole,
                state: vacancy["state"]?.text, status: vacancy["last_status"]?.whole,
                nextAttempt: vacancy["next_attempt_seconds"]?.decimal)
        }
        self.children = children.compactMap { child in
            guard let pid = Self.pid(child) else { return nil }
            return Child(
                pid: pid, service: child["service"]?.text, type: child["type"]?.text,
                instance: child["instance"]?.whole, generation: child["generation"]?.whole,
                state: child["state"]?.text, uptime: child["uptime_seconds"]?.whole,
                restarts: child["restarts"]?.whole, residentSize: child["rss_bytes"]?.whole,
                processorSeconds: child["cpu_seconds"]?.decimal)
        }
    }

    private static func pid(_ value: JSON) -> ProcessID? {
        value["pid"]?.whole.flatMap { ProcessID(exactly: $0) }.flatMap { $0 > 0 ? $0 : nil }
    }

    var state: String {
        if isStopping { return "stopping" }
        if isReloading { return "reloading" }
        return (failedReloads ?? 0) > 0 ? "reload-failed" : "running"
    }
}
