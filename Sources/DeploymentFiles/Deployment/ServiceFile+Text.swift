import DaemonCore

extension ServiceFile {
    /// The file's text: of the daemon's description, and of the options that stand on the same command line. `program` is
    /// the executable that the file calls; nil for the one in /usr/sbin.
    package func text(for daemon: Daemon, _ values: OptionValues, program: InstalledProgram? = nil) -> String {
        let deployment = Deployment(daemon, values, program: program, isTemplate: isTemplate)
        return switch self {
        case .systemd, .systemdTemplate: deployment.systemdService
        case .systemdSocket, .systemdSocketTemplate: deployment.systemdSocket
        case .systemdNotifyReload: deployment.systemdNotifyReload
        case .sysv: deployment.sysvScript
        case .openrc: deployment.openrcScript
        case .launchd: deployment.launchdPropertyList
        case .logrotate, .logrotateTemplate: deployment.logrotateFile
        case .newsyslog: deployment.newsyslogFile
        case .daemonctl: deployment.daemonctlFile
        case .kubernetes: deployment.kubernetesManifest
        case .containerfile: deployment.containerFile
        case .defaults: deployment.defaultFile
        }
    }
}
