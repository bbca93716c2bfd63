import DaemonCore
import Unix

/// What the image and the pod have in common: a root of their own, with nothing in it but the executable.
extension Deployment {
    /// A number, because a root without /etc/passwd knows no names: the one given, else the usual one of images
    /// without root.
    var containerUser: UInt32 { values[StandardOption.user].flatMap { UInt32($0) } ?? 65532 }
    var containerGroup: UInt32 { values[StandardOption.group].flatMap { UInt32($0) } ?? containerUser }

    /// The log goes to standard error, where the container's engine takes it. The account is the container's, and a root
    /// of one's own is what a container is.
    var containerCommand: [String] {
        let hasAccount = daemon.user != nil || daemon.group != nil
        let ignoresChecks = hasAccount && !values[StandardOption.noUserChecks] ? ["--no-user-checks"] : []
        let options = givenOptions.filter { !$0.hasPrefix("--chroot=") }
        return [containerProgram, "--foreground", "--pid-file=\(pidFile)", "--log-file=-"] + ignoresChecks + options
    }

    var containerStatus: [String] { [containerProgram, "--status", "--pid-file=\(pidFile)"] }

    /// Where it must be able to make files, however read-only the root is.
    var containerDirectories: [String] {
        var seen: Set<String> = ["/", ""]
        return ([pidFile] + [socketFile, controlSocket].compactMap(\.self)).map { split(path: $0).directory }
            .filter { seen.insert($0).inserted }
    }

    /// Of an image: `echod:0.1.0`.
    var containerImage: String {
        let version = String(daemon.version.map { Self.isTagLetter($0) ? $0 : "-" }.prefix(128))
        let isPlain = version.first.map { $0 != "." && $0 != "-" } ?? false
        return "\(clusterName):\(isPlain ? version : "latest")"
    }

    private static func isTagLetter(_ letter: Character) -> Bool {
        letter.isASCII && (letter.isLetter || letter.isNumber || "._-".contains(letter))
    }

    /// The name as a label of the domain name system, which images and pods take as well. RFC 1035
    var clusterName: String {
        let letters = name.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        let trimmed = letters.drop { $0 == "-" }.prefix(60)
        guard let first = trimmed.first else { return "daemon" }
        let label = (first.isNumber ? "d-" : "") + String(trimmed)
        return String(label.reversed().drop { $0 == "-" }.reversed())
    }

    // MARK: Network

    /// The port that others can reach: not one of a single address, which no pod knows beforehand.
    var containerPort: UInt16? {
        guard !daemon.listens.isEmpty, listensEverywhere else { return nil }
        let port = bindAddress.flatMap { $0.namesPort ? $0.address.port : nil } ?? port
        return port == 0 ? nil : port
    }

    private var listensEverywhere: Bool {
        switch bindAddress?.address {
        case nil: true
        case .ipv4(let host, _): host == 0
        case .ipv6(let host, _): host == SocketAddress.IPv6.any
        case .unix: false
        }
    }

    var containerPorts: [(name: String, port: UInt16)] {
        guard let containerPort else { return [] }
        var seen: Set<String> = []
        return daemon.listens.map { $0 == .stream ? "tcp" : "udp" }.filter { seen.insert($0).inserted }.map {
            ($0, containerPort)
        }
    }
}
