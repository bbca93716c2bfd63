import Testing

@testable import masterd

@Suite("Words of a configuration's line", .timeLimit(.minutes(20)))
struct WordReaderTests {
    private static let environment = ["A": "a b", "N": "", "L": " x  y\t", "Q": ##"'"##, "H": "#", "B_1": "b"]

    private func words(_ line: String) throws(Complaint) -> [String] {
        try WordReader.words(of: Array(line.utf8)[...], environment: Self.environment).words
    }

    private static let rightCases: [(String, [String])] = [
        ("", []), ("  \t \r", []), ("a b", ["a", "b"]), ("\ta  b\t", ["a", "b"]),
        ("a\rb\u{0B}c\u{0C}", ["a", "b", "c"]),
        ("# x", []), ("a#b c", ["a"]), ("a # c", ["a"]), (##"a\#b"##, ["a#b"]), ("'a # b'", ["a # b"]),
        (##""a # b""##, ["a # b"]), ("'a b'", ["a b"]), ("''", [""]), (##"a "" b"##, ["a", "", "b"]),
        (##"a'b c'd"e f""##, ["ab cde f"]), (##"'"' "'""##, ["\"", "'"]),
        (##"a\ b"##, ["a b"]), (##"\\ \' \" \t \n \r"##, ["\\", "'", "\"", "\t", "\n", "\r"]),
        (##"\x41\xC3\xa9"##, ["Aé"]),
        (##"\a \1 \"##, ["\\a", "\\1", "\\"]), (##"'\n' '\'"##, ["\\n", "\\"]),
        (##""\n\"\\\'\ \#\q""##, ["\n\"\\' #\\q"]),
        (##"$A ${A} '$A' \$A"##, ["$A", "${A}", "$A", "\\$A"]), (##""\$A""##, ["$A"]),
        (##""$A""##, ["a b"]), (##""${A}c""##, ["a bc"]), (##"x"$A"y"##, ["xa by"]),
        (##""$A.b $B_1-c""##, ["a b.b b-c"]),
        (##""$Q$H""##, ["'#"]), (##""$N" "${NONE-}""##, ["", ""]), (##"a"${NONE-}"b"##, ["ab"]),
        (##""${A-d} ${NONE-d e} ${N-d} ${NONE-}""##, ["a b d e  "]), (##""${NONE-"#' \x41}""##, [##""#' \x41"##]),
        (##""${A[*]}""##, ["a", "b"]), (##"1"${A[*]}"2"##, ["1a", "b2"]), (##""${L[*]}""##, ["x", "y"]),
        (##""${NONE[*]-}" "${N[*]}""##, []), (##""${NONE[*]-p q}""##, ["p", "q"]), ("é日\u{A0}x", ["é日\u{A0}x"]),
    ]

    @Test("blanks, quotes, escapes and variables", arguments: rightCases)
    func right(line: String, expected: [String]) throws { #expect(try words(line) == expected) }

    private static func unset(_ name: String, at position: Int) -> String {
        "unset environment variable '\(name)': write ${\(name)-} where it may be empty at position \(position)."
    }

    private static let wrongCases: [(String, String)] = [
        ("a 'b", "unmatched quote at position 3."), (##"ab "c"##, "unmatched quote at position 4."),
        (##"x "${A"##, "unmatched brace in environment variable name at position 5."),
        (##"x "${A-b"##, "unmatched brace in environment variable name at position 5."),
        (##""${A b}""##, "unmatched brace in environment variable name at position 3."),
        (##""$1""##, "forbidden first char in environment variable name at position 3."),
        (##""${}""##, "forbidden first char in environment variable name at position 4."),
        (##""$""##, "forbidden first char in environment variable name at position 3."),
        (##""$"##, "forbidden first char in environment variable name at position 3."),
        (##"a\x4"##, "truncated or invalid hexadecimal sequence at position 2."),
        (##"\xg0"##, "truncated or invalid hexadecimal sequence at position 1."),
        (##"a\x00"##, "zero byte at position 2."), ("a\0", "zero byte at position 2."),
        (##""${A[1]}""##, "truncated or invalid word expansion sequence at position 5."),
        (##""${A["##, "truncated or invalid word expansion sequence at position 5."),
        (##"a \xff"##, "word 2 is not UTF-8."),
        (##"bind "${TYPO}:80""##, unset("TYPO", at: 9)), (##""$TYPO""##, unset("TYPO", at: 3)),
        (##"x "${TYPO[*]}""##, unset("TYPO", at: 6)),
    ]

    @Test("what cannot be read names its place in the line", arguments: wrongCases)
    func wrong(line: String, text: String) {
        do {
            Issue.record("\(try words(line))")
        } catch {
            #expect(error.text == text)
        }
    }

    @Test("a line ends somewhere, with its variables put in too")
    func longest() throws {
        let text = "line too long: its words have more than 65536 bytes."
        let most = String(repeating: "a", count: 65_535)
        #expect(mistakes(most) == ["m.cfg:1: unknown keyword '\(most)' out of section.".prefix(509) + "..."])
        #expect(mistakes(most + "aa") == ["m.cfg:1: \(text)"])
        let doubling = (0..<40).map { _ in " setenv A \"$A$A\"\n" }.joined()
        let found = mistakes("global\n setenv A ab\n\(doubling)worker w\n command x\n")
        #expect(found.count == 26 && found.allSatisfy { $0.hasSuffix(": \(text)") })
    }

    @Test("the whole has an end, too")
    func longestWhole() {
        let line = " setenv B \"$A\"\n"
        let text = "global\n" + String(repeating: line, count: 300) + "worker w\n command x\n"
        let found = mistakes(text, environment: ["A": String(repeating: "a", count: 65_000)])
        #expect(found == ["m.cfg:260: the configuration has more than 16777216 bytes up to here."])
    }
}
