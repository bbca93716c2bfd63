import Testing

@testable import masterd

@Suite("What a configuration asks of the system", .timeLimit(.minutes(20)))
struct SystemFactsTests {
    private static let fake = SystemFacts(
        hasUser: { $0 == "web" }, hasGroup: { $0 == "web" }, isDirectory: { ["/", "/run", "/srv"].contains($0) },
        findExecutable: { name, path throws(Errno) in
            switch (name, path) {
            case ("good", "/bin"), ("/srv/good", _): return name
            case ("locked", _): throw .permissionDenied
            default: throw .noSuchFile
            }
        },
        findForOther: { name, path throws(Errno) in
            guard name == "good", path == "/bin" else { throw .noSuchFile }
            return ["/bin/good"]
        })

    private func mistakes(_ text: String) throws -> [String] {
        try read(text, environment: ["PATH": "/bin"]).mistakes(Self.fake).map(\.description)
    }

    @Test("nothing is said where all is there")
    func right() throws {
        let text = """
            global
                control-socket /run/m.sock
            listen l
                bind /w.sock user web group web
                bind :80
            worker w
                command good
                user web
                group web
                chdir /srv
                log file /run/w.log
            program p
                command ./good
                chdir /srv
            """
        let found = try read(text, environment: ["PATH": "/bin"])
        #expect(found.mistakes(Self.fake.following("/srv/./good")).isEmpty)
    }

    @Test("everything that is not there, in the order of the sections")
    func wrong() throws {
        let text = """
            global
                control-socket /no/m.sock
            listen l
                bind /no/w.sock user a group b
            worker w
                command nothere
                user c
                group d
                chdir /no
                log file /no/w.log
            program p
                command locked
            program q
                command good
                setenv PATH /nowhere
            program r
                command ./good
                chdir /run
            """
        #expect(
            try mistakes(text) == [
                "m.cfg:2: 'control-socket': cannot find directory '/no'.",
                "m.cfg:4: 'bind': cannot find directory '/no'.",
                "m.cfg:4: cannot find user id for 'a'", "m.cfg:4: cannot find group id for 'b'",
                "m.cfg:7: cannot find user id for 'c'", "m.cfg:8: cannot find group id for 'd'",
                "m.cfg:9: 'chdir': cannot find directory '/no'.", "m.cfg:10: 'log': cannot find directory '/no'.",
                "m.cfg:6: Cannot execute nothere: No such file or directory",
                "m.cfg:12: Cannot execute locked: Permission denied",
                "m.cfg:14: Cannot execute good: No such file or directory",
                "m.cfg:17: Cannot execute ./good: No such file or directory",
            ])
    }

    @Test("this system")
    func real() throws {
        let folder = TemporaryFolder()
        try folder.write("", to: "plain")
        let text = """
            global
                control-socket \(folder["c.sock"])
            worker a
                command sh
                user root
                group root
            worker b
                command ./plain
                chdir \(folder.path)
            worker c
                command \(folder.path)
            worker d
                command ../bin/sh
                chdir /usr
            worker e
                command nothing-of-this-name
                user nobody-of-this-name
            """
        let found = try read(text, environment: ["PATH": "/nowhere:/bin"])
        #expect(
            found.mistakes(.real).map(\.description) == [
                "m.cfg:8: Cannot execute ./plain: Permission denied",
                "m.cfg:11: Cannot execute \(folder.path): Permission denied",
                "m.cfg:17: cannot find user id for 'nobody-of-this-name'",
                "m.cfg:16: Cannot execute nothing-of-this-name: No such file or directory",
            ])
        #expect(try found.executables(of: found.services[0]) == ["/bin/sh"])
        #expect(try found.executables(of: found.services[3]) == ["/usr/../bin/sh"])
    }
}

extension SystemFacts {
    /// Knows one more executable.
    fileprivate func following(_ path: String) -> SystemFacts {
        var facts = self
        facts.findExecutable = { [findExecutable] name, search throws(Errno) in
            name == path ? name : try findExecutable(name, search)
        }
        return facts
    }
}
