import DaemonKit
import Text

/// Columns of text, as wide as they must be.
struct TextTable {
    let heads: [String]
    /// Columns of numbers.
    let rightAligned: Set<Int>
    var rows: [[String]] = []

    init(_ heads: [String], rightAligned: Set<Int> = []) {
        self.heads = heads
        self.rightAligned = rightAligned
    }

    /// Cells may hold names and words of others.
    var lines: [String] {
        let all = ([heads] + rows).map { row in row.map { VisibleText.line($0) } }
        // bounded: every row has as many cells, and none is wider
        let widths = heads.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            let cells = row.indices.map { column in
                // bounded: every row has as many cells, and none is wider
                let blanks = String(repeating: " ", count: widths[column] - row[column].count)
                return rightAligned.contains(column) ? blanks + row[column] : row[column] + blanks
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    var text: String { lines.map { "\($0)\n" }.joined() }
}
