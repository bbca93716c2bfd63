extension Master {
    /// Whoever has an eye on this process sees that its loop goes round: nothing where no watchdog was asked for.
    /// sd_watchdog_enabled(3)
    package func beat(_ manager: ServiceManager) {
        guard let interval = manager.watchdogInterval else { return }
        manager.beat()
        after(interval / 2) { [unowned self] in beat(manager) }
    }
}
