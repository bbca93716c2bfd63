/// The word that was meant where another was typed.
package enum Suggestion {
    /// What is longer than any word was not mistyped, and the distance costs the product of both lengths.
    private static let longestWord = 128
    private static let mostWords = 1000

    /// The word that needs the fewest edits, where these are at most a third of its letters. Levenshtein's distance.
    package static func nearest(_ word: String, _ words: [String]) -> String? {
        let length = word.utf8.count
        guard length <= longestWord else { return nil }
        var best: (word: String, distance: Int)?
        for other in words.prefix(mostWords) where other.utf8.count <= longestWord {
            let limit = max(1, other.utf8.count / 3)
            // Words of other lengths are further away than that.
            guard abs(other.utf8.count - length) <= limit else { continue }  // bounded: two lengths in memory
            let distance = editDistance(Array(word.utf8), Array(other.utf8))
            if distance <= limit, distance < best?.distance ?? .max { best = (other, distance) }
        }
        return best?.word
    }

    private static func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var diagonal = row[0]  // bounded: a row is longer than the word
            row[0] = i + 1  // bounded: a row is longer than the word
            for (j, b) in right.enumerated() {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (a == b ? 0 : 1))
                diagonal = above
            }
        }
        return row[right.count]
    }
}
