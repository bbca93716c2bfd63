import Unix

/// What the names of users and groups mean, and the error where they mean nobody.
package enum AccountNames {
    package static func user(_ name: String) throws(DaemonError) -> User {
        let found = try attempt(.wrongUser, "cannot look up the user '\(name)'") { () throws(Errno) in
            try User.find(name)
        }
        guard let found else { throw DaemonError(.wrongUser, "cannot find user id for '\(name)'") }
        return found
    }

    package static func group(_ name: String) throws(DaemonError) -> GroupID {
        guard let found = Group.find(name) else {
            throw DaemonError(.wrongUser, "cannot find group id for '\(name)'")
        }
        return found
    }

    /// All groups of the user; nil where it has no name that they could be looked up by, or the system does not tell.
    package static func groups(of user: User, with group: GroupID) -> [GroupID]? {
        #if os(Linux)
        user.name.isEmpty ? nil : Group.all(of: user.name, with: group)
        #else
        nil
        #endif
    }
}

extension SpawnAccount {
    /// Whom a child is to run as; nil where neither is named, or where that is what we are already.
    package static func resolve(
        user userName: String?, group groupName: String?
    ) throws(DaemonError) -> SpawnAccount? {
        guard userName != nil || groupName != nil else { return nil }
        let user =
            try userName.map(AccountNames.user)
            ?? User(id: CurrentProcess.userID, name: "", group: CurrentProcess.groupID)
        let group = try groupName.map(AccountNames.group) ?? user.group
        if user.id == CurrentProcess.userID, group == CurrentProcess.groupID, user.id != 0 { return nil }
        return SpawnAccount(
            user: user.id, group: group, groups: AccountNames.groups(of: user, with: group) ?? [group])
    }
}
