/// How the deployment files' syntaxes write a text that holds spaces or special characters.
package enum Quoting {
    /// sh(1): as it is where possible, else in single quotes.
    package static func shell(_ text: String) -> String {
        isPlain(text) ? text : "'" + escaped(text, ["'": "'\\''"]) + "'"
    }

    /// sh(1), in double quotes, without expansions: systemd reads it the same way from an EnvironmentFile.
    package static func doubleQuoted(_ text: String) -> String {
        "\"" + escaped(text, ["\\": "\\\\", "\"": "\\\"", "$": "\\$", "`": "\\`"]) + "\""
    }

    /// A word of ExecStart=: neither a specifier nor a variable. systemd.service(5)
    package static func systemdWord(_ text: String) -> String {
        let literal = escaped(text, ["\\": "\\\\", "\"": "\\\"", "$": "$$", "%": "%%"])
        return isPlain(text) ? literal : "\"\(literal)\""
    }

    /// A setting of a unit, where only specifiers mean something. systemd.unit(5)
    package static func systemdSetting(_ text: String) -> String { escaped(text, ["%": "%%"]) }

    /// A path in a setting that takes a list of paths.
    package static func systemdPath(_ text: String) -> String {
        let literal = escaped(text, ["\\": "\\\\", "\"": "\\\"", "%": "%%"])
        return isPlain(text) ? literal : "\"\(literal)\""
    }

    /// A word of a configuration that `WordReader` reads.
    package static func configuration(_ text: String) -> String {
        let literal = escaped(
            text, ["\\": "\\\\", "\"": "\\\"", "$": "\\$", "\n": "\\n", "\r": "\\r", "\t": "\\t"])
        return isPlain(text) ? literal : "\"\(literal)\""
    }

    package static func xml(_ text: String) -> String { escaped(text, ["&": "&amp;", "<": "&lt;", ">": "&gt;"]) }

    /// A string of JSON, and so of YAML. RFC 8259
    package static func json(_ text: String) -> String { JSONText.string(text).text }

    package static func jsonList(_ words: [String]) -> String { "[\(words.map(json).joined(separator: ", "))]" }

    /// A word of a container's command, in which Kubernetes would put in `$(VARIABLE)`.
    package static func kubernetesWord(_ text: String) -> String { json(escaped(text, ["$": "$$"])) }

    /// Needs no quotes anywhere.
    private static func isPlain(_ text: String) -> Bool {
        !text.isEmpty && text.allSatisfy { ($0.isASCII && ($0.isLetter || $0.isNumber)) || "-_./:=,+%@".contains($0) }
    }

    private static func escaped(_ text: String, _ replacements: [Character: String]) -> String {
        text.map { replacements[$0] ?? String($0) }.joined()
    }
}
