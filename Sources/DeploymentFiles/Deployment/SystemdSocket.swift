import DaemonCore
import Text

/// systemd.socket(5)
extension Deployment {
    var systemdSocket: String {
        guard !daemon.listens.isEmpty else { return "# \(name) listens nowhere: it needs no socket unit.\n" }
        guard !isTemplate || bindAddresses.contains(where: { $0.text.contains("%i") }) else {
            return
                "# All instances of \(name) would have one address: print this file with --bind=unix:/run/\(name)/%i/socket.\n"
        }
        guard let addresses = systemdAddresses else {
            return "# \(name) has no port of its own: print this file with --port, or with a port in --bind.\n"
        }
        return joinedLines(
            [
                "# systemd socket unit of \(name), as `\(name) --print-service systemd-socket\(isTemplate ? "@" : "")` prints it.",
                "# Wanted only where systemd is to hold the sockets, so that no client is refused during a restart.",
                "[Unit]",
                "Description=Sockets of \(name)\(isTemplate ? " (%i)" : "")",
                "",
                "[Socket]",
            ] + addresses.flatMap(socketLines) + optionLines + accountLines + [
                "FileDescriptorName=\(name)",
                "",
                "[Install]",
                "WantedBy=sockets.target",
            ])
    }

    private func socketLines(_ address: SystemdAddress) -> [String?] {
        let text = instances(Quoting.systemdSetting(address.text))
        if address.isFile { return ["ListenStream=\(text)"] }
        let kinds = daemon.listens.map { $0 == .stream ? "ListenStream" : "ListenDatagram" }
        return kinds.map { "\($0)=\(text)" } + [bindAddresses.isEmpty ? "BindIPv6Only=both" : nil]
    }

    /// The options of the addresses: a unit has one value of each for all of its sockets.
    private var optionLines: [String?] {
        let options = bindAddresses.map(\.options)
        let families = options.compactMap(\.isIPv6Only)
        return [
            options.compactMap(\.backlog).max().map { "Backlog=\($0)" },
            families.isEmpty ? nil : "BindIPv6Only=\(families.contains(false) ? "both" : "ipv6-only")",
            options.contains(where: \.freebind) ? "FreeBind=yes" : nil,
            options.contains(where: \.reuseport) ? "ReusePort=yes" : nil,
        ]
    }

    /// Of a socket's file.
    private var accountLines: [String?] {
        guard let file = bindAddresses.first(where: { $0.file != nil }) else { return [] }
        let mode = String(file.options.mode ?? 0o660, radix: 8)
        let group = file.options.group ?? (file.options.user == nil ? self.group : nil)
        return [
            "SocketUser=\(file.options.user ?? user)", group.map { "SocketGroup=\($0)" }, "SocketMode=0\(mode)",
            "RemoveOnStop=yes",
        ]
    }

    private struct SystemdAddress {
        let text: String
        var isFile = false
    }

    /// A port alone means the any-address, of both families; nil where a port is missing.
    private var systemdAddresses: [SystemdAddress]? {
        if bindAddresses.isEmpty { return port.map { [SystemdAddress(text: String($0))] } }
        var addresses: [SystemdAddress] = []
        for bind in bindAddresses {
            if let path = bind.path {
                addresses.append(SystemdAddress(text: path, isFile: true))
            } else if bind.namesPort {
                addresses.append(SystemdAddress(text: bind.text))
            } else if let port {
                let isBare = bind.host?.contains(":") == true && !bind.text.hasPrefix("[")
                addresses.append(SystemdAddress(text: isBare ? "[\(bind.text)]:\(port)" : "\(bind.text):\(port)"))
            } else {
                return nil
            }
        }
        return addresses
    }
}
