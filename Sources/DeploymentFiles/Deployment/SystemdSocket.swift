import DaemonCore
import Text

/// systemd.socket(5)
extension Deployment {
    var systemdSocket: String {
        guard !daemon.listens.isEmpty else { return "# \(name) listens nowhere: it needs no socket unit.\n" }
        guard let addresses = systemdAddresses else {
            return "# \(name) has no port of its own: print this file with --port, or with a port in --bind.\n"
        }
        return joinedLines(
            [
                "# systemd socket unit of \(name), as `\(name) --print-service systemd-socket` prints it.",
                "# Wanted only where systemd is to hold the sockets, so that no client is refused during a restart.",
                "[Unit]",
                "Description=Sockets of \(name)",
                "",
                "[Socket]",
            ] + addresses.flatMap(socketLines) + accountLines + [
                "FileDescriptorName=\(name)",
                "",
                "[Install]",
                "WantedBy=sockets.target",
            ])
    }

    private func socketLines(_ address: SystemdAddress) -> [String?] {
        let text = Quoting.systemdSetting(address.text)
        if address.isFile { return ["ListenStream=\(text)"] }
        let kinds = daemon.listens.map { $0 == .stream ? "ListenStream" : "ListenDatagram" }
        return kinds.map { "\($0)=\(text)" } + [bindAddresses.isEmpty ? "BindIPv6Only=both" : nil]
    }

    /// Of a socket's file.
    private var accountLines: [String?] {
        guard socketFile != nil else { return [] }
        return ["SocketUser=\(user)", group.map { "SocketGroup=\($0)" }, "SocketMode=0660", "RemoveOnStop=yes"]
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
