import DaemonKit
import MasterRuntime
import Unix

/// What a configuration asks of the system; a test gives answers of its own.
struct SystemFacts: Sendable {
    var hasUser: @Sendable (String) -> Bool
    var hasGroup: @Sendable (String) -> Bool
    var isDirectory: @Sendable (String) -> Bool
    /// The executable of a name, which is looked up in the path given, or of a path.
    var findExecutable: @Sendable (_ name: String, _ path: String?) throws(Errno) -> String

    /// The same for a child of another user: all that it is to try.
    var findForOther: @Sendable (_ name: String, _ path: String?) throws(Errno) -> [String] = {
        (name, path) throws(Errno) in try Spawn.candidates(name, path: path)
    }

    /// The system that we run on.
    static let real = SystemFacts(
        hasUser: { (try? User.find($0)) != nil }, hasGroup: { Group.find($0) != nil },
        isDirectory: { (try? FileStatus(following: $0))?.kind == .directory },
        findExecutable: { name, path throws(Errno) in
            let found = try Spawn.find(name, path: path)
            let status = try FileStatus(following: found)
            guard status.kind == .regular, Files.isExecutable(found) else { throw .permissionDenied }
            return found
        })
}

extension Configuration {
    /// Everything that keeps the system from following the configuration, in the order of the sections.
    func mistakes(_ facts: SystemFacts) -> [Mistake] {
        var mistakes: [Mistake] = []
        func check(_ isRight: Bool, _ place: Place, _ text: @autoclosure () -> String) {
            if !isRight { mistakes.append(Mistake(place, text())) }
        }
        func checkUser(_ user: String, _ place: Place) {
            check(facts.hasUser(user), place, "cannot find user id for '\(user)'")
        }
        func checkGroup(_ group: String, _ place: Place) {
            check(facts.hasGroup(group), place, "cannot find group id for '\(group)'")
        }
        func checkDirectory(_ directory: String, _ keyword: String, _ place: Place) {
            check(facts.isDirectory(directory), place, "'\(keyword)': cannot find directory '\(directory)'.")
        }
        for socket in global.controlSockets {
            checkDirectory(directory(of: socket.path), "control-socket", socket.place)
            if let user = socket.user { checkUser(user, socket.place) }
            if let group = socket.group { checkGroup(group, socket.place) }
        }
        for bind in listeners.flatMap(\.binds) {
            if case .unix(let path) = bind.address.socket, !bind.address.socket.isAbstract {
                checkDirectory(directory(of: path), "bind", bind.place)
            }
            if let user = bind.options.user { checkUser(user, bind.place) }
            if let group = bind.options.group { checkGroup(group, bind.place) }
        }
        for service in services {
            if let user = service.user { checkUser(user, service.place(of: .user)) }
            if let group = service.group { checkGroup(group, service.place(of: .group)) }
            if let directory = service.directory { checkDirectory(directory, "chdir", service.place(of: .chdir)) }
            if case .file(let path) = service.log {
                checkDirectory(directory(of: path), "log", service.place(of: .log))
            }
            do {
                _ = try executables(of: service, facts)
            } catch {
                check(false, service.place(of: .command), "Cannot execute \(service.command.first ?? ""): \(error)")
            }
        }
        return mistakes
    }

    /// In the background, masterd's own output is its log: who writes there can write masterd's lines, and cut the file.
    var sharedLogs: [Mistake] {
        services.filter { $0.log == .inherit }.compactMap { service in
            guard let user = service.user else { return nil }
            return Mistake(
                service.place(of: .log),
                "'log inherit' lets user '\(user)' write masterd's own log: use 'log prefix', 'log file PATH', "
                    + "'log command TEXT' or masterd in the foreground.")
        }
    }

    /// What a service's command names: looked up in the PATH that the service gets; a relative path counts from its
    /// working directory. There is more than one where the service's user decides.
    func executables(of service: ServiceSection, _ facts: SystemFacts = .real) throws(Errno) -> [String] {
        guard var name = service.command.first else { throw .noSuchFile }
        if name.utf8.contains(UInt8(ascii: "/")), !isAbsolute(name), let directory = service.directory {
            name = "\(directory)/\(name)"
        }
        let path = ownVariables(of: service)["PATH"] ?? environment["PATH"]
        return service.user == nil
            ? [try facts.findExecutable(name, path)] : try facts.findForOther(name, path)
    }

    /// What is set for this service alone.
    func ownVariables(of service: ServiceSection) -> [String: String] {
        let files = service.environmentFiles.flatMap { environmentFiles[$0.name] ?? [] }
        return (files + service.environment).reduce(into: [:]) { $0[$1.name] = $1.value }
    }

    private func directory(of path: String) -> String {
        // bounded: an index of it
        let directory = path[..<(path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex)]
        return directory.isEmpty ? "/" : String(directory)
    }
}
