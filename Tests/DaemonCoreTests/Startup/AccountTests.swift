import Testing
import Unix

@testable import DaemonCore

@Suite("Account", .enabled(if: CurrentProcess.userID == 0, "needs root"), .timeLimit(.minutes(20)))
struct AccountTests {
    private static func resolve(_ words: [String], user: String? = nil, group: String? = nil) throws -> Account? {
        let daemon = Daemon("testd", version: "1", user: user, group: group)
        return try Account.resolve(
            daemon, CommandLineParser(words, options: OptionList.standard.offered(by: daemon)).values)
    }

    private static func becomeUser(_ id: UInt32) throws {
        try Privileges.drop(to: User(id: id, name: "", group: id), group: id)
    }

    @Test("root stays root where no user is configured")
    func none() throws { #expect(try Self.resolve([]) == nil) }

    @Test("root drops to the configured user and its group, and the command line goes before")
    func drops() throws {
        let configured = try #require(try Self.resolve([], user: "nobody"))
        #expect(configured.user.name == "nobody" && configured.group == configured.user.group)
        let given = try #require(try Self.resolve(["-u", "54321", "-g", "54322"], user: "nobody"))
        #expect(given.user.id == 54321 && given.group == 54322)
        let groupOnly = try #require(try Self.resolve(["-g", "54322"]))
        #expect(groupOnly.user.id == 0 && groupOnly.group == 54322)
    }

    @Test("an unknown user or group is named")
    func unknown() {
        let user = #expect(throws: DaemonError.self) { try Self.resolve(["-u", "no-such-user"]) }
        #expect(user?.message == "cannot find user id for 'no-such-user'")
        let group = #expect(throws: DaemonError.self) { try Self.resolve(["-g", "no-such-group"]) }
        #expect(group?.message == "cannot find group id for 'no-such-group'")
    }

    @Test("another user is refused, by both numbers, unless user checks are ignored")
    func wrongUser() async {
        await #expect(processExitsWith: .success) {
            try Self.becomeUser(54321)
            let user = #expect(throws: DaemonError.self) { try Self.resolve([], user: "root") }
            #expect(user?.message == "testd started using wrong user ID (54321), expected 0")
            #expect(user?.code == .wrongUser && user?.exitStatus == 1)
            let group = #expect(throws: DaemonError.self) { try Self.resolve([], user: "54321", group: "0") }
            #expect(group?.message == "testd started using wrong group ID (54321), expected 0")
            let right = try Self.resolve([], user: "54321")
            let ignored = try Self.resolve(["--no-user-checks"], user: "root")
            #expect(right == nil && ignored == nil)
        }
    }

    @Test("with user checks ignored root stays what it is")
    func ignored() throws { #expect(try Self.resolve(["--no-user-checks"], user: "nobody") == nil) }
}
