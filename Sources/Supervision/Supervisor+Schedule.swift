/// Reloads by themselves.
extension Supervisor {
    mutating func scheduleReload() {
        schedule.due = .never
        guard let interval = reloadInterval, let base = schedule.base, rollout == nil, stopRequest == nil else {
            return
        }
        schedule.due = .at(max(now, base + interval))
    }

    private var reloadInterval: Duration? { plan?.reloadInterval.flatMap { $0 > .zero ? $0 : nil } }

    mutating func reloadIsDue() {
        schedule.due = .never
        guard let interval = reloadInterval, let base = schedule.base, rollout == nil else { return }
        let last = base + interval * 2  // bounded: a Duration counts 5 000 000 000 000 years
        let isAlone = census.oldGenerations.isEmpty
        guard isAlone || now >= last else {
            schedule.due = .whenAlone(orAt: last)
            return
        }
        requestReload(nil, .interval(interval, forced: !isAlone))
    }

    /// An old child has gone.
    mutating func reloadWhenAlone() {
        if schedule.isWhenAlone, census.oldGenerations.isEmpty { reloadIsDue() }
    }
}
