extension String {
    /// Levenshtein's distance: insertions, deletions and exchanges of a character, of the first 64 characters.
    package func editDistance(to other: String) -> Int {
        let (a, b) = (Array(prefix(64)), Array(other.prefix(64)))
        var row = Array(0...b.count)
        for i in a.indices {
            var diagonal = row[0]
            row[0] = i + 1
            for j in b.indices {
                let cost = a[i] == b[j] ? diagonal : diagonal + 1
                diagonal = row[j + 1]
                row[j + 1] = Swift.min(cost, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
