import Testing
import Unix

@Suite("Users and groups", .timeLimit(.minutes(20)))
struct UserTests {
    @Test("a user is found by name")
    func name() throws {
        let root = try #require(try User.find("root"))
        #expect(root.id == 0 && root.name == "root" && root.group == 0)
        #expect(root.home == Array("/root".utf8) && root.shell.first == UInt8(ascii: "/"))
    }

    @Test("a user is found by number, and has the entry's name")
    func number() throws { #expect(try User.find("0")?.name == "root") }

    @Test("a number without an entry is a user without a name, whose group has the same number")
    func unknownNumber() throws {
        #expect(try User.find("4000000123") == User(id: 4_000_000_123, name: "", group: 4_000_000_123))
    }

    @Test(
        "what is neither is nobody",
        arguments: [
            "no-such-user", "", "-1", "4294967296", "0x0", "root ", " 0",
            LongText(String(repeating: "u", count: 100_000)),
        ])
    func unknown(argument: LongText) throws {
        #expect(try User.find(argument.text) == nil)
        #expect(Group.find(argument.text) == nil)
    }

    @Test("a group is found by name, by number, and by a number without an entry")
    func group() {
        #expect(Group.find("0") == 0)
        #expect(Group.find("4000000123") == 4_000_000_123)
        #if os(Linux)
        #expect(Group.find("root") == 0)
        #endif
    }

    private static let isRoot = CurrentProcess.userID == 0

    @Test("privileges are dropped for good, and no group of root's stays", .enabled(if: isRoot, "needs root"))
    func drop() async {
        await #expect(processExitsWith: .success) {
            var groups: [gid_t] = [0, 1, 2]
            setgroups(3, &groups)
            try Privileges.drop(to: User(id: 54321, name: "", group: 54321), group: 54322)
            #expect(getuid() == 54321 && geteuid() == 54321 && getgid() == 54322 && getegid() == 54322)
            var left = [gid_t](repeating: 0, count: 64)
            let count = getgroups(64, &left)
            #expect(left.prefix(Int(count)) == [54322])
            #expect(setuid(0) == -1 && seteuid(0) == -1 && setgid(0) == -1 && setegid(0) == -1)
        }
    }

    @Test("a user with a name gets the groups of the group database", .enabled(if: isRoot, "needs root"))
    func initialGroups() async {
        await #expect(processExitsWith: .success) {
            let nobody = try #require(try User.find("nobody"))
            try Privileges.drop(to: nobody, group: nobody.group)
            var left = [gid_t](repeating: 0, count: 64)
            let count = getgroups(64, &left)
            #expect(!left.prefix(Int(count)).contains(0) && left.prefix(Int(count)).contains(nobody.group))
        }
    }

    @Test(
        "the number that means \"unchanged\" to the system is not taken for a drop", .enabled(if: isRoot, "needs root"))
    func unchanged() async {
        await #expect(processExitsWith: .success) {
            let user = User(id: .max, name: "", group: .max)
            #expect(throws: Errno.self) { try Privileges.drop(to: user, group: .max) }
        }
    }

    @Test("one who is not root cannot become another", .enabled(if: isRoot, "needs root"))
    func notRoot() async {
        await #expect(processExitsWith: .success) {
            try Privileges.drop(to: User(id: 54321, name: "", group: 54321), group: 54321)
            #expect(throws: Errno.notPermitted) {
                try Privileges.drop(to: User(id: 54322, name: "", group: 54321), group: 54321)
            }
        }
    }
}
