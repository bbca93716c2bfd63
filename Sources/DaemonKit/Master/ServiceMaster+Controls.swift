import Supervision
import Unix

/// The control sockets, which a reload may change.
extension ServiceMaster {
    func open(_ request: ControlSocketRequest, _ master: Master) throws(DaemonError) -> ControlServer {
        let socket = try ControlServer.bind(request.path, mode: request.mode)
        return try serve(socket.descriptor, socket.file, request.level, master)
    }

    func serve(
        _ listener: Int32, _ file: OwnedFile, _ level: ControlLevel, _ master: Master
    ) throws(DaemonError) -> ControlServer {
        let server = try DaemonKit.attempt(.listener, "cannot watch \(file.path)") { () throws(Errno) in
            try ControlServer(listener, file: file, master: master, level: level)
        }
        server.add(commands)
        server.router = self
        server.servers = { [unowned self] in controls }
        server.abandoned = { [unowned self] in forget($0) }
        server.resume = { [unowned self] in ProcessReport($0, self) }
        return server
    }

    // MARK: Reloads

    /// Binds what is new.
    func openControls(_ setup: MasterSetup) throws(DaemonError) {
        guard let wanted = setup.controls, let master else { return }
        do {
            for request in wanted where !controls.contains(where: { $0.file.path == request.path }) {
                freshControls.append(try open(request, master))
            }
        } catch {
            abandonControls()
            throw error
        }
    }

    func commitControls() {
        controls += freshControls
        freshControls = []
        retiredControls.removeAll(where: \.sessions.isEmpty)
        guard let wanted = current?.controls else { return }
        for control in controls {
            if let request = wanted.first(where: { $0.path == control.file.path }) {
                control.adapt(to: request)
            } else {
                control.retire()
                retiredControls.append(control)
            }
        }
        controls.removeAll { control in !wanted.contains { $0.path == control.file.path } }
    }

    func abandonControls() {
        for control in freshControls { control.retire() }
        freshControls = []
    }
}
