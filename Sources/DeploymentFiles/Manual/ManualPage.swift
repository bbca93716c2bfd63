import DaemonCore

/// A page for man(1), in the macros of man(7).
package struct ManualPage {
    /// A word or words, and what is to be said of them.
    package typealias Entry = (tag: String, text: String)

    package struct Section {
        package let title: String
        package let paragraphs: [String]
        package let entries: [Entry]
        /// A part of the section before it.
        package let isPart: Bool

        package init(_ title: String, _ paragraphs: [String] = [], _ entries: [Entry] = [], isPart: Bool = false) {
            self.title = title
            self.paragraphs = paragraphs
            self.entries = entries
            self.isPart = isPart
        }
    }

    package let name: String
    package let section: Int
    package let version: String
    package let summary: String
    /// What follows the program's name, a line for each way to call it.
    package let synopsis: [String]
    package let sections: [Section]

    package init(
        _ name: String, section: Int, version: String, summary: String, synopsis: [String], sections: [Section]
    ) {
        self.name = name
        self.section = section
        self.version = version
        self.summary = summary
        self.synopsis = synopsis
        self.sections = sections
    }

    package var text: String {
        var lines = [
            ".\\\" Printed by \(name) --help-manual.",
            ".TH \(Self.argument(name.uppercased())) \(section) \"\" \(Self.argument("\(name) \(version)"))",
            ".\\\" Commands and options are torn nowhere.", ".ad l", ".nh",
            ".SH NAME", "\(Self.escaped(name)) \\- \(Self.escaped(Self.phrase(summary)))",
            ".SH SYNOPSIS", ".nf",
        ]
        lines += synopsis.map { "\\fB\(Self.escaped(name))\\fR \(Self.escaped($0))" } + [".fi"]
        for section in sections where !(section.paragraphs.isEmpty && section.entries.isEmpty) {
            lines.append(".\(section.isPart ? "SS" : "SH") \(Self.argument(section.title))")
            for (index, paragraph) in section.paragraphs.enumerated() {
                lines += (index == 0 ? [] : [".PP"]) + [Self.line(paragraph)]
            }
            for entry in section.entries {
                lines += [".TP", "\\fB\(Self.tag(entry.tag))\\fR", Self.line(entry.text)]
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    /// apropos(1) wants no sentence: `daemon - serves this`.
    private static func phrase(_ summary: String) -> String {
        let words = summary.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let phrase = words.hasSuffix(".") ? String(words.dropLast()) : words
        return phrase.isEmpty ? "a daemon" : phrase
    }

    /// A line of text: a dot or an apostrophe at its begin would be a request.
    private static func line(_ text: String) -> String {
        let words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return (words.hasPrefix(".") ? "\\&" : "") + escaped(words)
    }

    /// A long list of choices may go on in the next line.
    private static func tag(_ text: String) -> String {
        text.split(separator: "|", omittingEmptySubsequences: false).map { escaped(String($0)) }.joined(
            separator: "|\\:")
    }

    private static func argument(_ text: String) -> String { "\"\(escaped(text))\"" }

    /// As it is to be copied from a terminal: a plain hyphen, quote or tilde of roff is another character. groff_char(7)
    private static func escaped(_ text: String) -> String {
        text.map { letter in
            switch letter {
            case "\\": "\\e"
            case "-": "\\-"
            case "'": "\\(aq"
            case "`": "\\(ga"
            case "^": "\\(ha"
            case "~": "\\(ti"
            case "\"": "\\(dq"
            default: String(letter)
            }
        }.joined()
    }
}
