import DaemonCore

extension ServiceFile {
    /// The file's text: of the daemon's description, and of the options that stand on the same command line.
    package func text(for daemon: Daemon, _ values: OptionValues) -> String {
        let deployment = Deployment(daemon, values)
        return switch self {
        case .systemd: deployment.systemdService
        case .systemdSocket: deployment.systemdSocket
        case .sysv: deployment.sysvScript
        case .openrc: deployment.openrcScript
        case .launchd: deployment.launchdPropertyList
        case .logrotate: deployment.logrotateFile
        case .newsyslog: deployment.newsyslogFile
        case .daemonctl: deployment.daemonctlFile
        case .kubernetes: deployment.kubernetesManifest
        case .containerfile: deployment.containerFile
        case .defaults: deployment.defaultFile
        }
    }
}
