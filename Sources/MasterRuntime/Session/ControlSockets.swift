import DaemonCore
import Supervision
import Unix

/// The control sockets of a session: those that its start or its setup asks for, which a reload may change.
final class ControlSockets {
    private unowned let master: Master
    private let accounts: ControlAccounts
    /// Gives a new socket its commands.
    private let equip: (ControlServer) -> Void
    private var open: [ControlServer] = []
    /// As they were asked for, by their paths.
    private var requests: [String: ControlSocketRequest] = [:]
    /// Bound by the load that is not in force yet, and those whose last sessions are still open.
    private var fresh: [ControlServer] = []
    private var retired: [ControlServer] = []

    init(_ master: Master, equip: @escaping (ControlServer) -> Void) {
        self.master = master
        accounts = ControlAccounts(master)
        self.equip = equip
    }

    /// Those of the start.
    func open(_ requests: [ControlSocketRequest]) throws(DaemonError) {
        for request in requests { open.append(try bind(request)) }
    }

    private func bind(_ request: ControlSocketRequest) throws(DaemonError) -> ControlServer {
        let socket = try ControlServer.bind(request.path, mode: request.mode, owner: request.owner)
        requests[request.path] = request
        return try serve(socket.descriptor, socket.file, request.level)
    }

    private func serve(
        _ listener: Int32, _ file: OwnedFile, _ level: ControlLevel
    ) throws(DaemonError) -> ControlServer {
        let server = try attempt(.listener, "cannot watch \(file.path)") { () throws(Errno) in
            try ControlServer(listener, file: file, master: master, accounts: accounts, level: level)
        }
        server.servers = { [unowned self] in open }
        equip(server)
        return server
    }

    // MARK: Reloads

    /// Binds what is new.
    func load(_ setup: MasterSetup) throws(DaemonError) {
        do {
            for request in setup.controls ?? [] where !open.contains(where: { $0.file.path == request.path }) {
                fresh.append(try bind(request))
            }
        } catch {
            abandon()
            throw error
        }
    }

    func commit(_ setup: MasterSetup?) {
        open += fresh
        fresh = []
        retired.removeAll(where: \.sessions.isEmpty)
        guard let wanted = setup?.controls else { return }
        for control in open {
            if let request = wanted.first(where: { $0.path == control.file.path }) {
                control.adapt(to: request)
                requests[request.path] = request
            } else {
                control.retire()
                retired.append(control)
            }
        }
        open.removeAll { control in !wanted.contains { $0.path == control.file.path } }
    }

    /// Binds those anew whose files somebody has removed; returns what went wrong. Sessions go on.
    func renew() -> [DaemonError] {
        var errors: [DaemonError] = []
        for (index, control) in open.enumerated() where !control.file.isInPlace {
            do {
                let request = requests[control.file.path] ?? ControlSocketRequest(control.file.path)
                let fresh = try bind(request)
                fresh.state = control.state
                control.retire()
                retired.append(control)
                open[index] = fresh
            } catch {
                errors.append(error)
            }
        }
        return errors
    }

    func abandon() {
        for control in fresh { control.retire() }
        fresh = []
    }

    /// In the prompt.
    func show(_ state: String) { for control in open { control.state = state } }

    /// At the end: what clients take at once is said, and the files go.
    func end() {
        for control in open + retired { control.flushAll() }
        for control in open { control.file.remove() }
    }

    // MARK: Over an exec

    var descriptors: [Int32] { open.flatMap(\.descriptors) }

    var records: [StateRecord] {
        open.flatMap { control in
            var head = StateRecord("control")
            head[number: "descriptor"] = Int(control.listener)
            head["path"] = control.file.path
            head["identity"] = control.file.identity.text
            head[number: "level"] = control.level.rawValue
            let request = requests[control.file.path]
            head[number: "mode"] = request.map { Int($0.mode) }
            head[number: "user"] = request?.owner?.user.map { Int($0) }  // bounded: a wider type
            head[number: "group"] = request?.owner?.group.map { Int($0) }  // bounded: a wider type
            return [head] + control.records
        }
    }

    /// `expect` is told of the sessions that wait; returns what went wrong.
    func restore(
        _ state: SavedState, expect: (Requester, @escaping (String) -> Void) -> Void
    ) -> [DaemonError] {
        var errors: [DaemonError] = []
        for record in state.all("control") {
            guard let number = record[descriptor: "descriptor"], let path = record["path"],
                let identity = record["identity"].flatMap(FileStatus.Identity.init)
            else { continue }
            let level = record[number: "level"].flatMap(ControlLevel.init) ?? .user
            do {
                let server = try serve(number, OwnedFile(path: path, identity: identity), level)
                open.append(server)
                let mode = record[number: "mode"].flatMap { FileMode(exactly: $0) } ?? 0o600
                var request = ControlSocketRequest(path)
                (request.mode, request.level) = (mode, level)
                let user = record[number: "user"].flatMap { UserID(exactly: $0) }
                let group = record[number: "group"].flatMap { GroupID(exactly: $0) }
                if user != nil || group != nil { request.owner = FileOwner(user: user, group: group) }
                requests[path] = request
                server.restore(state, expect: expect)
            } catch {
                errors.append(error)
            }
        }
        return errors
    }
}
