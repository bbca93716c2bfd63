import Testing

@testable import masterd

@Suite("A file of variables", .timeLimit(.minutes(20)))
struct EnvironmentFileTests {
    private func read(_ bytes: [UInt8]) -> EnvironmentFile {
        EnvironmentFile(ConfigurationFile(path: "e", contents: bytes))
    }

    @Test(
        "the value is what stands behind the first =, but for one pair of quotes",
        arguments: [
            ("A=1", "1"), ("A=", ""), ("A=b=c", "b=c"), (" \tA= x ", " x "), ("A=\"x y\"", "x y"), ("A='\"'", "\""),
            ("A=\"", "\""), ("A=\"x'", "\"x'"), ("A=x\"", "x\""), ("A=\"\"", ""), ("A=$B\\n", "$B\\n"), ("A=1\r", "1"),
        ])
    func values(line: String, value: String) {
        let file = read(Array(line.utf8))
        #expect(file.variables == [Variable(name: "A", value: value)] && file.mistakes.isEmpty)
    }

    @Test("bytes that are no text come back as they were")
    func bytes() {
        let value = (1...255).map { UInt8($0) }.filter { $0 != UInt8(ascii: "\n") }
        let file = read(Array("A=".utf8) + value + Array("\nB=2".utf8))
        #expect(file.variables.map(\.value.systemBytes) == [value, Array("2".utf8)])
    }

    @Test("empty lines and comments say nothing")
    func nothing() {
        let file = read(Array("\n  \n#A=1\n ;A=1\n\r\n".utf8))
        #expect(file.variables.isEmpty && file.mistakes.isEmpty)
    }

    @Test("every mistake is named with its line, and no value")
    func mistakes() {
        let long = "L=" + String(repeating: "x", count: EnvironmentFile.longestEntry - 1)
        let file = read(Array("A=1\nsecret\n=secret\nexport B=secret\nC=\0secret\n\(long)\nB=2\n".utf8))
        #expect(file.variables.map(\.name) == ["A", "B"])
        #expect(
            file.mistakes.map(\.description) == [
                "e:2: expects NAME=VALUE: there is no '='.", "e:3: expects NAME=VALUE, not the name ''.",
                "e:4: expects NAME=VALUE, not the name 'export B'.", "e:5: zero byte.",
                "e:6: 'L' has more than \(EnvironmentFile.longestEntry) bytes.",
            ])
    }
}
