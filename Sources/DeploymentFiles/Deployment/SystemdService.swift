import DaemonCore
import Text

/// systemd.service(5), systemd.exec(5)
extension Deployment {
    var systemdService: String {
        joinedLines(
            head + [
                "[Unit]",
                "Description=\(Quoting.systemdSetting(summary))\(isTemplate ? " (%i)" : "")",
            ] + networkLines + [""] + serviceLines + [""] + accountLines + [""] + hardeningLines + [
                "",
                "[Install]",
                "WantedBy=multi-user.target",
            ])
    }

    private var head: [String?] {
        guard isTemplate else {
            return [
                "# systemd unit of \(name), as `\(name) --print-service systemd` prints it.",
                "# Its user must exist; options for this machine go to /etc/default/\(name).",
            ]
        }
        return [
            "# systemd template unit, as `\(name) --print-service systemd@` prints it: \(name)@INSTANCE.service is one of them.",
            "# Their user must exist; options go to /etc/default/\(name), those of one to /etc/default/\(name).INSTANCE.",
        ]
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
        let words = ["--foreground"] + files + givenOptions
        let command = ([Quoting.systemdPath(program)] + words.map(systemdWord)).joined(separator: " ")
        return [
            "[Service]",
            "# systemd 253 and later: the drop-in of `--print-service systemd-notify-reload` makes it notify-reload.",
            "Type=notify",
            "NotifyAccess=main",
            "EnvironmentFile=-/etc/default/\(name)",
            isTemplate ? "EnvironmentFile=-/etc/default/\(name).%i" : nil,
            "ExecStart=\(command) $DAEMON_OPTS",
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
        let others = directories.filter { directory in !managed.contains { directory.hasPrefix($0) } }
        return [
            "User=\(user)",
            group.map { "Group=\($0)" },
            setting("RuntimeDirectory", runtime),
            // The file of a socket unit stays where the service stops, and so does another instance's.
            keepsRunDirectory ? "RuntimeDirectoryPreserve=yes" : nil,
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

    private func systemdWord(_ word: String) -> String { instances(Quoting.systemdWord(word)) }

    /// In a template `%i` stays what it is; any other percent sign is one.
    func instances(_ escaped: String) -> String {
        isTemplate ? escaped.split(separator: "%%i", omittingEmptySubsequences: false).joined(separator: "%i") : escaped
    }

    private var keepsRunDirectory: Bool {
        let shared = isTemplate && directories.contains { $0.hasPrefix("/run/") && !$0.contains("%i") }
        return shared
            || socketFile.map { directories.contains(split(path: $0).directory) && $0.hasPrefix("/run/") } ?? false
    }

    private func below(_ parent: String) -> [String] {
        directories.filter { $0.hasPrefix(parent) }.map { String($0.dropFirst(parent.count)) }
    }

    private func setting(_ name: String, _ paths: [String]) -> String? {
        paths.isEmpty ? nil : "\(name)=\(paths.map { instances(Quoting.systemdPath($0)) }.joined(separator: " "))"
    }

    /// Not in the unit itself: before systemd 253 one of this type could not be reloaded at all.
    var systemdNotifyReload: String {
        joinedLines([
            "# Drop-in of \(name)'s unit, as `\(name) --print-service systemd-notify-reload` prints it, for",
            "# /etc/systemd/system/\(name).service.d/ with systemd 253 and later: `systemctl reload \(name)` sends HUP, and",
            "# waits for the end of the reload.",
            "[Service]",
            "Type=notify-reload",
            "ExecReload=",
        ])
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
            // What is hidden could not be executed.
            installed.isBelow(["/home/", "/root/", "/run/user/"]) ? "ProtectHome=read-only" : "ProtectHome=yes",
            installed.isBelow(["/tmp/", "/var/tmp/"]) ? nil : "PrivateTmp=yes",
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
