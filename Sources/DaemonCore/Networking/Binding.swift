import Unix

/// Binds listeners. Socket files in the way are judged here, and only after the pid file's lock is held.
package enum Binding {
    /// The sockets of `--bind` and `--port`: at each address one of each kind. `settings` are the options of the
    /// addresses, looked up; where it is nil, that happens here. `keeper` removes socket files after a chroot.
    package static func bind(
        _ binds: [BindAddress], _ settings: [SocketSettings]? = nil, port: UInt16?, kinds: [Listener.Kind],
        keeper: Keeper? = nil
    ) throws(DaemonError) -> [Listener] {
        if binds.isEmpty { return try bindAny(port: port ?? 0, kinds: kinds) }
        var listeners: [Listener] = []
        do throws(DaemonError) {
            for (index, bind) in binds.enumerated() {
                // bounded: there is one for each
                let settings = if let settings { settings[index] } else { try SocketSettings(bind.options) }
                if case .unix = bind.address {
                    listeners.append(try listen(.stream, at: bind.address, settings, keeper: keeper))
                } else {
                    let address = bind.namesPort ? bind.address : bind.address.with(port: port ?? 0)
                    listeners += try bindAll(kinds, at: address, settings)
                }
            }
            return listeners
        } catch {
            for listener in listeners { listener.removeFile() }
            throw error
        }
    }

    /// The any-address: IPv6 with IPv4 within where the system has IPv6, else IPv4.
    private static func bindAny(port: UInt16, kinds: [Listener.Kind]) throws(DaemonError) -> [Listener] {
        do {
            var settings = SocketSettings()
            settings.isIPv6Only = false
            return try bindAll(kinds, at: .ipv6(.any, port: port), settings)
        } catch {
            let missing = [Errno.addressFamilyNotSupported, .addressNotAvailable].map(\.rawValue)
            guard let cause = error.systemError, missing.contains(cause) else { throw error }
            return try bindAll(kinds, at: .ipv4(0, port: port), SocketSettings())
        }
    }

    private static func bindAll(
        _ kinds: [Listener.Kind], at address: SocketAddress, _ settings: SocketSettings
    ) throws(DaemonError) -> [Listener] {
        // A free port of the first kind may be taken in the others: then another one is tried.
        for _ in 0..<32 {
            var address = address
            let wantsFree = address.port == 0
            var listeners: [Listener] = []
            do {
                for kind in kinds {
                    let listener = try listen(kind, at: address, settings)
                    address = listener.location
                    listeners.append(listener)
                }
                return listeners
            } catch {
                guard wantsFree, !listeners.isEmpty, error.systemError == Errno.addressInUse.rawValue else {
                    throw error
                }
            }
        }
        throw DaemonError(.listener, "cannot bind \(address)", .addressInUse)
    }

    /// One socket, bound and listening, and of IPv6 only where nothing else is said. `removing` is told of a stale file.
    package static func listen(
        _ kind: Listener.Kind, at address: SocketAddress, _ settings: SocketSettings = SocketSettings(),
        name: String? = nil, keeper: Keeper? = nil, removing: () -> Void = {}
    ) throws(DaemonError) -> Listener {
        let tried = "cannot bind \(kind == .datagram ? "UDP " : "")\(address)"
        let socket = try attempt(.listener, tried) { () throws(Errno) in
            try Socket.open(address.family, kind.socketKind)
        }
        var file: OwnedFile?
        if case .unix(let path) = address, !address.isAbstract {
            // No abort of the start may come before it knows the file.
            file = try Signal.withAllBlocked { () throws(DaemonError) in
                try bindFile(socket.number, path, kind, settings, removing)
            }
            if let keeper { file = file.map(keeper.keep) }
        } else {
            try attempt(.listener, tried) { () throws(Errno) in
                if kind == .stream { try Socket.set(.reuseAddress, true, of: socket.number) }
                if settings.reuseport { try Socket.set(.reusePort, true, of: socket.number) }
                if case .ipv6 = address { try Socket.set(.ipv6Only, settings.isIPv6Only ?? true, of: socket.number) }
                #if os(Linux)
                if settings.freebind {
                    try Socket.set(address.isIPv6 ? .freebindIPv6 : .freebind, true, of: socket.number)
                }
                #endif
                try Socket.bind(socket.number, to: address)
            }
        }
        do {
            return try finish(socket, kind, address, settings, name, file)
        } catch {
            file?.remove()
            throw DaemonError(.listener, tried, error)
        }
    }

    private static func finish(
        _ socket: consuming FileDescriptor, _ kind: Listener.Kind, _ address: SocketAddress,
        _ settings: SocketSettings, _ name: String?, _ file: OwnedFile?
    ) throws(Errno) -> Listener {
        if kind == .stream {
            try Socket.listen(socket.number, backlog: settings.backlog ?? Socket.longestBacklog)
        }
        try Descriptor.setNonBlocking(socket.number, true)
        let bound = try Socket.localAddress(socket.number) ?? address
        return Listener(socket, kind: kind, location: bound, name: name, file: file)
    }

    private static func bindFile(
        _ socket: Int32, _ path: String, _ kind: Listener.Kind, _ settings: SocketSettings, _ removing: () -> Void
    ) throws(DaemonError) -> OwnedFile {
        let tried = "cannot bind \(path)"
        let file = try bindFile(
            socket, path, kind.socketKind, mode: settings.mode, owner: settings.owner, removing: removing)
        do throws(FileRefusal) {
            let location = try FileLocation(path)
            do {
                try StartAbort.remove(location, identity: file.identity)
            } catch {
                throw FileRefusal(wrapping: error, path)
            }
            return file
        } catch {
            file.remove()
            throw DaemonError(.listener, tried, error)
        }
    }

    /// A socket file that nobody answers at is stale and replaced; a live one and anything else stay. `removing` is told
    /// of one that goes.
    package static func bindFile(
        _ socket: Int32, _ path: String, _ kind: SocketKind, mode: FileMode? = nil, owner: FileOwner? = nil,
        removing: () -> Void = {}
    ) throws(DaemonError) -> OwnedFile {
        let tried = "cannot bind \(path)"
        do {
            return try OwnedFile.bind(socket, to: path, mode: mode, owner: owner)
        } catch let error where error.errno == .addressInUse {
            if let stale = try staleFile(path, kind) {
                removing()
                try attempt(.listener, "cannot remove the stale socket \(path)") { () throws(FileRefusal) in
                    try stale.removeStale()
                }
            }
        } catch {
            throw DaemonError(.listener, tried, error)
        }
        return try attempt(.listener, tried) { () throws(FileRefusal) in
            try OwnedFile.bind(socket, to: path, mode: mode, owner: owner)
        }
    }

    /// A socket that nobody answers at, nil where there is nothing; a live one and anything else are errors.
    private static func staleFile(_ path: String, _ kind: SocketKind) throws(DaemonError) -> OwnedFile? {
        let tried = "cannot bind \(path)"
        let status: FileStatus
        do {
            status = try FileLocation(path).status
        } catch let error as Errno where error == .noSuchFile {
            return nil
        } catch {
            throw DaemonError(.listener, tried, FileRefusal(wrapping: error, path))
        }
        guard status.kind == .socket else {
            throw DaemonError(.listener, tried, reason: "\(status.kind.rawValue) is in the way", .addressInUse)
        }
        do {
            let probe = try Socket.open(SocketAddress.unix(path).family, kind)
            try Descriptor.setNonBlocking(probe.number, true)
            try Socket.connect(probe.number, to: .unix(path))
        } catch .connectionRefused {
            return OwnedFile(path: path, identity: status.identity)
        } catch .wouldBlock {
            // Its queue is full: somebody listens.
        } catch {
            throw DaemonError(.listener, tried, error)
        }
        throw DaemonError(.listener, tried, .addressInUse)
    }
}
