import Testing

@testable import MasterRuntime

@Suite("ControlLine", .timeLimit(.minutes(20)))
struct ControlLineTests {
    private func parse(_ text: String) throws -> [[String]] {
        let (requests, pattern) = try ControlLine.parse(Array(text.utf8))
        #expect(pattern == nil)
        return requests.map(\.words)
    }

    @Test("words are separated by blanks and tabs, however many, also around them")
    func words() throws {
        #expect(try parse("show version") == [["show", "version"]])
        #expect(try parse("  show \t\t version\t ") == [["show", "version"]])
    }

    @Test("a semicolon separates commands; those without words are none")
    func commands() throws {
        #expect(try parse("a;b c;d") == [["a"], ["b", "c"], ["d"]])
        #expect(try parse("a ; b") == [["a"], ["b"]])
        #expect(try parse(";;a;; ;b;") == [["a"], ["b"]])
    }

    @Test("a line without words is no command", arguments: ["", " ", "\t", ";", " ; ;", "\r"])
    func empty(text: String) throws { #expect(try parse(text) == []) }

    @Test(
        "a backslash takes the next character for itself",
        arguments: [
            (#"a\ b"#, ["a b"]), (#"a\;b"#, ["a;b"]), (#"a\\b"#, [#"a\b"#]), (#"\a"#, ["a"]), (#"\ "#, [" "]),
            (#"a\\ b"#, [#"a\"#, "b"]), ("a\\\tb", ["a\tb"]), (#"a\\\;b"#, [#"a\;b"#]), (#"\"#, [#"\"#]),
            (#"a b\"#, ["a", #"b\"#]),
        ])
    func escapes(text: String, words: [String]) throws { #expect(try parse(text) == [words]) }

    @Test("a carriage return is not part of it, wherever it is")
    func carriageReturn() throws {
        #expect(try parse("show version\r") == [["show", "version"]])
        #expect(try parse("a\rb\r\r") == [["ab"]])
    }

    @Test("quotes and signs of the shell mean nothing")
    func plain() throws { #expect(try parse(#""a b" $c * # 'd'"#) == [["\"a", "b\"", "$c", "*", "#", "'d'"]]) }

    @Test("what is not UTF-8 is repaired, and NUL is a letter")
    func notUTF8() throws {
        let (requests, _) = try ControlLine.parse([0x61, 0xFF, 0x20, 0x00])
        #expect(requests.map(\.words) == [["a\u{FFFD}", "\0"]])
    }

    // MARK: Payloads

    @Test(
        "a last word that begins with << announces a payload, and what follows in it is the pattern",
        arguments: [
            ("set x <<", [["set", "x"]], ""), ("set x <<EOF", [["set", "x"]], "EOF"), ("a;b <<E", [["a"], ["b"]], "E"),
            ("<<E", [], "E"), ("a;<<E", [["a"]], "E"), ("a <<E \t", [["a"]], "E"), ("a <<E\r", [["a"]], "E"),
        ])
    func pattern(text: String, commands: [[String]], pattern: String) throws {
        let found = try ControlLine.parse(Array(text.utf8))
        #expect(found.0.map(\.words) == commands && found.pattern == pattern)
    }

    @Test("before the end << is a word as any other", arguments: ["a <<b c", "a <<b;c", "a b<<c", "a <b"])
    func noPattern(text: String) throws { #expect(try !parse(text).isEmpty) }

    // MARK: Limits

    @Test("a line of 16 KiB is one, and a longer one a mistake")
    func longest() throws {
        let longest = String(repeating: "a", count: ControlLine.longestLine)
        #expect(try parse(longest) == [[longest]])
        let mistake = #expect(throws: ControlMistake.self) { try parse(longest + "a") }
        #expect(mistake?.message == "Line too long (16384 bytes at most).")
    }

    @Test("a command has 64 words at most, each command of a line")
    func mostWords() throws {
        let most = String(repeating: "a ", count: ControlLine.mostWords)
        #expect(try parse("\(most);\(most)").map(\.count) == [64, 64])
        let mistake = #expect(throws: ControlMistake.self) { try parse("b;\(most) a") }
        #expect(mistake?.message == "Too many words (64 at most).")
    }

    @Test("the words before a payload are counted without its pattern")
    func mostWordsWithPattern() throws {
        let most = String(repeating: "a ", count: ControlLine.mostWords)
        #expect(try ControlLine.parse(Array("\(most) <<E".utf8)).pattern == "E")
    }

    // MARK: Text

    @Test(
        "the text of commands says them again",
        arguments: [
            [["show", "version"]], [["a"], ["b c", "d"]], [["a;b"], ["\\", "\\\\", "\t"]], [["ü", "\0"]], [],
            [[" ", ";", "\\ "]], [["a <<b", "c"]],
        ])
    func roundTrip(commands: [[String]]) throws {
        let text = ControlLine.text(commands.map { ControlRequest($0) })
        #expect(try parse(text) == commands)
    }

    @Test(
        "a blank, a semicolon or a backslash with an accent on it is escaped too",
        arguments: [" \u{301}", ";\u{301}", "\\\u{301}", "a;\u{308}stop", "\t\u{200D}"])
    func accents(word: String) throws {
        #expect(try parse(ControlLine.text([ControlRequest(["a", word])])) == [["a", word]])
    }

    @Test("a last word that begins with << does not become a pattern", arguments: ["<<", "<<EOF", "<<\u{301}"])
    func textOfPattern(word: String) throws {
        #expect(try parse(ControlLine.text([ControlRequest(["a", word])])) == [["a", word]])
    }
}
