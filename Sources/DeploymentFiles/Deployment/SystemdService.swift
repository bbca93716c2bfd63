import DaemonCore
import Text

/// systemd.service(5), systemd.exec(5)
extension Deployment {
    var systemdService: String {
        joinedLines(
            [
                "# systemd unit of \(name), as `\(name) --print-service systemd` prints it.",
                "# Its user must exist; options for this machine go to /etc/default/\(name).",
                "[Unit]",
                "Description=\(Quoting.systemdSetting(summary))",
            ] + networkLines + [""] + serviceLines + [""] + accountLines + [""] + hardeningLines + [
                "",
                "[Install]",
                "WantedBy=multi-user.target",
            ])
    }

    /// An address of one interface is there only when the network is up.
    private var networkLines: [String?] {
        guard !bindAddresses.isEmpty, bindAddresses.allSatisfy({ $0.path == nil }) else {
            return ["After=network.target"]
        }
        return ["Wants=network-online.target", "After=network-online.target"]
    }

    private var serviceLines: [String?] {
        let files = ["--pid-file=\(pidFile)", "--log-file=\(logFile)"]
        let words = [program, "--foreground"] + files + givenOptions
        return [
            "[Service]",
            "# systemd 253 and later: Type=notify-reload, and no ExecReload=.",
            "Type=notify",
            "NotifyAccess=main",
            "EnvironmentFile=-/etc/default/\(name)",
            "ExecStart=\(words.map(Quoting.systemdWord).joined(separator: " ")) $DAEMON_OPTS",
            "ExecReload=/bin/kill -HUP $MAINPID",
            "Restart=on-failure",
            "# 2: a mistake on the command line, which another start does not mend.",
            "RestartPreventExitStatus=2",
            "WatchdogSec=30",
            "TimeoutStartSec=\(startTimeout.wholeSeconds)",
            "TimeoutStopSec=\(stopTimeout)",
        ]
    }

    /// Never root: systemd makes the directories in which the daemon keeps its files.
    private var accountLines: [String?] {
        let runtime = below("/run/") + below("/var/run/")
        let logs = below("/var/log/")
        let managed = ["/run/", "/var/run/", "/var/log/"]
        let others = folders.filter { folder in !managed.contains { folder.hasPrefix($0) } }
        return [
            "User=\(user)",
            group.map { "Group=\($0)" },
            setting("RuntimeDirectory", runtime),
            setting("LogsDirectory", logs),
            logs.isEmpty ? nil : "LogsDirectoryMode=0750",
            setting("ReadWritePaths", others),
            "UMask=0077",
        ]
            + (daemon.listens.isEmpty
                ? []
                : [
                    "LimitNOFILE=65536",
                    "# With --workers: what is started after a crash of the master has its sockets again.",
                    "FileDescriptorStoreMax=64",
                ])
    }

    private func below(_ parent: String) -> [String] {
        folders.filter { $0.hasPrefix(parent) }.map { String($0.dropFirst(parent.count)) }
    }

    private func setting(_ name: String, _ paths: [String]) -> String? {
        paths.isEmpty ? nil : "\(name)=\(paths.map(Quoting.systemdPath).joined(separator: " "))"
    }

    /// `systemd-analyze security` judges these.
    private var hardeningLines: [String?] {
        let capabilities =
            (needsPrivilegedPort ? ["CAP_NET_BIND_SERVICE"] : []) + (changesRoot ? ["CAP_SYS_CHROOT"] : [])
        return [
            "CapabilityBoundingSet=\(capabilities.joined(separator: " "))",
            capabilities.isEmpty ? nil : "AmbientCapabilities=\(capabilities.joined(separator: " "))",
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
            "ProtectHome=yes",
            "PrivateTmp=yes",
            "PrivateMounts=yes",
            "PrivateDevices=yes",
            "ProtectClock=yes",
            "ProtectControlGroups=yes",
            "ProtectHostname=yes",
            "ProtectKernelLogs=yes",
            "ProtectKernelModules=yes",
            "ProtectKernelTunables=yes",
            "ProtectProc=invisible",
            "ProcSubset=pid",
            "RemoveIPC=yes",
            "LockPersonality=yes",
            "MemoryDenyWriteExecute=yes",
            "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
            "RestrictNamespaces=yes",
            "RestrictRealtime=yes",
            "RestrictSUIDSGID=yes",
            "SystemCallArchitectures=native",
            "SystemCallFilter=@system-service",
            "SystemCallFilter=~@privileged",
            changesRoot ? "SystemCallFilter=chroot" : nil,
            "SystemCallErrorNumber=EPERM",
        ]
    }
}
