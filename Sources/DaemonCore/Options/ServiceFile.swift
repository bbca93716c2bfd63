/// The deployment files that `--print-service` prints.
package enum ServiceFile: String, CaseIterable, Sendable {
    case systemd
    case systemdSocket = "systemd-socket"
    case sysv, openrc, launchd, logrotate, newsyslog, daemonctl, kubernetes, containerfile
    /// The options and the account, for the init scripts and the unit.
    case defaults = "default"
}
