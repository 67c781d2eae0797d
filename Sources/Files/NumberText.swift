/// Numbers and durations as people read them.
package enum NumberText {
    /// Seconds as `45 s`, `3 min 20 s`, `5 h 12 min` or `3 d 4 h`.
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "unknown" }
        let total = Int(seconds.rounded())
        if total < 60 { return "\(total) s" }
        if total < 3600 { return "\(total / 60) min \(total % 60) s" }
        if total < 86_400 { return "\(total / 3600) h \(total % 3600 / 60) min" }
        return "\(total / 86_400) d \(total % 86_400 / 3600) h"
    }

    package static func percent(_ share: Double) -> String { fixed(share * 100, 2) + " %" }

    /// With so many digits behind the point.
    package static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int((abs(value) * scale).rounded())
        if digits == 0 { return "\(value < 0 ? -scaled : scaled)" }
        let fraction = String(scaled % Int(scale))
        let padded = String(repeating: "0", count: digits - fraction.count) + fraction
        return (value < 0 && scaled > 0 ? "-" : "") + "\(scaled / Int(scale)).\(padded)"
    }

    /// With about three digits that count.
    package static func short(_ value: Double) -> String {
        switch abs(value) {
        case 100...: fixed(value, 0)
        case 10..<100: fixed(value, 1)
        case 0.01..<10: fixed(value, 3)
        case 0: "0"
        default: "\(Float(value))"
        }
    }
}

extension Duration {
    /// In seconds and parts of one.
    package var seconds: Double { Double(components.seconds) + 1e-18 * Double(components.attoseconds) }
}
