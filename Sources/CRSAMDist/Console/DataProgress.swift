import Files

/// How far a command is that goes through a data set, with the time left: one line that is written over on a terminal,
/// a line every ten seconds elsewhere.
final class DataProgress {
    private let word: String
    private let total: Int
    private let isShown: Bool
    private let start = ContinuousClock.now
    private var last = ContinuousClock.now
    private var stands = false
    private let isTerminal = Terminal.screen() != nil

    init(_ word: String, total: Int, shown: Bool = true) {
        (self.word, self.total, isShown) = (word, total, shown)
    }

    func done(_ count: Int) {
        let now = ContinuousClock.now
        guard isShown, now - last > (isTerminal ? .milliseconds(500) : .seconds(10)) else { return }
        last = now
        let seconds =
            Double((now - start).components.seconds)
            + Double((now - start).components.attoseconds) * 1e-18
        let left = Int(seconds / Double(count) * Double(total - count) + 0.5)
        let rate = NumberText.fixed(Double(count) / seconds, 0)
        let text = "\(word) \(count)/\(total), \(rate) images/s, \(left / 60) min \(left % 60) s left"
        Console.writeProgress(isTerminal ? "\r\u{1B}[K\(text)" : "\(text)\n")
        stands = isTerminal
    }

    /// Leaves the line.
    func end() {
        if stands { Console.writeProgress("\r\u{1B}[K") }
        stands = false
    }
}
