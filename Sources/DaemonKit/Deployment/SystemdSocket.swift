import Text

/// systemd.socket(5)
extension Deployment {
    var systemdSocket: String {
        guard !daemon.listens.isEmpty else { return "# \(name) listens nowhere: it needs no socket unit.\n" }
        guard let address = systemdAddress else {
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
            ] + socketLines(Quoting.systemdSetting(address)) + [
                "FileDescriptorName=\(name)",
                "",
                "[Install]",
                "WantedBy=sockets.target",
            ])
    }

    private func socketLines(_ address: String) -> [String?] {
        guard socketFile == nil else {
            return [
                "ListenStream=\(address)", "SocketUser=\(user)", group.map { "SocketGroup=\($0)" }, "SocketMode=0660",
                "RemoveOnStop=yes",
            ]
        }
        let kinds = daemon.listens.map { $0 == .stream ? "ListenStream" : "ListenDatagram" }
        return kinds.map { "\($0)=\(address)" } + [bindAddress == nil ? "BindIPv6Only=both" : nil]
    }

    /// A port alone means the any-address, of both families.
    private var systemdAddress: String? {
        if let socketFile { return socketFile }
        guard let bindAddress else { return port.map { String($0) } }
        if bindAddress.namesPort { return bindAddress.text }
        guard let port else { return nil }
        if case .ipv6 = bindAddress.address, !bindAddress.text.hasPrefix("[") { return "[\(bindAddress.text)]:\(port)" }
        return "\(bindAddress.text):\(port)"
    }
}
