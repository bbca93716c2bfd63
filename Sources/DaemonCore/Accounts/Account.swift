import Unix

/// Which user and group the daemon runs as.
package struct Account: Sendable {
    package let user: User
    package let group: GroupID
    /// Looked up before the forks: no library of the name service is loaded in the daemon, least of all from a chroot.
    package let groups: [GroupID]?
    /// A user was named, not only a group.
    let changesUser: Bool

    /// nil when the daemon stays what it was started as. Root drops to the configured user; anybody else must be it.
    package static func resolve(_ daemon: Daemon, _ values: OptionValues) throws(DaemonError) -> Account? {
        let ignoresChecks = values[StandardOption.noUserChecks]
        let userName = values[StandardOption.user] ?? (ignoresChecks ? nil : daemon.user)
        let groupName = values[StandardOption.group] ?? (ignoresChecks ? nil : daemon.group)
        guard userName != nil || groupName != nil else { return nil }
        let user = try userName.map(AccountNames.user)
        let group = try groupName.map(AccountNames.group)
        if CurrentProcess.userID != 0 {
            if !ignoresChecks { try refuseOthers(daemon, user?.id, group) }
            return nil
        }
        let target = user ?? User(root: group ?? CurrentProcess.groupID)
        let main = group ?? target.group
        return Account(
            user: target, group: main, groups: AccountNames.groups(of: target, with: main), changesUser: user != nil)
    }

    private static func refuseOthers(_ daemon: Daemon, _ user: UserID?, _ group: GroupID?) throws(DaemonError) {
        let (uid, gid) = (CurrentProcess.userID, CurrentProcess.groupID)
        if let user, user != uid {
            throw DaemonError(.wrongUser, "\(daemon.name) started using wrong user ID (\(uid)), expected \(user)")
        }
        if let group, group != gid {
            throw DaemonError(.wrongUser, "\(daemon.name) started using wrong group ID (\(gid)), expected \(group)")
        }
    }

    package func drop() throws(DaemonError) {
        try attempt(.privileges, "cannot drop privileges to user \(user.id), group \(group)") { () throws(Errno) in
            try Privileges.drop(to: user, group: group, groups: groups)
        }
        if changesUser { ChildEnvironment.become(user) }
    }
}

extension User {
    fileprivate init(root group: GroupID) { self.init(id: 0, name: "root", group: group) }
}
