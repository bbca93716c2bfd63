extension Service {
    init(_ record: StateRecord) {
        self.init(name: record["name"] ?? "", stopSignal: Int32(clamping: record[number: "stopSignal"] ?? 15))
        instances = min(max(0, record[number: "instances"] ?? 1), 1000)
        switch record["readiness"] {
        case "notified": readiness = .notified
        case "alive": readiness = .alive(record[duration: "aliveFor"] ?? .zero)
        case "completed": readiness = .completed
        default: readiness = .none
        }
        startTimeout = record[duration: "startTimeout"]
        restart.when = record["restart"].flatMap(Restart.When.init) ?? .always
        restart.successCodes = Set(record[numbers: "successCodes"].map { Int32(clamping: $0) })
        restart.finalCodes = Set(record[numbers: "finalCodes"].map { Int32(clamping: $0) })
        restart.backoff.base = record[duration: "backoffBase"] ?? restart.backoff.base
        restart.backoff.maximum = record[duration: "backoffMaximum"] ?? restart.backoff.maximum
        restart.backoff.jitter = min(max(0, record[number: "jitter"] ?? 0), 100)
        if let count = record[number: "limit"], let window = record[duration: "window"] {
            restart.limit = Restart.Limit(count: count, window: window)
        }
        stopTimeout = record[duration: "stopTimeout"]
        watchdog = record[duration: "watchdog"]
        switch record["onReload"] {
        case "keep": onReload = .keep
        case "signal": onReload = .signal(Int32(clamping: record[number: "reloadSignal"] ?? 1))
        case "restart": onReload = .restart
        default: onReload = .replace
        }
        after = (record["after"] ?? "").split(separator: "\u{0}").map(String.init)
        requires = (record["requires"] ?? "").split(separator: "\u{0}").map(String.init)
        isCritical = !record[flag: "uncritical"]
        leadsGroup = !record[flag: "sharesGroup"]
    }

    func record(_ index: Int) -> StateRecord {
        var record = StateRecord("service")
        record[number: "index"] = index
        record["name"] = name
        record[number: "stopSignal"] = Int(stopSignal)
        record[number: "instances"] = instances
        switch readiness {
        case .notified: record["readiness"] = "notified"
        case .alive(let time):
            record["readiness"] = "alive"
            record[duration: "aliveFor"] = time
        case .completed: record["readiness"] = "completed"
        case .none: break
        }
        record[duration: "startTimeout"] = startTimeout
        record["restart"] = restart.when.rawValue
        record[numbers: "successCodes"] = restart.successCodes.sorted().map(Int.init)
        record[numbers: "finalCodes"] = restart.finalCodes.sorted().map(Int.init)
        record[duration: "backoffBase"] = restart.backoff.base
        record[duration: "backoffMaximum"] = restart.backoff.maximum
        record[number: "jitter"] = restart.backoff.jitter
        record[number: "limit"] = restart.limit?.count
        record[duration: "window"] = restart.limit?.window
        record[duration: "stopTimeout"] = stopTimeout
        record[duration: "watchdog"] = watchdog
        switch onReload {
        case .replace: break
        case .keep: record["onReload"] = "keep"
        case .restart: record["onReload"] = "restart"
        case .signal(let signal):
            record["onReload"] = "signal"
            record[number: "reloadSignal"] = Int(signal)
        }
        record["after"] = after.isEmpty ? nil : after.joined(separator: "\u{0}")
        record["requires"] = requires.isEmpty ? nil : requires.joined(separator: "\u{0}")
        record[flag: "uncritical"] = !isCritical
        record[flag: "sharesGroup"] = !leadsGroup
        return record
    }
}

extension Plan {
    /// `isWhole` is false when a service of it was lost.
    init(_ record: StateRecord, services: [Int: Service], isWhole: inout Bool) {
        let numbers = record[numbers: "services"]
        self.init(services: numbers.compactMap { services[$0] })
        if self.services.count != numbers.count { isWhole = false }
        rollout = record[flag: "retriesStarts"] ? .persistent : .allOrNothing
        retireDelay = record[duration: "retireDelay"] ?? .zero
        maximumOldGenerations = record[number: "maximumOldGenerations"].map { max(0, $0) }
        maximumOldAge = record[duration: "maximumOldAge"]
        stopsOnFailure = record[flag: "stopsOnFailure"]
        reloadInterval = record[duration: "reloadInterval"]
        reloadsAfterUpgrade = record[flag: "reloadsAfterUpgrade"]
    }

    func record(_ role: String, _ indices: [Service: Int]) -> StateRecord {
        var record = StateRecord("plan")
        record["role"] = role
        record[numbers: "services"] = services.compactMap { indices[$0] }
        // Two flags that earlier versions could set one by one.
        record[flag: "retriesStarts"] = rollout == .persistent
        record[flag: "countsAttempts"] = rollout == .persistent
        record[duration: "retireDelay"] = retireDelay
        record[number: "maximumOldGenerations"] = maximumOldGenerations
        record[duration: "maximumOldAge"] = maximumOldAge
        record[flag: "stopsOnFailure"] = stopsOnFailure
        record[duration: "reloadInterval"] = reloadInterval
        record[flag: "reloadsAfterUpgrade"] = reloadsAfterUpgrade
        return record
    }
}
