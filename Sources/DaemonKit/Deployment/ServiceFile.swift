/// The deployment files that `--print-service` prints.
enum ServiceFile: String, CaseIterable, Sendable {
    case systemd, sysv, openrc, launchd, logrotate
}

extension ServiceFile {
    func text(for daemon: Daemon, _ values: OptionValues) -> String { "" }
}
