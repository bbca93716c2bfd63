import DaemonKit
import Supervision
import Unix

/// A socket of the superdaemon: bound once, handed to every worker under the same number.
struct BoundSocket {
    let key: String
    let kind: SocketKind
    /// Ours; close-on-exec.
    let descriptor: Int32
    /// The worker's number that was asked for.
    let wanted: Int32?
    /// The file of a Unix socket.
    let file: OwnedFile?

    // MARK: Binding

    static func bind(_ spec: PortSpec, at address: SocketAddress, _ settings: Settings) throws(ExitError) -> BoundSocket
    {
        let tried = "cannot bind \(spec.kind == .datagram ? "UDP " : "")\(spec.text)"
        do {
            let socket = try Socket.open(address.family, spec.kind)
            if spec.kind == .stream { try Socket.set(.reuseAddress, true, of: socket.number) }
            if settings.reuseport { try Socket.set(.reusePort, true, of: socket.number) }
            if case .ipv6 = address { try Socket.set(.ipv6Only, true, of: socket.number) }
            try Socket.bind(socket.number, to: address)
            // Not before: a UDP port in use would be shared with its owner, who would silently miss his datagrams.
            if spec.kind == .datagram { try Socket.set(.reuseAddress, true, of: socket.number) }
            if spec.kind == .stream { try listen(socket.number, settings) }
            return BoundSocket(
                key: spec.key, kind: spec.kind, descriptor: socket.release(), wanted: spec.descriptor, file: nil)
        } catch {
            throw ExitError(tried, error)
        }
    }

    /// A stale socket is replaced; a live one, and whatever else has the name, stays.
    static func bind(path: String, _ settings: Settings, _ console: Console) throws(ExitError) -> BoundSocket {
        // An abstract name would not be what the user wrote: a file whose name begins with '@'.
        let place = path.hasPrefix("@") ? "./\(path)" : path
        let socket = try attempt(path) { () throws(Errno) in
            try Socket.open(SocketAddress.unix(place).family, .stream).release()
        }
        let file: OwnedFile
        do {
            file = try Binding.bindFile(socket, place, .stream, mode: 0o777) {
                console.write("removing existing socket file:\(path)")
            }
        } catch {
            throw ExitError(error)
        }
        return try attempt(path) { () throws(Errno) in
            try listen(socket, settings)
            return BoundSocket(key: path, kind: .stream, descriptor: socket, wanted: nil, file: file)
        }
    }

    private static func attempt<Result>(_ path: String, _ body: () throws(Errno) -> Result) throws(ExitError) -> Result
    {
        do {
            return try body()
        } catch {
            throw ExitError("cannot bind \(path)", error)
        }
    }

    private static func listen(_ socket: Int32, _ settings: Settings) throws(Errno) {
        try Socket.listen(socket, backlog: settings.backlog ?? Socket.longestBacklog)
    }

    /// The numbers that the sockets have in a worker: those asked for, the others from 3 on in a row.
    static func numbers(of sockets: [BoundSocket]) -> [Int32] {
        let taken = Set(sockets.compactMap(\.wanted))
        var next: Int32 = 3
        return sockets.map { socket in
            if let wanted = socket.wanted { return wanted }
            while taken.contains(next) { next += 1 }  // bounded: descriptors are few
            defer { next += 1 }  // bounded: descriptors are few
            return next
        }
    }

    // MARK: Over an exec

    var record: StateText.Record {
        var record = StateText.Record("socket")
        record["key"] = key
        record[flag: "datagram"] = kind == .datagram
        record[number: "descriptor"] = Int(descriptor)
        record[number: "wanted"] = wanted.map(Int.init)
        record["path"] = file?.path
        record["identity"] = file?.identity.text
        record[flag: "unproven"] = file?.isProven == false
        return record
    }

    init(key: String, kind: SocketKind, descriptor: Int32, wanted: Int32?, file: OwnedFile?) {
        self.key = key
        self.kind = kind
        self.descriptor = descriptor
        self.wanted = wanted
        self.file = file
    }

    /// nil where the descriptor is no such socket any more.
    init?(_ record: StateText.Record) {
        guard let key = record["key"], let descriptor = record[number: "descriptor"].flatMap({ Int32(exactly: $0) }),
            let kind = try? Socket.kind(descriptor), kind == (record[flag: "datagram"] ? .datagram : .stream),
            (try? Descriptor.setCloseOnExec(descriptor, true)) != nil
        else { return nil }
        let identity = record["identity"].flatMap(FileStatus.Identity.init)
        let file = record["path"].flatMap { path in
            identity.map { OwnedFile(path: path, identity: $0, isProven: !record[flag: "unproven"]) }
        }
        self.init(
            key: key, kind: kind, descriptor: descriptor,
            wanted: record[number: "wanted"].flatMap { Int32(exactly: $0) }, file: file)
    }
}
