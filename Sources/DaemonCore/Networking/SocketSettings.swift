import Text
import Unix

/// The options of an address, with the names of user and group looked up: before any fork, as a name service may take
/// its time and is out of reach in a chroot.
package struct SocketSettings: Equatable, Sendable {
    /// Of a Unix socket's file, from before anybody can connect; nil leaves it to the umask.
    package var mode: FileMode?
    package var owner: FileOwner?
    /// nil: as long a queue as the system allows.
    package var backlog: Int32?
    /// nil leaves it to who binds.
    package var isIPv6Only: Bool?
    package var freebind = false
    package var reuseport = false

    package init(mode: FileMode? = nil) { self.mode = mode }

    /// A user without a group brings its own.
    package init(_ options: AddressOptions) throws(DaemonError) {
        mode = options.mode.map { FileMode($0) }  // bounded: 0o777 at the most
        if options.user != nil || options.group != nil {
            let user = try options.user.map(AccountNames.user)
            owner = FileOwner(user: user?.id, group: try options.group.map(AccountNames.group) ?? user?.group)
        }
        (backlog, isIPv6Only) = (options.backlog, options.isIPv6Only)
        (freebind, reuseport) = (options.freebind, options.reuseport)
    }

    /// Who becomes the owner of a file where nothing else is asked for: a daemon's own user, which is to remove it.
    package func defaulting(to owner: FileOwner?) -> SocketSettings {
        guard let owner else { return self }
        var settings = self
        settings.owner = FileOwner(
            user: self.owner?.user ?? owner.user, group: self.owner?.group ?? owner.group)
        return settings
    }

    /// What a socket that is bound can still be given: at a reload, and where it was handed down. Returns what it would
    /// have had to have before its bind(2).
    package func adapt(_ listener: Listener) throws(DaemonError) -> [AddressOptions.Word] {
        let tried = "cannot change \(listener.address)"
        if listener.kind == .stream {
            // listen(2) may be called again, and changes the length of the queue only.
            try attempt(.listener, tried) { () throws(Errno) in
                try Socket.listen(listener.fileDescriptor, backlog: backlog ?? Socket.longestBacklog)
            }
        }
        if let file = listener.file {
            try attempt(.listener, tried) { () throws(FileRefusal) in try file.adapt(to: mode, owner) }
        }
        return missing(listener)
    }

    private func missing(_ listener: Listener) -> [AddressOptions.Word] {
        var words: [AddressOptions.Word] = []
        if reuseport, (try? Socket.isSet(.reusePort, of: listener.fileDescriptor)) != true {
            words.append(.reuseport)
        }
        if let isIPv6Only, case .ipv6 = listener.location,
            (try? Socket.isSet(.ipv6Only, of: listener.fileDescriptor)) != isIPv6Only
        {
            words.append(isIPv6Only ? .v6only : .v4v6)
        }
        return words
    }
}

extension FileOwner {
    package init(_ account: Account) { self.init(user: account.user.id, group: account.group) }
}
