/// How the deployment files' syntaxes write a text that holds spaces or special characters.
enum Quoting {
    /// sh(1): as it is where possible, else in single quotes.
    static func shell(_ text: String) -> String {
        isPlain(text) ? text : "'" + escaped(text, ["'": "'\\''"]) + "'"
    }

    /// sh(1), in double quotes, without expansions: systemd reads it the same way from an EnvironmentFile.
    static func doubleQuoted(_ text: String) -> String {
        "\"" + escaped(text, ["\\": "\\\\", "\"": "\\\"", "$": "\\$", "`": "\\`"]) + "\""
    }

    /// A word of ExecStart=: neither a specifier nor a variable. systemd.service(5)
    static func systemdWord(_ text: String) -> String {
        let literal = escaped(text, ["\\": "\\\\", "\"": "\\\"", "$": "$$", "%": "%%"])
        return isPlain(text) ? literal : "\"\(literal)\""
    }

    /// A setting of a unit, where only specifiers mean something. systemd.unit(5)
    static func systemdSetting(_ text: String) -> String { escaped(text, ["%": "%%"]) }

    /// A path in a setting that takes a list of paths.
    static func systemdPath(_ text: String) -> String {
        let literal = escaped(text, ["\\": "\\\\", "\"": "\\\"", "%": "%%"])
        return isPlain(text) ? literal : "\"\(literal)\""
    }

    /// A word of a configuration that `WordReader` reads.
    static func configuration(_ text: String) -> String {
        let literal = escaped(
            text, ["\\": "\\\\", "\"": "\\\"", "$": "\\$", "\n": "\\n", "\r": "\\r", "\t": "\\t"])
        return isPlain(text) ? literal : "\"\(literal)\""
    }

    static func xml(_ text: String) -> String { escaped(text, ["&": "&amp;", "<": "&lt;", ">": "&gt;"]) }

    /// A string of JSON, and so of YAML. RFC 8259
    static func json(_ text: String) -> String {
        let letters = text.unicodeScalars.map { scalar in
            switch scalar {
            case "\"", "\\": "\\\(scalar)"
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value): fourDigits(scalar.value)
            default: String(scalar)
            }
        }
        return "\"\(letters.joined())\""
    }

    private static func fourDigits(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits  // bounded: four digits at the most
    }

    static func jsonList(_ words: [String]) -> String { "[\(words.map(json).joined(separator: ", "))]" }

    /// A word of a container's command, in which Kubernetes would put in `$(VARIABLE)`.
    static func kubernetesWord(_ text: String) -> String { json(escaped(text, ["$": "$$"])) }

    /// Needs no quotes anywhere.
    private static func isPlain(_ text: String) -> Bool {
        !text.isEmpty && text.allSatisfy { ($0.isASCII && ($0.isLetter || $0.isNumber)) || "-_./:=,+%@".contains($0) }
    }

    private static func escaped(_ text: String, _ replacements: [Character: String]) -> String {
        text.map { replacements[$0] ?? String($0) }.joined()
    }
}
