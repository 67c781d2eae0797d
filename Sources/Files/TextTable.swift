/// Columns of text: numbers to the right, words to the left.
package struct TextTable {
    package let text: String

    /// - Parameters:
    ///   - rows: all as long as the first, which is the header.
    ///   - numbers: columns that hold numbers.
    package init(_ rows: [[String]], numbers: some RangeExpression<Int>) {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        text = rows.map { row in
            let line = row.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return numbers.contains(column) ? padding + cell : cell + padding
            }.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }
}
