import Foundation

/// A file of the repository.
func text(of path: String) -> String {
    let contents = FileManager.default.contents(atPath: "\(Product.repository)/\(path)")
    return String(decoding: contents ?? Data(), as: UTF8.self)
}

/// A page of the repository and its fenced blocks.
final class Markdown: Sendable {
    struct Block: Sendable {
        let language: String
        /// What a comment right above it says about running it.
        let note: String?
        let text: String
        let line: Int

        /// The file of the repository that it shows, in full: `<!-- is: PATH -->`
        var file: String? { note?.hasPrefix("is: ") == true ? note.map { String($0.dropFirst(4)) } : nil }
        /// It is no program for DaemonKit alone.
        var isOfIntegrations: Bool { note == "needs: Integrations" }
    }

    let path: String
    let text: String
    let blocks: [Block]

    init(_ path: String) {
        self.path = path
        text = DaemonsTests.text(of: path)
        var blocks: [Block] = []
        var open: (language: String, note: String?, text: String, line: Int)?
        var note: String?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if let block = open {
                if line == "```" {
                    blocks.append(Block(language: block.language, note: block.note, text: block.text, line: block.line))
                    open = nil
                } else {
                    open?.text += line + "\n"
                }
            } else if line.hasPrefix("```") {
                open = (String(line.dropFirst(3)), note, "", index + 1)
                note = nil
            } else if let match = line.wholeMatch(of: /<!-- (.*) -->/) {
                note = String(match.1)
            } else if !line.isEmpty {
                note = nil
            }
        }
        self.blocks = blocks
    }
}
