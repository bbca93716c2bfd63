/// The deployment files that `--print-service` prints.
package enum ServiceFile: String, CaseIterable, Sendable {
    case systemd
    case systemdSocket = "systemd-socket"
    /// The drop-in for a systemd that can wait for a reload.
    case systemdNotifyReload = "systemd-notify-reload"
    /// For many instances, as systemd names its templates.
    case systemdTemplate = "systemd@"
    case systemdSocketTemplate = "systemd-socket@"
    case sysv, openrc, launchd, logrotate
    case logrotateTemplate = "logrotate@"
    case newsyslog, daemonctl, kubernetes, containerfile
    /// The options and the account, for the init scripts and the unit.
    case defaults = "default"

    package var isTemplate: Bool { rawValue.hasSuffix("@") }
}
