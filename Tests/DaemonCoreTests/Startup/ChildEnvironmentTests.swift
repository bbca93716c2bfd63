import DaemonCore
import Testing
import Unix

@Suite("The environment of a child", .timeLimit(.minutes(20)))
struct ChildEnvironmentTests {
    private static let user = User(
        id: 54321, name: "web", group: 54321, home: Array("/srv/web".utf8), shell: Array("/bin/false".utf8))

    private static func entries(_ texts: String...) -> [[UInt8]] { texts.map { Array($0.utf8) } }
    private static func texts(_ entries: [[UInt8]]) -> Set<String> {
        Set(entries.map { String(decoding: $0, as: UTF8.self) })
    }

    @Test("what was meant for the parent alone goes, every protocol's")
    func cleaned() {
        let entries = Self.entries(
            "A=1", "NOTIFY_SOCKET=@x", "WATCHDOG_PID=1", "WATCHDOG_USEC=1", "LISTEN_PID=1", "LISTEN_FDS=1",
            "LISTEN_FDNAMES=x", "LISTEN_PIDFDID=1", "SERVER_STARTER_PORT=80=3", "EINHORN_FD_0=3", "DAEMONKIT_STATE=3",
            "LISTEN_ADDRESS=here", "WATCHDOG=cat")
        #expect(Self.texts(ChildEnvironment.cleaned(entries)) == ["A=1", "LISTEN_ADDRESS=here", "WATCHDOG=cat"])
    }

    @Test("a child of another user has his log-in, and nothing of the session of whoever started us")
    func user() {
        let entries = Self.entries(
            "PATH=/bin", "HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/bash", "MAIL=/var/mail/root",
            "SUDO_USER=me", "SUDO_COMMAND=x", "XDG_RUNTIME_DIR=/run/user/0", "SSH_AUTH_SOCK=/x",
            "DBUS_SESSION_BUS_ADDRESS=x", "LANG=C")
        #expect(
            Self.texts(ChildEnvironment.entries(entries, of: Self.user)) == [
                "PATH=/bin", "LANG=C", "HOME=/srv/web", "USER=web", "LOGNAME=web", "SHELL=/bin/false",
            ])
    }

    @Test("what was set on purpose stays")
    func kept() {
        let entries = Self.entries("HOME=/data", "XDG_CONFIG_HOME=/etc/x", "USER=root")
        let kept = Set(Self.entries("HOME", "XDG_CONFIG_HOME", "SHELL"))
        #expect(
            Self.texts(ChildEnvironment.entries(entries, of: Self.user, keeping: kept)) == [
                "HOME=/data", "XDG_CONFIG_HOME=/etc/x", "USER=web", "LOGNAME=web",
            ])
    }

    @Test("a number without an entry has a home, and neither a name nor a shell")
    func number() {
        let user = User(id: 54321, name: "", group: 54321)
        #expect(
            Self.texts(ChildEnvironment.entries(Self.entries("HOME=/root", "USER=root", "SHELL=x"), of: user)) == [
                "HOME=/"
            ])
    }

    @Test("bytes that are no UTF-8 are not repaired")
    func bytes() {
        let odd: [UInt8] = Array("A=".utf8) + [0xFF, 0xC3]
        #expect(ChildEnvironment.entries([odd], of: Self.user).contains(odd))
    }
}
