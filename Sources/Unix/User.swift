#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// An entry of the user database. getpwnam(3)
package struct User: Sendable, Hashable {
    package let id: UserID
    package let name: String
    package let group: GroupID
    /// Bytes, as the database has them; empty for none.
    package let home: [UInt8]
    package let shell: [UInt8]

    package init(id: UserID, name: String, group: GroupID, home: [UInt8] = [], shell: [UInt8] = []) {
        self.id = id
        self.name = name
        self.group = group
        self.home = home
        self.shell = shell
    }

    /// By name, or by number where no such name exists; nil when neither does. A number without an entry has no name.
    package static func find(_ text: String) throws(Errno) -> User? {
        if let found = try unsafe entry({ unsafe getpwnam_r(text, $0, $1, $2, $3) }) { return found }
        guard let id = UserID(text) else { return nil }
        // bounded: of the same width
        return try unsafe entry { unsafe getpwuid_r(id, $0, $1, $2, $3) } ?? User(id: id, name: "", group: GroupID(id))
    }

    private typealias Lookup = (
        UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
        UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
    ) -> Int32

    private static func entry(_ lookup: Lookup) throws(Errno) -> User? {
        var size = 1024
        while true {
            var record = unsafe passwd()
            var found: UnsafeMutablePointer<passwd>?
            var buffer = [CChar](repeating: 0, count: size)  // bounded: 1 MiB at the most
            let error = unsafe buffer.withUnsafeMutableBufferPointer { space in
                guard let base = space.baseAddress else { return ERANGE }
                return unsafe lookup(&record, base, space.count, &found)
            }
            if error == ERANGE && size < 1 << 20 {
                size *= 4  // bounded: 1 MiB at the most
                continue
            }
            // "Not found" is 0 with no record; some systems give one of these instead. getpwnam(3), NOTES
            if unsafe found == nil && ![0, ENOENT, ESRCH, EBADF, EPERM].contains(error) {
                throw Errno(rawValue: error)
            }
            guard unsafe found != nil else { return nil }
            // The strings lie in `buffer`, which is still alive.
            return unsafe buffer.withUnsafeBufferPointer { _ in
                unsafe User(
                    id: record.pw_uid, name: String(cString: record.pw_name), group: record.pw_gid,
                    home: bytes(of: record.pw_dir), shell: bytes(of: record.pw_shell))
            }
        }
    }

    private static func bytes(of text: UnsafePointer<CChar>?) -> [UInt8] {
        guard let text = unsafe text else { return [] }
        return unsafe Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }
}

/// An entry of the group database. getgrnam(3)
package enum Group {
    /// By name, or by number where no such name exists; nil when neither does.
    package static func find(_ text: String) -> GroupID? {
        if let entry = unsafe getgrnam(text) { return unsafe entry.pointee.gr_gid }
        return GroupID(text)
    }

    #if os(Linux)
    /// Every group of the user, `group` among them: what initgroups(3) would set, while the database is within reach.
    package static func all(of user: String, with group: GroupID) -> [GroupID] {
        var count: Int32 = 64
        while true {
            var groups = [GroupID](repeating: 0, count: Int(count))  // bounded: of the same width
            // bounded: the kernel counts 65,536 groups at the most
            if unsafe getgrouplist(user, group, &groups, &count) >= 0 { return Array(groups.prefix(Int(count))) }
        }
    }
    #endif
}

/// Gives root's rights up for good.
package enum Privileges {
    /// initgroups(3), setgid(2), setuid(2), in this order, then checks that none of it can be undone.
    ///
    /// `groups`, where given, are set instead of asking the group database, which a chroot hides.
    package static func drop(to user: User, group: GroupID, groups: [GroupID]? = nil) throws(Errno) {
        if let groups = groups ?? (user.name.isEmpty ? [group] : nil) {
            _ = try checked { unsafe setgroups(groups.count, groups) }
        } else {
            _ = try checked { unsafe initgroups(user.name, initgroupsID(group)) }
        }
        // For root these set the real, the effective and the saved id.
        _ = try checked { setgid(group) }
        _ = try checked { setuid(user.id) }
        let stillRoot = user.id != 0 && (setuid(0) == 0 || seteuid(0) == 0)
        guard !stillRoot, getuid() == user.id, geteuid() == user.id, getgid() == group, getegid() == group else {
            throw .notPermitted
        }
    }

    #if os(Linux)
    private static func initgroupsID(_ group: GroupID) -> GroupID { group }
    #else
    private static func initgroupsID(_ group: GroupID) -> Int32 { Int32(bitPattern: group) }
    #endif
}
