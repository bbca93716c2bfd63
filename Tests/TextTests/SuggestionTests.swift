import TestSupport
import Testing
import Text

@Suite("Suggestions", .timeLimit(.minutes(20)))
struct SuggestionTests {
    private static let words = ["foreground", "debug", "port", "pid-file", "log-file"]

    @Test(
        "a slip of the hand finds the word",
        arguments: [
            ("forground", "foreground"), ("foregroundd", "foreground"), ("debg", "debug"), ("prt", "port"),
            ("pot", "port"),
            ("pidfile", "pid-file"), ("logfile", "log-file"), ("port", "port"),
        ])
    func found(typed: String, word: String) { #expect(Suggestion.nearest(typed, Self.words) == word) }

    @Test("what is far from all words finds none", arguments: ["", "x", "verbose", "colour", "daemonize", "日本語"])
    func none(typed: String) { #expect(Suggestion.nearest(typed, Self.words) == nil) }

    @Test("there is nothing near among no words")
    func noWords() { #expect(Suggestion.nearest("port", []) == nil) }
}
