import DaemonKit
import Unix

extension ConfigurationParser {
    mutating func readListen(_ line: inout Line) throws(Complaint) {
        guard line.keyword == "bind" else { throw unknownKeyword(line, ["bind"]) }
        note(line)
        let bind = try readBind(&line)
        configuration.listeners[configuration.listeners.count - 1].binds.append(bind)
    }

    private func readBind(_ line: inout Line) throws(Complaint) -> Bind {
        let text = try line.next("an address (ADDRESS:PORT, :PORT or the path of a socket)")
        var bind = Bind(try ListenAddress(parsing: text))
        bind.place = line.place
        var options: Set<String> = []
        while let option = line.next() {
            guard options.insert(option).inserted else { throw Complaint("'\(option)' already specified.") }
            switch option {
            // bounded: the range is that of Int32
            case "backlog": bind.backlog = Int32(try line.number(1...Int(Int32.max), of: option))
            case "reuseport": bind.reuseport = true
            case "mode": bind.mode = try line.mode(option)
            case "user": bind.user = try line.value(option, "a user name") { $0.isEmpty ? nil : $0 }
            case "group": bind.group = try line.value(option, "a group name") { $0.isEmpty ? nil : $0 }
            default: throw line.unknown(option, ["backlog", "reuseport", "mode", "user", "group"])
            }
        }
        try check(options, of: bind, text)
        return bind
    }

    private func check(_ options: Set<String>, of bind: Bind, _ text: String) throws(Complaint) {
        let isUnix = bind.address.socket.port == nil
        let isFile = isUnix && !bind.address.socket.isAbstract
        for option in ["mode", "user", "group"] where options.contains(option) && !isFile {
            throw Complaint("'bind': '\(option)' is for the path of a socket, and '\(text)' is none.")
        }
        if bind.reuseport && isUnix { throw Complaint("'bind': 'reuseport' is not for the path of a socket.") }
        if bind.backlog != nil && bind.address.kind == .datagram {
            throw Complaint("'bind': 'backlog' is not for datagrams.")
        }
    }
}
