/// Why a file was not opened, made or changed: what stands in the way, and the cure where there is one.
package struct FileRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Reason: Hashable, Sendable {
        case system(Errno)
        case kind(FileStatus.Kind)
        /// It has another name: it may be a file of somebody who never meant to give it to us.
        case hardLink
        /// Of somebody who has no business here.
        case owner(UserID)
        /// A symbolic link that others than root or we may have put there.
        case link
        /// Root would do what it says, and others than root can change it.
        case changeable(owner: UserID, mode: FileMode)
        /// Somebody put another file in the place of ours.
        case replaced
        /// Which file the socket was bound to, nobody can tell.
        case unproven
    }

    package let reason: Reason
    /// What is meant: the file, or a directory or a link on the way to it.
    package let path: String

    package init(_ reason: Reason, _ path: String) {
        self.reason = reason
        self.path = path
    }

    /// Of what a call on the file threw.
    package init(wrapping error: any Error, _ path: String) {
        self = error as? FileRefusal ?? FileRefusal(.system(error as? Errno ?? .notPermitted), path)
    }

    /// The errno that says it best, for who has room for nothing else.
    package var errno: Errno {
        switch reason {
        case .system(let error): error
        case .kind(.directory): .isDirectory
        case .kind: .notADevice
        case .link: .symbolicLinkLoop
        case .hardLink, .owner, .changeable, .unproven: .notPermitted
        case .replaced: .stale
        }
    }

    /// What follows the name of the file that was asked for.
    package var description: String {
        switch reason {
        case .system(let error): "\(error)"
        case .kind(let kind): "is \(kind.rawValue)"
        case .hardLink: "has another name (hard link)"
        case .owner(let user): "belongs to user \(user)"
        case .link: "\(path) is a symbolic link that others than root may have made"
        case .changeable(let owner, let mode): Self.cure(path, owner, mode)
        case .replaced: "somebody replaced it"
        case .unproven: "others can change its directory, and the system does not tell which file is the socket's"
        }
    }

    private static func cure(_ path: String, _ owner: UserID, _ mode: FileMode) -> String {
        let octal = String(mode, radix: 8)
        let digits = String(repeating: "0", count: max(0, 4 - octal.utf8.count)) + octal
        let isForeign = !Trust.isOurs(owner)
        let cures = (isForeign ? ["chown root"] : []) + (mode & 0o022 != 0 ? ["chmod go-w"] : [])
        let advice = cures.map { "'\($0) \(path)'" }.joined(separator: " and ")
        return "\(path) can be changed by others than root: it belongs to user \(owner), with mode \(digits); \(advice)"
    }
}

/// Whom a process believes: root, which can do everything anyhow, and itself.
package enum Trust {
    package static func isOurs(_ owner: UserID) -> Bool {
        owner == 0 || owner == CurrentProcess.userID || isUnmapped(owner)
    }

    /// Nobody but root and we can put another file at a name in the directory: not at a link's name, and not at that
    /// of a file of ours, which the sticky bit protects.
    package static func isSafe(_ directory: FileStatus) -> Bool {
        isOurs(directory.owner) && (directory.mode & 0o022 == 0 || directory.mode & 0o1000 != 0)
    }

    /// Whether the link may be followed. Root follows only what root made. Others go where they may, as ever, but for
    /// strangers' links in a directory such as /tmp, where fs.protected_symlinks may be off.
    static func mayFollow(_ link: FileStatus, in directory: FileStatus) -> Bool {
        if CurrentProcess.userID != 0 {
            return directory.mode & 0o1002 != 0o1002 || isOurs(link.owner) || link.owner == directory.owner
        }
        guard isOurs(directory.owner) else { return false }
        if directory.mode & 0o022 == 0 { return true }
        return isOurs(link.owner) && (directory.mode & 0o002 == 0 || directory.mode & 0o1000 != 0)
    }

    /// In a user name space that has no number for it, the host's root is "nobody": so are the directories that
    /// everything lies in. user_namespaces(7)
    private static func isUnmapped(_ owner: UserID) -> Bool {
        #if os(Linux)
        owner == overflow && !mapsOverflow
        #else
        false
        #endif
    }

    #if os(Linux)
    private static let overflow: UserID = 65534
    private static let mapsOverflow: Bool = {
        guard let file = try? FileDescriptor.open("/proc/self/uid_map", []) else { return true }
        let text = String(decoding: Descriptor.contents(of: file.number, limit: 4096), as: UTF8.self)
        return text.split(separator: "\n").contains { line in
            // bounded: three numbers, compared before they are subtracted
            let numbers = line.split(separator: " ").compactMap { UInt64($0) }
            guard numbers.count == 3 else { return true }
            // bounded: three numbers, compared before they are subtracted
            return numbers[0] <= UInt64(overflow) && UInt64(overflow) - numbers[0] < numbers[2]
        }
    }()
    #endif
}
